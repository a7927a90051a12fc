"""The single checks: each PASS, REVIEW or FAIL, with what was seen and what to do about it.

The convergence gate (R-hat, effective sample sizes, divergences, E-BFMI) fails a fit; everything
else asks for a second look.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.laws.covariates import Covariate
from bayes_scaling.posterior.loo import bad_runs, loo
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.posterior.prior_weight import MOVED, prior_shifts
from bayes_scaling.posterior.residual_trend import LEVEL, residual_trends
from bayes_scaling.posterior.sensitivity import CONFLICT, sensitivity
from bayes_scaling.posterior.statuses import FAIL, PASS, REVIEW
from bayes_scaling.posterior.summary import describe_cell, diagnostics, posterior_cells

R_HAT = 1.01
ESS = 400
E_BFMI = 0.3
MAX_TREE_DEPTH = 10  # the limit of both back ends' NUTS
BAD_K_SHARE = 0.01
NOMINAL = 0.9
HELD = 0.1  # distance of the back-test's coverage from nominal
LEFT_OUT = 20  # runs that the back-test needs
EPOCHS = 4  # up to which tokens are nearly as good as new
REPEATING = 5  # runs beyond that are needed
COVARIATE_SPAN = 2.0  # times its least value, which some runs should have
DECADES = 1.0  # of compute; below, extrapolations were seen to miss
RUNS = 60  # likewise


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes
    ----------
    name : str
    status : {"PASS", "REVIEW", "FAIL"}
    value : float
        NaN where it could not be computed; then the status is not PASS.
    rule : {"<=", ">="}
        How value must stand to threshold to pass.
    threshold : float
    advice : str
        What was seen and what to do about it.
    """

    name: str
    status: str
    value: float
    rule: str
    threshold: float
    advice: str


def judge(
    name: str, value: float, rule: str, threshold: float, otherwise: str, fine: str, advice: str
) -> Check:
    """A check from its value: PASS by the rule, else ``otherwise``. NaN never passes."""
    passed = value <= threshold if rule == "<=" else value >= threshold
    text = fine if passed else advice
    return Check(name, PASS if passed else otherwise, float(value), rule, float(threshold), text)


def convergence(fit: Posterior) -> tuple[Check, ...]:
    """R-hat and the two effective sample sizes, worst over all quantities of groups that have runs."""
    return convergence_of(*posterior_cells(fit))


def convergence_of(draws: xr.DataArray, labels: pd.DataFrame) -> tuple[Check, ...]:
    """R-hat and the two effective sample sizes of draws (chain, draw, cell), worst over the cells."""
    moving = (draws.max(("chain", "draw")) != draws.min(("chain", "draw"))).values
    table = labels.join(diagnostics(draws))[moving].reset_index(drop=True)
    return (_r_hat(table, draws.sizes["chain"]), _ess(table, "ess_bulk"), _ess(table, "ess_tail"))


def _r_hat(table: pd.DataFrame, chains: int) -> Check:
    value, where = _worst(table, "r_hat", largest=True)
    advice = f"worst is {where}: chains disagree. Raise max_draws; if it stays, fix priors or the law"
    if chains < 2:
        advice = "R-hat needs two chains: fit with chains=4"
    elif math.isnan(value):
        advice = f"draws stuck or not finite in {where}. Check the runs and the priors, then fit again"
    return judge("r_hat", value, "<=", R_HAT, FAIL, f"chains agree; largest for {where}", advice)


def _ess(table: pd.DataFrame, name: str) -> Check:
    value, where = _worst(table, name, largest=False)
    times = "more" if math.isnan(value) else f"at least {math.ceil(ESS / value)} times the"
    part = "bulk" if name == "ess_bulk" else "tail"
    advice = f"too few independent draws in the {part} of {where}. Fit with {times} draws"
    return judge(name, value, ">=", ESS, FAIL, f"smallest for {where}", advice)


def _worst(table: pd.DataFrame, column: str, largest: bool) -> tuple[float, str]:
    """The worst value and where; a value that is not finite is the worst of all."""
    values = table[column].to_numpy(dtype=float)
    if values.size == 0:
        return math.nan, "every quantity: the sampler never moved"
    row = extreme(values, largest)
    return float(values[row]), describe_cell(table.iloc[row])


def extreme(values: np.ndarray, largest: bool) -> int:
    """Position of the first NaN, or else of the largest or smallest value."""
    return int(np.argmax(values) if largest else np.argmin(values))  # NumPy gives NaN first, as wanted


def rounds(fit: Posterior) -> tuple[Check, ...]:
    """How many draws sampling made and kept, and whether its cap ended it; nothing where not told."""
    account = json.loads(fit.idata.attrs.get("sampling", "null"))
    if not account or "max_draws" not in account:
        return ()
    draws = account["draws"]
    cap = account["max_draws"]
    count = account["rounds"]
    made = account.get("made", draws)
    seen = f"{made:,} draws of each chain in {count} round{'s' if count > 1 else ''}"
    if made > draws:
        seen += f", one in {round(made / draws)} kept"
    if account["restarts"]:
        seen += f", after {account['restarts']} new starts because {account['diverged']} transitions diverged"
    advice = f"{seen}: the cap ended them before the gate held. Fit with a larger max_draws"
    status = PASS if account["passed"] or made < cap else REVIEW
    return (Check("draws", status, float(made), "<=", float(cap), seen if status == PASS else advice),)


