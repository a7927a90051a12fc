"""Approach 3 of Hoffmann et al. 2022: the law fitted to each group alone by a Huber loss in ln L."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.classical.resampling import (
    frontier_table,
    groups_of,
    resample_counts,
    run_weights,
    spread_columns,
)
from bayes_scaling.classical.solver import polish, solve_many
from bayes_scaling.errors import RunsError
from bayes_scaling.laws import check_budget, get_law
from bayes_scaling.runs import load_runs

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.accounting import Cost

DELTA = 1e-3
FIRST, LAST, WARM = 25, 150, 60  # steps of every start, of the best ones, of a resample from the optimum
BEST = 40
EXTRA = 3  # runs a group needs beyond the law's coefficients


@dataclass(frozen=True, eq=False)
class HuberFit:
    """Point fits of a law, one for each group, with resamples.

    Attributes
    ----------
    coefficients : mapping of (architecture, context_length) to mapping
        E, A, B, alpha, beta, gamma (1 + resample,): row 0 is the fit of all runs.
    objective : mapping of (architecture, context_length) to float
        Sum of Huber's function over the runs, delta included.
    runs : mapping of (architecture, context_length) to int
    law : str
    delta : float
    """

    coefficients: dict[tuple[str, int], dict[str, np.ndarray]]
    objective: dict[tuple[str, int], float]
    runs: dict[tuple[str, int], int]
    law: str
    delta: float

    def table(self) -> pd.DataFrame:
        """One row for each group and coefficient: estimate, bootstrap standard error, 95% interval."""
        import pandas as pd

        rows = []
        for (architecture, context_length), values in self.coefficients.items():
            key = {"architecture": architecture, "context_length": context_length}
            exponent = values["beta"] / (values["alpha"] + values["beta"])
            for name, draws in (values | {"params_exponent": exponent}).items():
                spread = spread_columns("value", draws)
                estimate = {"coefficient": name, "estimate": spread.pop("value")}
                bounds = {column.removeprefix("value_"): v for column, v in spread.items()}
                rows.append(key | estimate | bounds | self._size(architecture, context_length))
        return pd.DataFrame(rows)

    def frontier(self, compute: Any, cost: str | Cost = "6ND") -> pd.DataFrame:
        """Table of optimal params, tokens and loss at any budgets, by the fitted law."""
        from bayes_scaling.accounting import get_cost
        from bayes_scaling.optimum import optimal_log_params

        check_budget(compute)
        cost = get_cost(cost)
        budgets = np.atleast_1d(np.asarray(compute, dtype=float))
        cells = {}
        for (architecture, context_length), values in self.coefficients.items():
            theta = {name: draws[:, None] for name, draws in values.items()}
            curve = cost.curve(float(context_length), architecture)
            log_compute = np.log(cost.to_flops(budgets))
            log_params = optimal_log_params(theta, log_compute, curve)
            params, tokens = np.exp(log_params), np.exp(log_compute - curve.value(np, log_params))
            loss = np.asarray(get_law("gamma").loss(np, params, tokens, theta))
            cells[architecture, context_length] = {"params": params, "tokens": tokens, "loss": loss}
        return frontier_table(cells, budgets, f"huber {self.law}", cost.name)

    def _size(self, architecture: str, context_length: int) -> dict[str, Any]:
        key = (architecture, context_length)
        return {"objective": self.objective[key], "runs": self.runs[key]}


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
    resample starts from the optimum of all runs.

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
        No such law.
    RunsError
        A group with too few runs, a delta that is not positive.

    References
    ----------
    Hoffmann et al. 2022, section 3.3; Besiroglu et al. 2024.
    """
    name = get_law(law).name
    if not (np.isfinite(delta) and delta > 0) or starts < 1 or resamples < 0:
        raise RunsError("huber_fit needs delta > 0, starts >= 1 and resamples >= 0")
    frame = load_runs(runs).frame
    coefficients, objective, sizes = {}, {}, {}
    for key, rows in _tracked(list(groups_of(frame)), progress):
        group, needed = frame.iloc[rows], len(get_law(name).names) + EXTRA
        if len(group) < needed:
            raise RunsError(
                f"{key[0]} at context length {key[1]} has {len(group)} runs; a fit of the {name} law alone "
                f"needs {needed}: leave the group out, or fit all groups jointly with `fit`"
            )
        coefficients[key], objective[key] = _fit_group(group, name, delta, starts, resamples, seed)
        sizes[key] = len(group)
    return HuberFit(coefficients, objective, sizes, name, delta)


def _tracked(groups: list[Any], progress: bool | None) -> Iterable[Any]:
    import sys

    from rich.console import Console
    from rich.progress import track

    shown = sys.stderr.isatty() if progress is None else progress
    return track(groups, "groups", console=Console(stderr=True), disable=not shown, transient=True)


def _fit_group(
    group: pd.DataFrame, law: str, delta: float, starts: int, resamples: int, seed: int
) -> tuple[dict[str, np.ndarray], float]:
    logs = [np.log(group[name].to_numpy(dtype=float)) for name in ("params", "tokens", "loss")]
    reference = (logs[0].mean(), logs[1].mean())
    data = (logs[0] - reference[0], logs[1] - reference[1], logs[2])
    weight = run_weights(group)
    points, values = solve_many(start_grid(logs[2].mean(), law, starts), data, weight, law, delta, FIRST)
    leaders = points[np.argsort(values)[:BEST]]
    points, values = solve_many(leaders, data, weight, law, delta, LAST)
    best, value = polish(points[np.argmin(values)], data, weight, law, delta)
    found = best[None]
    if resamples:
        counts = weight * resample_counts(np.zeros(len(group), dtype=int), resamples, seed)
        warm = np.repeat(best[None], resamples, axis=0)
        found = np.vstack([found, solve_many(warm, data, counts, law, delta, WARM)[0]])
    return _user(found, reference, law), value * delta


def start_grid(log_loss: float, law: str, starts: int) -> np.ndarray:
    """Starts over shares of the loss and exponents, evenly thinned to ``starts``."""
    shares = np.log([0.1, 0.3, 0.5, 0.7, 0.9])
    terms = np.log([0.02, 0.1, 0.3, 0.6, 1.0])
    exponents = np.array([0.1, 0.3, 0.6, 1.2])
    axes = [log_loss + shares, terms, terms, exponents, exponents]
    if "gamma" not in get_law(law).fixed:
        axes.append(np.log([0.4, 0.7, 1.0, 1.5]))
    grid = list(product(*axes))
    chosen = np.linspace(0, len(grid) - 1, min(starts, len(grid))).round().astype(int)
    return np.array(grid)[chosen]


def _user(found: np.ndarray, reference: tuple[float, float], law: str) -> dict[str, np.ndarray]:
    e, a, b, alpha, beta = found.T[:5]
    fixed = get_law(law).fixed
    gamma = np.full(len(e), fixed["gamma"]) if "gamma" in fixed else np.exp(found[:, 5])
    scaled = {"A": np.exp(a + alpha * reference[0]), "B": np.exp(b + beta * reference[1])}
    return {"E": np.exp(e), **scaled, "alpha": alpha, "beta": beta, "gamma": gamma}
