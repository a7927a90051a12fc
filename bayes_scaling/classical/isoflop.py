"""Approach 2 of Hoffmann et al. 2022: a parabola over each isoFLOP curve, a power law over their minima."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.classical.budgets import budget_column, isoflop_budgets, why_no_curve
from bayes_scaling.classical.parabola import polynomial_minimum
from bayes_scaling.classical.power_law import fit_power_law
from bayes_scaling.classical.resampling import (
    Key,
    check_bootstrap,
    group_name,
    groups_of,
    resample_counts,
    run_weights,
    warn_left_out,
)
from bayes_scaling.classical.tables import (
    Ranges,
    frontier_table,
    law_cell,
    missing,
    ranges_of,
    spread_columns,
)
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsError
from bayes_scaling.faces.faced import Faced

FEWEST = 4  # runs a curve needs
LEVELS = {"params": "params_loss", "tokens": "tokens_loss"}
COLUMNS = {"params": "params", "tokens": "tokens", "loss": "params_loss"} | {n: n for n in LEVELS.values()}


@dataclass(frozen=True, eq=False, repr=False)
class IsoflopFit(Faced, printer="classical.show_isoflop"):
    """Optima of the isoFLOP curves.

    Attributes
    ----------
    optima : mapping of (architecture, context_length) to mapping
        ``budget``, ``compute``, ``runs`` and ``reason`` (budget,): the name, mean FLOPs and size of each
        curve, and what is wrong with it; ``params``, ``params_loss``, ``tokens``, ``tokens_loss``
        (1 + resample, budget): row 0 is the fit of all runs, NaN where a curve has no minimum.
    ranges : mapping of (architecture, context_length) to mapping
        Smallest and largest flops, params and tokens of the runs on the curves.
    degree : int
    """

    optima: dict[Key, dict[str, np.ndarray]]
    ranges: dict[Key, Ranges]
    degree: int

    def table(self) -> pd.DataFrame:
        """One row a curve: optimal params and tokens, the loss there, standard errors, quantiles.

        ``params_median``, ``params_q05`` and the like are those of the bootstrap, named as in
        `bayes_scaling.Frontier.table`; ``loss`` is that of the curve over params; ``missing`` is the share
        of resamples without a minimum, which are left out. ``reason`` says what is wrong with a curve.
        """
        parts = []
        for key, cell in self.optima.items():
            part: dict[str, Any] = {"architecture": key[0], "context_length": key[1]}
            part |= {name: cell[name] for name in ("budget", "compute", "runs")}
            for name, source in COLUMNS.items():
                part |= spread_columns(name, cell[source])
            part["missing"] = missing(cell["params"], cell["tokens"])
            parts.append(pd.DataFrame(part | {"reason": cell["reason"]}))
        return pd.concat(parts, ignore_index=True)

    def power_laws(self) -> pd.DataFrame:
        """One row for each group and quantity: A, exponent, their standard errors, bootstrap quantiles.

        ``A_se`` and ``exponent_se`` come from the scatter of the optima about the line,
        ``exponent_bootstrap_se`` and the quantiles from the resamples.
        """
        rows = []
        for key, cell in self.optima.items():
            for quantity in ("params", "tokens"):
                law = fit_power_law(cell["compute"], cell[quantity])
                row: dict[str, Any] = {"architecture": key[0], "context_length": key[1]}
                row |= {"quantity": quantity, "A": np.exp(law.log_scale[0])}
                row |= {"A_se": np.exp(law.log_scale[0]) * law.log_scale_se[0], "points": int(law.points[0])}
                spread = spread_columns("exponent", law.exponent)
                row |= {"exponent": spread.pop("exponent"), "exponent_se": law.exponent_se[0]}
                rows.append(row | {"exponent_bootstrap_se": spread.pop("exponent_se")} | spread)
        return pd.DataFrame(rows)

    def frontier(self, compute: Any) -> pd.DataFrame:
        """Table of optimal params, tokens and loss at any budgets, by the power laws.

        The loss is a power law too, without a floor: far from the curves it is too low.
        """
        budgets = np.atleast_1d(np.asarray(compute, dtype=float))
        cells = {}
        for key, cell in self.optima.items():
            values = {"params": cell["params"], "tokens": cell["tokens"], "loss": cell["params_loss"]}
            cells[key] = law_cell(cell["compute"], values, budgets)
        names = {"cost": "as run", "estimator": "isoflop"}
        return frontier_table(cells, self.ranges, budgets, budgets, names)


def isoflop_fit(
    runs: Any,
    *,
    degree: int = 2,
    budget: str | None = None,
    budgets: Any = None,
    resamples: int = 200,
    seed: int = 0,
) -> IsoflopFit:
    """Fit a polynomial in log10 params, and one in log10 tokens, to each isoFLOP curve.

    The minimum of a parabola is biased where the walls of the curve are not equally steep: under a law
    with alpha 0.6 and beta 0.36, params over a factor of 150 put it 19% high, a cubic 1%.

    Parameters
    ----------
    runs : Runs, path, DataFrame or catalogue name
        A column ``weight`` counts a run more than once.
    degree : {2, 3}
    budget : str, optional
        Column that names each run's budget; see `classical.budgets.isoflop_budgets`.
    budgets : sequence of float, optional
        Keep only these.
    resamples, seed : int
        Bootstrap within each curve; 0 for none.

    Raises
    ------
    RunsError
        No curve of four runs or more; a degree that is not 2 or 3.

    Warns
    -----
    RunsWarning
        Runs that share a budget and are too few for a curve, where no column names the budgets. Where one
        does, the table has a row with the reason.

    References
    ----------
    Hoffmann et al. 2022, section 3.2.

    Examples
    --------
    >>> found = bs.classical.isoflop_fit("simulated", resamples=0)
    >>> len(found.optima)  # groups of architecture and context length
    6
    """
    if degree not in (2, 3):
        raise RunsError(f"degree {degree}: an isoFLOP polynomial has degree 2 or 3")
    check_bootstrap(resamples, seed)
    frame = load_runs(runs).frame
    label = isoflop_budgets(frame, budget)
    if budgets is not None:
        label = np.where(np.isin(label, np.asarray(budgets, dtype=float)), label, np.nan)
    needed = max(FEWEST, degree + 2)
    named = budget_column(frame, budget) is not None
    left_out: list[str] = []
    optima, ranges = {}, {}
    for key, rows in groups_of(frame):
        group = frame.iloc[rows]
        here = label[rows]
        reasons = _reasons(group, here, needed, named)
        good = [value for value, why in reasons.items() if not why]
        if not named:
            left_out += _said(key, group, here, reasons)
            reasons = dict.fromkeys(good, "")
        if not reasons:
            left_out.append(f"{group_name(key)}: no isoFLOP curve")
            continue
        optima[key] = _group(key, group, here, reasons, degree, resamples, seed)
        ranges[key] = ranges_of(group[np.isin(here, good)])
    if not any(np.isfinite(cell["params"][0]).any() or "" in cell["reason"] for cell in optima.values()):
        raise RunsError(
            f"no budget has {needed} runs of one architecture and context length: this table has no isoFLOP "
            "curves; fit a law with huber_fit, or name the column of the budgets"
        )
    warn_left_out(left_out)
    return IsoflopFit(optima, ranges, degree)


def _reasons(group: pd.DataFrame, label: np.ndarray, needed: int, named: bool) -> dict[float, str]:
    """For each budget why its runs are no curve; empty where they are."""
    flops = group["flops"].to_numpy(dtype=float)
    values = np.unique(label[np.isfinite(label)])
    return {float(value): why_no_curve(flops[label == value], needed, named) for value in values}


def _said(key: Key, group: pd.DataFrame, label: np.ndarray, reasons: dict[float, str]) -> list[str]:
    """Messages for budgets found by gaps that are no curves; a run alone is no budget."""
    return [
        f"{group_name(key)}, {value:.3g} FLOPs: {why}"
        for value, why in reasons.items()
        if why and (label == value).sum() > 1
    ]


def _group(
    key: Key,
    group: pd.DataFrame,
    label: np.ndarray,
    reasons: dict[float, str],
    degree: int,
    resamples: int,
    seed: int,
) -> dict[str, np.ndarray]:
    curves = []
    for value, why in reasons.items():
        curve = group[label == value]
        counts = resample_counts(len(curve), resamples, seed, *key, value)
        curves.append(_curve(curve, np.vstack([np.ones(len(curve)), counts]), degree, why))
    stacked = {name: np.stack([curve[name] for curve in curves], axis=-1) for name in curves[0]}
    return stacked | {"budget": np.array(list(reasons))}


def _curve(curve: pd.DataFrame, counts: np.ndarray, degree: int, why: str) -> dict[str, Any]:
    """Minima over params and tokens, each (1 + resample,), NaN where there is a reason why not."""
    weight = run_weights(curve)
    flops = curve["flops"].to_numpy(dtype=float)
    loss = curve["loss"].to_numpy(dtype=float)
    cell: dict[str, Any] = {"compute": np.average(flops, weights=weight), "runs": len(curve)}
    bad = []
    for name, level in LEVELS.items():
        x = np.log10(curve[name].to_numpy(dtype=float))
        place = np.full(len(counts), np.nan)
        cell[name], cell[level] = place, place
        if not why:
            place, cell[level] = polynomial_minimum(x, loss, weight * counts, degree)
            cell[name] = 10**place
            bad += _doubts(name, place[0], x)
    return cell | {"reason": why or "; ".join(bad)}


def _doubts(name: str, place: float, x: np.ndarray) -> list[str]:
    if not np.isfinite(place):
        return [f"the curve over {name} has no minimum"]
    return [] if x.min() <= place <= x.max() else [f"the minimum over {name} lies outside the runs"]