def sampler(fit: Posterior) -> tuple[Check, ...]:
    """Divergences, E-BFMI and trees at their depth limit."""
    return sampler_of(fit.idata["sample_stats"].to_dataset())


def sampler_of(stats: xr.Dataset) -> tuple[Check, ...]:
    """The same of a sampler's statistics (chain, draw) or (chain, draw, block)."""
    return (_divergences(stats), _e_bfmi(stats), _tree_depth(stats))


def _divergences(stats: xr.Dataset) -> Check:
    if "diverging" not in stats:
        return _absent("divergences", "<=", 0)
    count = int(stats["diverging"].sum())
    size = stats["diverging"].size
    advice = f"{count} of {size} transitions diverged: parts of the posterior are missed. Give "
    advice += "tighter priors, or take the simpler law"
    return judge("divergences", count, "<=", 0, FAIL, f"none in {size} transitions", advice)


def _e_bfmi(stats: xr.Dataset) -> Check:
    import arviz_stats as az

    if "energy" not in stats:
        return _absent("e_bfmi", ">=", E_BFMI)
    energy = stats["energy"].to_numpy()
    values = np.array([az.bfmi(part) for part in np.moveaxis(energy.reshape(*energy.shape[:2], -1), -1, 0)])
    chain = int(values.argmin()) % energy.shape[0]
    advice = f"chain {chain} explores energies too slowly. Tighten priors"
    return judge("e_bfmi", values.min(), ">=", E_BFMI, FAIL, "energies are well explored", advice)


def _tree_depth(stats: xr.Dataset) -> Check:
    if "tree_depth" not in stats:
        return _absent("tree_depth", "<=", 0)
    hits = int((stats["tree_depth"] >= MAX_TREE_DEPTH).sum())
    advice = f"{hits} trajectories hit the depth limit {MAX_TREE_DEPTH}: correct, but slow. Tighten priors"
    return judge("tree_depth", hits, "<=", 0, REVIEW, f"no trajectory hit the limit {MAX_TREE_DEPTH}", advice)


def _absent(name: str, rule: str, threshold: float) -> Check:
    advice = "not recorded by the sampler, so it cannot be checked"
    return Check(name, REVIEW, math.nan, rule, float(threshold), advice)


def predictive(fit: Posterior) -> tuple[Check, ...]:
    """Pareto k of leave-one-out, prior against data, the cover of the fitted runs, trends they leave."""
    return (_pareto_k(fit), _prior_conflict(fit), _coverage(fit), _residual_trend(fit))


def _pareto_k(fit: Posterior) -> Check:
    score = loo(fit)
    bad = bad_runs(score)
    shown = f"{len(bad)} of {score.n_data_points} runs have Pareto k above {score.good_k:.2f}"
    advice = f"{shown} (rows {_some(bad)}): the fit hangs on them. Look at these runs; do not trust LOO"
    share = len(bad) / score.n_data_points
    return judge("pareto_k", share, "<=", BAD_K_SHARE, REVIEW, shown, advice)


def _prior_conflict(fit: Posterior) -> Check:
    """The largest shift of a conclusion, were the prior's weight doubled."""
    try:
        table = prior_shifts(fit).assign(coefficient="")
    except BayesScalingError as error:
        lost = f"cannot be told: {error}"
        return Check("prior_conflict", REVIEW, math.nan, "<=", MOVED, lost)
    shifts = table["shift"].abs().to_numpy(dtype=float)
    row = extreme(shifts, largest=True)
    where = f"ln {describe_cell(table.iloc[row])}"
    seen = f"doubling the prior's weight moves {where} by {table['shift'].iloc[row]:+.2f} posterior sd"
    advice = f"{seen}: the prior decides here. Compare prior with posterior, then change the prior or the law"
    return judge("prior_conflict", shifts[row], "<=", MOVED, REVIEW, f"at most: {seen}", advice)


def notes(fit: Posterior) -> tuple[str, ...]:
    """What is worth knowing and asks for nothing: coefficients that prior and data pull apart.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    tuple of str
        One sentence each.
    """
    table = sensitivity(fit)
    apart = table[table["diagnosis"] == CONFLICT]
    return tuple(
        f"Prior and data pull {describe_cell(row)} apart (sensitivity to the prior {row.prior:.2f}, to the "
        f"data {row.likelihood:.2f}); prior_conflict tells whether a conclusion moves."
        for _, row in apart.iterrows()
    )


