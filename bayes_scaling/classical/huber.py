"""Approach 3 of Hoffmann et al. 2022: the law fitted to each group alone by a Huber loss in ln L."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from bayes_scaling.accounting import Cost, get_cost
from bayes_scaling.accounting.budgets import check_budget
from bayes_scaling.classical.resampling import (
    Key,
    check_bootstrap,
    group_name,
    groups_of,
    resample_counts,
    run_weights,
    warn_left_out,
)
from bayes_scaling.classical.search import NO_FLOOR, best_fit, warm_fits
from bayes_scaling.classical.solver import Problem
from bayes_scaling.classical.tables import Ranges, frontier_table, ranges_of, spread_columns
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsError, SpecError
from bayes_scaling.faces.faced import Faced
from bayes_scaling.laws.law import get_law
from bayes_scaling.laws.optimum import exponent, optimal_log_params

DELTA = 1e-3
LAWS = ("chinchilla", "gamma")
EXTRA = 3  # runs a group needs beyond the law's coefficients
SMALLEST, LARGEST = 5.0, 70.0  # ln params of an optimum that means anything


@dataclass(frozen=True, eq=False, repr=False)
class HuberFit(Faced, printer="classical.show_huber"):
    """Point fits of a law, one for each group, with resamples.

    Attributes
    ----------
    coefficients : mapping of (architecture, context_length) to mapping
        E, A, B, alpha, beta, gamma (1 + resample,): row 0 is the fit of all runs.
    objective : mapping of (architecture, context_length) to float
        Sum of Huber's function over the runs, delta included.
    runs : mapping of (architecture, context_length) to int
    reason : mapping of (architecture, context_length) to str
        What is wrong with the fit; empty for nothing.
    ranges : mapping of (architecture, context_length) to mapping
        Smallest and largest flops, params and tokens of the runs.
    law : str
    delta : float
    """

    coefficients: dict[Key, dict[str, np.ndarray]]
    objective: dict[Key, float]
    runs: dict[Key, int]
    reason: dict[Key, str]
    ranges: dict[Key, Ranges]
    law: str
    delta: float

    def table(self) -> pd.DataFrame:
        """One row for each group and coefficient: estimate, bootstrap standard error, quantiles."""
        rows = []
        for key, values in self.coefficients.items():
            about = {"objective": self.objective[key], "runs": self.runs[key], "reason": self.reason[key]}
            exponent = values["beta"] / (values["alpha"] + values["beta"])
            for name, draws in (values | {"params_exponent": exponent}).items():
                spread = {n.removeprefix("value_"): v for n, v in spread_columns("value", draws).items()}
                estimate = {"coefficient": name, "estimate": spread.pop("value")}
                group = {"architecture": key[0], "context_length": key[1]}
                rows.append(group | estimate | spread | about)
        return pd.DataFrame(rows)

    def frontier(self, compute: Any, cost: str | Cost = "6ND") -> pd.DataFrame:
        """Table of optimal params, tokens and loss at any budgets, by the fitted law.

        NaN where a fit has alpha or beta at 0 or below; ``missing`` is the share of such resamples.
        """
        check_budget(compute)
        cost = get_cost(cost)
        budgets = np.atleast_1d(np.asarray(compute, dtype=float))
        flops = np.asarray(cost.to_flops(budgets))
        cells = {
            key: _optimum(values, np.log(flops), cost.curve(float(key[1]), key[0]))
            for key, values in self.coefficients.items()
        }
        names = {"cost": cost.name, "estimator": f"huber {self.law}"}
        return frontier_table(cells, self.ranges, budgets, flops, names)


def huber_fit(
    runs: Any,
    *,
    law: str = "chinchilla",
    delta: float = DELTA,
    starts: int = 2000,
    resamples: int = 200,
    seed: int = 0,
    progress: bool | None = None,
) -> HuberFit:
    """Fit a law to each group by the sum of Huber(ln L_hat - ln L) over many starts.

    All starts take some steps, the best go on, the best of those is polished to the last digits. Each
    resample starts from the optimum of all runs and goes on until steps gain nothing.

    Parameters
    ----------
    runs : Runs, path, DataFrame or catalogue name
        A column ``weight`` counts a run more than once.
    law : {"chinchilla", "gamma"}
    delta : float
        Where Huber's function turns from square to linear, in ln L.
    starts : int
        Points of a grid over all coefficients, at most.
    resamples : int
        Bootstrap over the runs of each group; 0 for none.
    seed : int
    progress : bool, optional
        A bar over the groups. Default: where standard error is a terminal.

    Raises
    ------
    SpecError
        No such law, or another than these.
    RunsError
        No group with enough runs, a delta that is not positive.

    Warns
    -----
    RunsWarning
        Groups with too few runs.

    References
    ----------
    Hoffmann et al. 2022, section 3.3; Besiroglu et al. 2024.

    Examples
    --------
    >>> found = bs.classical.huber_fit("simulated", starts=100, resamples=0)
    >>> sorted(found.table()["architecture"].unique())
    ['transformer', 'xlstm']
    """
    name = get_law(law).name
    if name not in LAWS:
        raise SpecError(f"huber_fit knows {' and '.join(LAWS)}, not {name!r}: fit that law with `fit`")
    if not (np.isfinite(delta) and delta > 0) or starts < 1:
        raise RunsError(f"delta {delta:g} and starts {starts}: huber_fit needs delta > 0 and starts >= 1")
    check_bootstrap(resamples, seed)
    frame = load_runs(runs).frame
    needed = len(get_law(name).names) + EXTRA
    groups = [(key, frame.iloc[rows]) for key, rows in groups_of(frame)]
    few = [f"{group_name(key)} has {len(g)} runs" for key, g in groups if len(g) < needed]
    large = [(key, group) for key, group in groups if len(group) >= needed]
    if not large:
        raise RunsError(
            f"{'; '.join(few)}; a fit of the {name} law to one group alone needs {needed}: give more runs, "
            "or fit all groups jointly with `fit`"
        )
    warn_left_out([f"{said}, the {name} law alone needs {needed}" for said in few])
    fits = {}
    for key, group in _tracked(large, progress):
        fits[key] = (*_fit_group(key, group, name, delta, starts, resamples, seed), group)
    return HuberFit(
        {key: found for key, (found, _, _) in fits.items()},
        {key: value for key, (_, value, _) in fits.items()},
        {key: len(group) for key, (_, _, group) in fits.items()},
        {key: _reason(found, group) for key, (found, _, group) in fits.items()},
        {key: ranges_of(group) for key, (_, _, group) in fits.items()},
        name,
        delta,
    )


def _tracked(groups: list[Any], progress: bool | None) -> Iterable[Any]:
    shown = sys.stderr.isatty() if progress is None else progress
    return track(groups, "groups", console=Console(stderr=True), disable=not shown, transient=True)


def _fit_group(
    key: Key, group: pd.DataFrame, law: str, delta: float, starts: int, resamples: int, seed: int
) -> tuple[dict[str, np.ndarray], float]:
    """Coefficients (1 + resample,) as users see them, and the objective of row 0."""
    logs = [np.log(group[name].to_numpy(dtype=float)) for name in ("params", "tokens", "loss")]
    reference = (logs[0].mean(), logs[1].mean())
    problem = Problem(logs[0] - reference[0], logs[1] - reference[1], logs[2], law, delta)
    weight = run_weights(group)
    best, value = best_fit(problem, weight, starts)
    found = best[None]
    if resamples:
        counts = weight * resample_counts(len(group), resamples, seed, *key)
        found = np.vstack([found, warm_fits(best, problem, counts)])
    return _user(found, reference, law), value


def _user(found: np.ndarray, reference: tuple[float, float], law: str) -> dict[str, np.ndarray]:
    e, a, b, alpha, beta = found.T[:5]
    fixed = get_law(law).fixed
    gamma = np.full(len(e), fixed["gamma"]) if "gamma" in fixed else np.exp(found[:, 5])
    scaled = {"A": np.exp(a + alpha * reference[0]), "B": np.exp(b + beta * reference[1])}
    return {"E": np.exp(e), **scaled, "alpha": alpha, "beta": beta, "gamma": gamma}


def _reason(found: dict[str, np.ndarray], group: pd.DataFrame) -> str:
    """What is wrong with the fit of all runs."""
    wrong = [f"{name} is not above 0: no optimum" for name in ("alpha", "beta") if found[name][0] <= 0]
    if found["E"][0] < NO_FLOOR * group["loss"].min():
        wrong.append("E ran off to 0: the runs do not determine it")
    return "; ".join(wrong)


def _optimum(values: dict[str, np.ndarray], log_compute: np.ndarray, curve: Any) -> dict[str, np.ndarray]:
    """A cell of `frontier_table`, NaN where the fit has no optimum."""
    theta = {name: draws[:, None] for name, draws in values.items()}
    good = _has_optimum(theta, log_compute)
    theta = {name: np.where(good, draws, 0.5) for name, draws in theta.items()}
    log_params = optimal_log_params(theta, log_compute, curve)
    params = np.exp(log_params)
    tokens = np.exp(log_compute - curve.value(np, log_params))
    rise = exponent(theta, log_params, curve, log_compute)
    cell = {
        "params": params,
        "tokens": tokens,
        "loss": np.asarray(get_law("gamma").loss(np, params, tokens, theta)),
        "params_exponent": rise,
        "tokens_exponent": 1 - curve.slope(np, log_params) * rise,
    }
    return {name: np.where(good, value, np.nan) for name, value in cell.items()}


def _has_optimum(theta: dict[str, np.ndarray], log_compute: np.ndarray) -> np.ndarray:
    """Whether both terms fall, and the optimum at C = 6ND is a size that a network can have."""
    falls = (theta["alpha"] > 0) & (theta["beta"] > 0)
    safe = {name: np.where(falls, draws, 1.0) for name, draws in theta.items()}
    gain = np.log(safe["alpha"]) + np.log(safe["A"])
    price = np.log(safe["beta"]) + np.log(safe["B"])
    with np.errstate(divide="ignore"):
        at = (gain - price + safe["beta"] * (log_compute - np.log(6))) / (safe["alpha"] + safe["beta"])
    return falls & (at > SMALLEST) & (at < LARGEST)
