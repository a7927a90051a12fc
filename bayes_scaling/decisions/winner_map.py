"""Which architecture wins where: a map over compute and context length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.accounting import Cost
from bayes_scaling.decisions.decide import optimal_runs
from bayes_scaling.decisions.limits import Limits, as_limits
from bayes_scaling.decisions.serving_limits import as_serving
from bayes_scaling.errors import BudgetError
from bayes_scaling.faces.faced import Faced
from bayes_scaling.faces.shown import shown
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.questions.frontier import frontier_of
from bayes_scaling.questions.groups import columns_of, farther, reach_of
from bayes_scaling.questions.query import Query, resolve_cost
from bayes_scaling.runs.column_units import NATS

DIMS = ("architecture", "context_length", "compute", "chain", "draw")
ABOVE = 100.0  # times the runs' most compute: the largest of the default budgets
BUDGETS = 17  # their number
SHORT = (
    "architecture",
    "context_length",
    "compute",
    "feasible",
    "best_probability",
    "expected_rank",
)  # columns of a short table


@dataclass(frozen=True, eq=False, repr=False)
class Map(Faced, printer="maps.print_map", figures={"map": "winners.plot_map"}):
    """Probabilities of winning at each budget and context length, each architecture at its own optimum.

    Attributes
    ----------
    loss : DataArray
        Draws of the lowest loss under the limits; dims architecture, context_length, compute, chain,
        draw. Infinite where nothing is feasible.
    reach : Dataset
        As for `Frontier`; NaN for params and tokens where nothing is feasible.
    cost : str
    loss_unit : str
        Losses are told in it.
    """

    loss: xr.DataArray
    reach: xr.Dataset
    cost: str
    loss_unit: str = NATS

    def table(self, full: bool = False) -> pd.DataFrame:
        """One row for each architecture, context length and budget.

        Columns: architecture, context_length, compute, cost; feasible; best_probability (that it has the
        lowest loss) and expected_rank (1 is the lowest loss; ties share), NaN where none is feasible;
        extrapolation_decades, the same of compute, params, tokens and context, and group_runs, as for
        `Frontier`.

        Unless ``full``, only the columns that answer the question, displayed as people read them.
        """
        return shown(self._rows(), SHORT, full)

    def _rows(self) -> pd.DataFrame:
        loss = self.loss
        feasible = (loss < np.inf).any(("chain", "draw"))
        lowest = loss.min("architecture")
        best = ((loss == lowest) / (loss == lowest).sum("architecture")).mean(("chain", "draw"))
        beaten = (_wins(loss.isel(architecture=i, drop=True), loss) for i in range(len(loss)))
        rank = (0.5 + sum(beaten, 0.0 * feasible)).transpose(*feasible.dims)
        columns: dict[str, Any] = {
            "cost": self.cost,
            "feasible": feasible.to_numpy().ravel(),
            "best_probability": best.where(feasible.any("architecture")).to_numpy().ravel(),
            "expected_rank": rank.where(feasible.any("architecture")).to_numpy().ravel(),
            **columns_of(self.reach),
        }
        return self._index(loss.isel(chain=0, draw=0, drop=True)).assign(**columns)

    def pairs(self) -> pd.DataFrame:
        """One row for each ordered pair of architectures, context length and budget.

        Columns: architecture, other, context_length, compute, cost, probability (that the architecture's
        loss is the lower one; a half of the ties; NaN where neither is feasible); extrapolation_decades and
        its neighbours, the farther of the two.
        """
        parts = []
        for pair in permutations([str(a) for a in self.loss["architecture"].to_numpy()], 2):
            ours = self.loss.sel(architecture=pair[0], drop=True)
            theirs = self.loss.sel(architecture=pair[1], drop=True)
            known = ((ours < np.inf) | (theirs < np.inf)).any(("chain", "draw"))
            share = _wins(ours, theirs).where(known)
            reach = farther(self.reach.sel(architecture=list(pair)), "architecture")
            part = self._index(share).assign(
                cost=self.cost,
                probability=share.to_numpy().ravel(),
                **columns_of(reach),
            )
            part.insert(0, "architecture", pair[0])
            part.insert(1, "other", pair[1])
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    @staticmethod
    def _index(values: xr.DataArray) -> pd.DataFrame:
        """A row for each cell, the last dim fastest."""
        levels = [values[dim].to_numpy() for dim in values.dims]
        return pd.MultiIndex.from_product(levels, names=list(values.dims)).to_frame(index=False)


def compare_map(
    fit: Fit,
    compute: Any = None,
    context_length: Any = None,
    architecture: Any = None,
    *,
    limits: Limits | Mapping[str, Any] | None = None,
    cost: str | Cost = "6ND",
    latency: Any = None,
    extrapolate: bool = False,
) -> Map:
    """Probability that each architecture wins, over compute and context length.

    Parameters
    ----------
    fit : Fit
    compute : sequence of float, optional
        Budgets. Default: from the runs' least to 100 times their most compute.
    context_length, architecture
        As for `compare`.
    limits : Limits or mapping, optional
        That each architecture keeps to at its best.
    cost : str or Cost
        As for `frontier`.
    latency : LatencyFit, optional
        For limits of serving.
    extrapolate : bool
        As for `frontier`.

    Returns
    -------
    Map

    Raises
    ------
    BudgetError
        As for `frontier`, or fewer than two architectures.
    DecisionError
        As for `decide`.

    Examples
    --------
    >>> found = bs.compare_map(fit, [1e20, 1e21, 1e22], [2048, 16384])
    >>> found.pairs()[["architecture", "other", "probability"]].shape
    (12, 3)
    """
    limits = as_limits(limits)
    cost = resolve_cost(fit, cost)
    budgets = _default_budgets(fit, cost) if compute is None else compute
    query = Query.of(fit, budgets, context_length, architecture, cost, limits.unique_tokens, extrapolate)
    return map_of(fit, query, limits, latency)


def map_of(fit: Fit, query: Query, limits: Limits, latency: Any = None) -> Map:
    """The answer of `compare_map`."""
    names = query.architecture
    if len(names) < 2:
        raise BudgetError(f"comparing needs two architectures; there is only {', '.join(names)}")
    if limits.active:
        optima = optimal_runs(fit, query, limits, as_serving(latency))
        loss = optima["optimum_loss"].fillna(np.inf).transpose(*DIMS)
        return Map(loss, _reach(fit, query, optima["optimum_params"]), query.cost_name, fit.loss_unit)
    found = frontier_of(fit, query)
    return Map(found.draws["loss"].transpose(*DIMS), found.reach, query.cost_name, fit.loss_unit)


def _reach(fit: Fit, query: Query, params: xr.DataArray) -> xr.Dataset:
    """How far the budgets and the median optima that the limits leave lie from the runs."""
    params = params.median(("chain", "draw"))
    compute = xr.zeros_like(params) + query.flops
    tokens = xr.full_like(params, np.nan)
    for architecture in query.architecture:
        for length in query.context_length:
            group = {"architecture": architecture, "context_length": length}
            per_token = query.curve(architecture, length).value(np, np.log(params.loc[group].to_numpy()))
            tokens.loc[group] = query.flops / np.exp(per_token)
    return reach_of(fit, query, {"compute": compute, "params": params, "tokens": tokens})


def _wins(ours: xr.DataArray, theirs: xr.DataArray) -> xr.DataArray:
    """Probability that one loss is lower than another, ties shared."""
    return ((ours < theirs) + 0.5 * (ours == theirs)).mean(("chain", "draw"))


def _default_budgets(fit: Fit, cost: Cost) -> np.ndarray:
    known = cost.from_flops(fit.runs.frame["flops"].to_numpy(dtype=float))
    return np.geomspace(known.min(), min(known.max() * ABOVE, 1e40), BUDGETS)
