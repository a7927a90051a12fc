"""Which architecture wins, as posterior draws."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.accounting import Cost
from bayes_scaling.draws import summarise_draws
from bayes_scaling.errors import BudgetError
from bayes_scaling.faces.faced import Faced
from bayes_scaling.faces.shown import shown
from bayes_scaling.laws.ladder import compute_for_loss, crossings, fill_ladder, make_sparse_ladder
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.groups import surface_of
from bayes_scaling.questions.frontier import Frontier, frontier_of
from bayes_scaling.questions.groups import coefficients_of, columns_of, each_group, farther, on_groups
from bayes_scaling.questions.query import Query
from bayes_scaling.runs.column_units import NATS

BELOW, ABOVE = 2.0, 4.0  # decades searched beyond the runs and the budgets asked for
SHORT = (
    "architecture",
    "other",
    "context_length",
    "compute",
    "probability",
    "difference_",
    "multiplier_",
)  # columns of a short table


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(
    Faced, printer="results.print_comparison", figures={"comparison": "comparison.plot_comparison"}
):
    """Joint draws of two architectures at their own optima, for each ordered pair.

    Attributes
    ----------
    draws : Dataset
        difference (loss of the architecture minus the other's, nats per token), multiplier (compute
        the other needs for the architecture's loss, over the budget; infinite where none in the
        searched range is enough), crossing (compute at which the order changes, nearest the budget;
        NaN where it does not); dims chain, draw, pair, context_length, compute, with the coords
        architecture and other along pair.
    cost : str
    reach : Dataset
        As for `Frontier`, the farther of the pair's.
    searched : tuple of float
        Compute between which multipliers and crossings were looked for.
    loss_unit : str
        Losses are told in it.
    """

    draws: xr.Dataset
    cost: str
    reach: xr.Dataset
    searched: tuple[float, float]
    loss_unit: str = NATS

    def table(self, full: bool = False) -> pd.DataFrame:
        """One row for each ordered pair, context length and budget.

        Columns: architecture, other, context_length, compute, cost, probability (that the
        architecture's loss is the lower one); ``difference_*``, ``multiplier_*``, ``crossing_*``
        with median, mean and quantiles; unreached_probability (that no compute in the searched range
        gives the other the architecture's loss; the multiplier is infinite there);
        crossing_probability (that there is one in the searched range); extrapolation_decades, the same of
        compute, params, tokens and context, and group_runs, as for `Frontier`. Crossing quantiles are over
        the draws that have one.

        Unless ``full``, only the columns that answer the question, displayed as people read them.
        """
        return shown(self._rows(), SHORT, full)

    def _rows(self) -> pd.DataFrame:
        columns: dict[str, Any] = {
            "cost": self.cost,
            "probability": _share(self.draws["difference"] < 0),
            "unreached_probability": _share(self.draws["multiplier"] == np.inf),
            "crossing_probability": _share(self.draws["crossing"].notnull()),
            **columns_of(self.reach),
        }
        names = ("difference", "multiplier", "crossing")
        tables = [summarise_draws(self.draws[name], name) for name in names]
        table = pd.concat(tables, axis=1).assign(**columns).reset_index()
        for name in ("architecture", "other"):
            table[name] = self.draws[name].to_numpy()[table["pair"]]
        first = ["architecture", "other", "context_length", "compute", "cost", "probability"]
        return table[first + [name for name in table if name not in (*first, "pair")]]


def compare(
    fit: Fit,
    compute: Any,
    context_length: Any = None,
    architecture: Any = None,
    cost: str | Cost = "6ND",
    unique_tokens: float | None = None,
    extrapolate: bool = False,
) -> Comparison:
    """Compare architectures, each at its own optimum for the budget.

    Parameters
    ----------
    fit : Fit
    compute : float or sequence of float
        Training budgets in FLOPs.
    context_length : int or sequence of int, optional
        Default: all fitted.
    architecture : sequence of str, optional
        Two or more. Default: all fitted.
    cost : str or Cost
        As for `frontier`.
    unique_tokens : float, optional
        As for `frontier`, the same for all.
    extrapolate : bool
        As for `frontier`.

    Returns
    -------
    Comparison

    Raises
    ------
    BudgetError
        As for `frontier`, or fewer than two architectures.

    Examples
    --------
    >>> table = bs.compare(fit, [1e20, 1e21], 8192).table()
    >>> table[["architecture", "other"]].drop_duplicates().to_numpy().tolist()
    [['transformer', 'xlstm'], ['xlstm', 'transformer']]
    >>> both = table.groupby("compute")["probability"].sum()
    >>> both.round(6).tolist()
    [1.0, 1.0]
    """
    query = Query.of(fit, compute, context_length, architecture, cost, unique_tokens, extrapolate)
    return comparison_of(fit, query)


def comparison_of(fit: Fit, query: Query) -> Comparison:
    """The answer of `compare`."""
    names = query.architecture
    if len(names) < 2:
        raise BudgetError(f"comparing needs two architectures; there is only {', '.join(names)}")
    here = frontier_of(fit, query)
    sparse, ladder = make_sparse_ladder(*_searched_between(fit, query))
    along = _least_loss(fit, query, sparse, ladder)
    pairs = list(permutations(names, 2))
    parts = [_pair(here.draws["loss"], along, *pair) for pair in pairs]
    searched = (ladder[0], ladder[-1])
    return Comparison(_joined(parts, pairs), query.cost_name, _reach(here, pairs), searched, fit.loss_unit)


def _searched_between(fit: Fit, query: Query) -> tuple[float, float]:
    """Budgets from below to above both the runs and the question."""
    known = query.cost.from_flops(fit.runs.frame["flops"].to_numpy(dtype=float))
    values = np.concatenate([known, query.compute])
    return max(values.min() / 10**BELOW, 1.0), min(values.max() * 10**ABOVE, 1e40)


def _least_loss(fit: Fit, query: Query, sparse: np.ndarray, ladder: np.ndarray) -> xr.DataArray:
    """Loss of the optima at all rungs, searched at some; dims of the groups, compute."""
    theta = coefficients_of(fit, query)
    log_compute = np.log(query.at(sparse).flops)

    def loss(architecture: str, context_length: int) -> dict[str, np.ndarray]:
        surface = surface_of(fit, theta, architecture, context_length, query.unique_tokens)
        log_loss, slope = surface.least(log_compute, query.curve(architecture, context_length))
        return {"loss": fill_ladder(log_loss, slope, sparse, ladder)}

    return on_groups(each_group(query, loss), theta, "compute", ladder)["loss"]


def _pair(loss: xr.DataArray, along: xr.DataArray, architecture: str, other: str) -> xr.Dataset:
    """Draws of one ordered pair; dims chain, draw, context_length, compute."""
    ours = loss.sel(architecture=architecture, drop=True)
    theirs = loss.sel(architecture=other, drop=True)
    ladder = along["compute"].to_numpy()
    compute = loss["compute"].to_numpy()
    rungs = {name: along.sel(architecture=name).to_numpy() for name in (architecture, other)}
    needed = compute_for_loss(rungs[other][..., None, :], ladder, ours.to_numpy())
    crossing = crossings(rungs[architecture] - rungs[other], ladder, compute)
    difference = ours - theirs
    return difference.to_dataset(name="difference").assign(
        multiplier=difference.copy(data=needed / compute), crossing=difference.copy(data=crossing)
    )


def _joined(parts: list[xr.Dataset], pairs: list[tuple[str, str]]) -> xr.Dataset:
    draws = xr.concat(parts, dim="pair").transpose("chain", "draw", "pair", "context_length", "compute")
    return draws.assign_coords(
        pair=np.arange(len(pairs)),
        architecture=("pair", [pair[0] for pair in pairs]),
        other=("pair", [pair[1] for pair in pairs]),
    )


def _reach(here: Frontier, pairs: list[tuple[str, str]]) -> xr.Dataset:
    """The farther of each pair's two distances from the runs."""
    parts = [farther(here.reach.sel(architecture=list(pair)), "architecture") for pair in pairs]
    return xr.concat(parts, dim="pair")


def pairs_once(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `Comparison.table` with each pair in one order: first the one that wins more often."""
    mean = table.groupby(["architecture", "other"])["probability"].mean()
    ranked = mean.sort_values(ascending=False, kind="stable").index.tolist()
    chosen = {frozenset(pair): pair for pair in reversed(ranked)}
    kept = set(chosen.values())
    mask = [pair in kept for pair in zip(table["architecture"], table["other"], strict=True)]
    return table[mask]


def _share(truth: xr.DataArray) -> np.ndarray:
    return truth.mean(("chain", "draw")).to_numpy().ravel()
