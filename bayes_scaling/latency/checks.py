"""Can a latency posterior be trusted: the convergence gate, and where prior and data pull apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy

from bayes_scaling.latency.design import build_design
from bayes_scaling.latency.posterior import LatencyPosterior
from bayes_scaling.models.latency_density import log_time, scatter
from bayes_scaling.models.latency_design import TimeBlock
from bayes_scaling.posterior.checks import Checks
from bayes_scaling.posterior.criteria import Check, convergence_of, judge, sampler_of
from bayes_scaling.posterior.statuses import REVIEW
from bayes_scaling.posterior.summary import stack_cells
from bayes_scaling.posterior.verdict import store, stored

CONFLICT = 3.0  # prior standard deviations between prior and posterior mean
NOMINAL = 0.9
ALLOWED = 0.08
FEWEST_SIZES = 3


def checks_of(fit: LatencyPosterior) -> Checks:
    """The checks of a fit, computed once: they are stored with its draws, in memory and on disk."""
    rows = stored(fit.idata)
    if rows is None:
        rows = run_checks(fit).rows
        store(fit.idata, rows)
    return Checks(rows)


def run_checks(fit: LatencyPosterior) -> Checks:
    """Check convergence, prior against data, and the cover of the fitted times.

    Returns
    -------
    Checks
        FAIL: R-hat above 1.01, bulk or tail effective sample size under 400, any divergence, E-BFMI under
        0.3. REVIEW: a coefficient moved by more than three prior standard deviations, the 90% interval does
        not cover about 90% of the fitted times, or fewer than three model sizes.
    """
    cells = stack_cells(fit.idata["unconstrained_posterior"].to_dataset()["position"])
    gate = (*convergence_of(*cells), *sampler_of(fit.idata["sample_stats"].to_dataset()))
    return Checks((*gate, _conflict(fit), _cover(fit), _sizes(fit)))


def shifts(fit: LatencyPosterior) -> pd.DataFrame:
    """How far the timings moved each coefficient.

    Returns
    -------
    DataFrame
        One row a coefficient of an architecture and phase: architecture, phase, coefficient, unit, meaning,
        prior_median, prior_q05, prior_q95, median, q05, q95, shift (posterior less prior mean of ``u``, in
        prior standard deviations), contraction (1 less the ratio of the standard deviations).
    """
    rows = []
    for block in build_design(fit.timings, fit.settings).blocks:
        draws = fit.positions(block.architecture, block.phase)
        for parameter in block.parameters:
            u = draws[parameter.name]
            points = parameter.center + parameter.sd * np.array([0.0, -1.645, 1.645])
            prior = parameter.value(np, points)
            now = parameter.value(np, np.quantile(u, [0.5, 0.05, 0.95]))
            rows.append(
                {
                    "architecture": block.architecture,
                    "phase": block.phase,
                    "coefficient": parameter.name,
                    "unit": parameter.unit,
                    "meaning": parameter.meaning,
                    **dict(zip(("prior_median", "prior_q05", "prior_q95"), prior, strict=True)),
                    **dict(zip(("median", "q05", "q95"), now, strict=True)),
                    "shift": (u.mean() - parameter.center) / parameter.sd,
                    "contraction": 1 - u.std() / parameter.sd,
                }
            )
    return pd.DataFrame(rows)


def _conflict(fit: LatencyPosterior) -> Check:
    table = shifts(fit)
    worst = table.iloc[int(table["shift"].abs().to_numpy().argmax())]
    where = f"{worst.coefficient} of {worst.architecture}'s {worst.phase}"
    seen = f"the timings move {where} by {worst['shift']:+.1f} prior standard deviations"
    advice = f"{seen}: the device is another one, a kernel is far from its best, or the formula pays there"
    return judge("prior_conflict", abs(worst["shift"]), "<=", CONFLICT, REVIEW, f"at most: {seen}", advice)


def cover(fit: LatencyPosterior, draws: int = 400) -> dict[str, float]:
    """Share of the fitted times inside their 90% interval, by architecture and phase."""
    design = build_design(fit.timings, fit.settings)
    position = fit.idata["unconstrained_posterior"]["position"].transpose("chain", "draw", "coordinate")
    flat = position.to_numpy().reshape(-1, design.size)
    thin = flat[:: max(len(flat) // draws, 1)]
    found = {}
    for block, part in design.parts(thin):
        if isinstance(block, TimeBlock):
            level = scipy.stats.t.cdf(_residuals(block, part, design), design.noise.degrees).mean(0)
            found[f"{block.architecture}/{block.phase}"] = float((abs(level - 0.5) <= NOMINAL / 2).mean())
    return found


def _residuals(block: TimeBlock, part: np.ndarray, design: Any) -> np.ndarray:
    shift, log_scale = scatter(np, block, part)
    return (block.log_time - log_time(np, block, part, design.device) - shift) / np.exp(log_scale)


def _cover(fit: LatencyPosterior) -> Check:
    shares = cover(fit)
    name = max(shares, key=lambda key: abs(shares[key] - NOMINAL))
    seen = f"90% intervals cover {', '.join(f'{v:.0%} of {k}' for k, v in shares.items())}"
    advice = f"{seen}: the formula or the noise does not describe these times; look for outliers"
    return judge("coverage", abs(shares[name] - NOMINAL), "<=", ALLOWED, REVIEW, seen, advice)


def _sizes(fit: LatencyPosterior) -> Check:
    counts = fit.timings.frame.groupby("architecture")["params"].nunique()
    name = counts.idxmin()
    least = int(counts.min())
    seen = f"{name} was timed at {least} model size{'s' if least > 1 else ''}"
    advice = f"{seen}: other sizes rest on the prior. Time more sizes before predicting them"
    return judge("model_sizes", least, ">=", FEWEST_SIZES, REVIEW, seen, advice)