def _residual_trend(fit: Posterior) -> Check:
    trends = residual_trends(fit)
    if not trends:
        return Check("residual_trend", PASS, 1.0, ">=", LEVEL, "too few runs in a group to show a trend")
    worst = trends[0]
    thirds = f"{worst.low:+.2f} scales of noise in the low third, {worst.middle:+.2f} in the middle, "
    thirds += f"{worst.high:+.2f} in the high third"
    seen = f"residuals of {worst.group} along {worst.covariate}: {thirds}"
    advice = f"{seen}: the law misses a curve there. Plot the residuals; extrapolations may bend that way"
    return judge("residual_trend", worst.p, ">=", LEVEL, REVIEW, f"no trend; most marked: {seen}", advice)


def _coverage(fit: Posterior) -> Check:
    """Distance of the share of runs inside the 90% interval from 0.9, allowing two standard errors."""
    frame = fit.runs.frame
    drawn = fit.idata["posterior_predictive"].to_dataset()["loss"].transpose("chain", "draw", "run")
    level = (drawn.to_numpy() < frame["loss"].to_numpy()).mean((0, 1))
    inside = abs(level - 0.5) <= NOMINAL / 2
    groups = frame.assign(inside=inside).groupby(["architecture", "context_length"])["inside"].mean()
    row = extreme(abs(groups.to_numpy() - NOMINAL), largest=True)
    share = inside.mean()
    name = ", ".join(map(str, groups.index[row]))
    allowed = 0.05 + 2 * math.sqrt(NOMINAL * (1 - NOMINAL) / len(frame))
    seen = f"the 90% interval covers {share:.0%} of the fitted runs; "
    seen += f"furthest off {name}: {groups.iloc[row]:.0%}"
    advice = f"{seen}. The law or the noise does not describe them: plot the residuals, look for outliers"
    return judge("coverage", abs(share - NOMINAL), "<=", allowed, REVIEW, seen, advice)


def calibrated(rows: pd.DataFrame) -> Check:
    """Distance from 0.9 of the share of runs left out that the model's 90% interval covered."""
    found = rows[(rows["forecaster"] == "model") & rows["median"].notna()]
    share = float(found["in_90"].mean()) if len(found) else math.nan
    value = abs(share - NOMINAL) if len(found) >= LEFT_OUT else math.nan
    seen = f"left out, {share:.0%} of {len(found)} runs lay in their 90% intervals"
    seen += f", up to {found['decades'].max():.1f} decades from the fitted ones" if len(found) else ""
    wide = "narrower" if share > NOMINAL else "wider"
    advice = f"{seen}: real intervals are {wide} than shown there. Read them so, or change the discrepancy"
    if len(found) < LEFT_OUT:
        advice = f"only {len(found)} runs were left out: a back-test needs {LEFT_OUT}"
    return judge("calibrated", value, "<=", HELD, REVIEW, seen, advice)


def data(fit: Posterior) -> tuple[Check, ...]:
    """Whether the runs are a base broad enough to extrapolate from."""
    rows: tuple[Check, ...] = (_compute_span(fit.runs.frame), _run_count(fit.runs.frame))
    if "unique_tokens" in fit.law.columns:
        rows = (*rows, _repetition(fit.runs.frame))
    return (*rows, *(_covariate(fit.runs.frame, one) for one in fit.covariates))


def _compute_span(frame: pd.DataFrame) -> Check:
    flops = frame.groupby("architecture")["flops"]
    decades = (flops.max() / flops.min()).apply(np.log10)
    name = decades.idxmin()
    value = decades.min()
    seen = f"the runs of {name} span {value:.1f} decades of compute"
    advice = f"{seen}: the exponents rest on the priors. Add smaller or larger runs before extrapolating"
    return judge("compute_span", value, ">=", DECADES, REVIEW, seen, advice)


def _run_count(frame: pd.DataFrame) -> Check:
    count = len(frame)
    advice = f"{count} runs are few: extrapolations may be too sure. Add runs, or keep near the data"
    return judge("run_count", count, ">=", RUNS, REVIEW, f"{count} runs", advice)


def _repetition(frame: pd.DataFrame) -> Check:
    """Whether runs repeat enough to tell what repetition is worth."""
    epochs = frame["tokens"] / frame["unique_tokens"]
    count = int((epochs >= EPOCHS).sum())
    seen = (
        f"{count} runs go over their unique tokens {EPOCHS} times or more, the most {epochs.max():.3g} times"
    )
    advice = f"{seen}: what repetition costs (repeat_tokens, repeat_params) is the priors' word. Add runs of "
    advice += "many epochs, or ask for unlimited unique tokens only"
    return judge("repetition", count, ">=", REPEATING, REVIEW, seen, advice)


def _covariate(frame: pd.DataFrame, one: Covariate) -> Check:
    """Whether the runs differ enough in a covariate to tell what it is worth."""
    values = one.of_runs(frame)
    value = float(values.max() / values.min())
    seen = f"{one.name} of the runs goes from {values.min():.3g} to {values.max():.3g}"
    advice = f"{seen}: {one.coefficient} is the prior's word. Add runs of other values, or ask for these only"
    return judge(one.name, value, ">=", COVARIATE_SPAN, REVIEW, seen, advice)


def _some(rows: Any, most: int = 5) -> str:
    shown = ", ".join(str(int(row)) for row in rows[:most])
    return f"{shown}, ..." if len(rows) > most else shown
