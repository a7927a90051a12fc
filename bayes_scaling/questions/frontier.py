"""Compute-optimal frontiers as posterior draws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.accounting import Cost
from bayes_scaling.draws import summarise_draws
from bayes_scaling.faces.faced import Faced
from bayes_scaling.faces.shown import shown
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.groups import surface_of
from bayes_scaling.questions.groups import (
    GROUP_DIMS,
    coefficients_of,
    columns_of,
    each_group,
    on_groups,
    reach_of,
)
from bayes_scaling.questions.query import Query

DIMS = (*GROUP_DIMS, "compute")
MEMORY = 2**29  # bytes that a block's draws may take
WORK = 200  # bytes for each draw, group and budget while they are worked on
QUANTITIES = ("params", "tokens", "loss", "tokens_per_param", "params_exponent", "tokens_exponent")
SHORT = (
    "architecture",
    "context_length",
    "compute",
    "params_",
    "tokens_",
    "loss_",
    "tokens_per_param_median",
    "epochs_",
)  # columns of a short table


@dataclass(frozen=True, eq=False, repr=False)
class Frontier(Faced, printer="results.print_frontier", figures={"frontier": "frontier.plot_frontier"}):
    """Draws of the optimum, or of a question of very many budgets its table alone.

    Attributes
    ----------
    fit : Fit
    query : Query
    edges : bool
        Whether it was asked if optima lie at the edge of their search.
    draws : Dataset
        params, tokens, loss (nats per token), params_exponent and tokens_exponent (d ln N* / d ln C
        and d ln D* / d ln C), lost (whether the optimum lies at the edge of its search), and, with unique
        tokens, epochs (D* over them); dims chain, draw, architecture, context_length, compute.
    cost : str
        Name of the cost.
    reach : Dataset
        Decades outside the group's runs: compute of the budget, params and tokens of the median
        optimum, context; 0 within them; group_runs, how many runs the group has; lost_share, of the
        draws that are lost. Dims architecture, context_length, compute.
    """

    fit: Fit
    query: Query
    edges: bool = True

    @cached_property
    def draws(self) -> xr.Dataset:
        """See `Frontier`."""
        return _draws(self.fit, self.query, self.edges)

    @cached_property
    def reach(self) -> xr.Dataset:
        """See `Frontier`."""
        reach = _reach(self.fit, self.query, self.draws)
        if self.edges:
            reach["lost_share"] = self.draws["lost"].mean(("chain", "draw"))
        return reach

    @property
    def cost(self) -> str:
        """See `Frontier`."""
        return self.query.cost_name

    @property
    def at_once(self) -> int:
        """How many budgets are worked on at once, so that their draws take some `MEMORY`."""
        sizes = self.fit.posterior.sizes
        groups = len(self.query.architecture) * len(self.query.context_length)
        return max(MEMORY // (WORK * int(sizes["chain"]) * int(sizes["draw"]) * groups), 1)

    def by_context_length(self) -> Frontier:
        """The same answer with the context lengths in order."""
        lengths = tuple(sorted(self.query.context_length))
        found = Frontier(self.fit, replace(self.query, context_length=lengths), self.edges)
        found.__dict__.update(
            draws=self.draws.sortby("context_length"), reach=self.reach.sortby("context_length")
        )
        return found

    def table(self, full: bool = False) -> pd.DataFrame:
        """One row for each architecture, context length and budget, quantiles in columns.

        Columns: architecture, context_length, compute (in the cost's unit), cost; ``params_*``,
        ``tokens_*``, ``loss_*``, ``tokens_per_param_*``, ``params_exponent_*`` and
        ``tokens_exponent_*``, with unique tokens ``epochs_*`` too, with median, mean, sd and quantiles;
        compute_extrapolation_decades, how far the budget lies outside the runs, the same of the median params
        and tokens and of the context, and extrapolation_decades, the farthest of these; group_runs, how many
        runs the group has; lost_share, of the draws whose optimum lies at the edge of its search: they have
        none near. Very many budgets are worked on in blocks, and their draws not kept.

        Unless ``full``, only the columns that answer the question, displayed as people read them.
        """
        return shown(self._rows(), SHORT, full)

    def _rows(self) -> pd.DataFrame:
        budgets = self.query.compute
        if "draws" in self.__dict__ or len(budgets) <= self.at_once:
            return self._table()
        starts = range(0, len(budgets), self.at_once)
        blocks = [self.query.at(budgets[start : start + self.at_once]) for start in starts]
        parts = [Frontier(self.fit, block, self.edges)._table() for block in blocks]
        return _in_order(pd.concat(parts), self.query)

    def _table(self) -> pd.DataFrame:
        ratio = self.draws["tokens"] / self.draws["params"]
        draws = self.draws.assign(tokens_per_param=ratio)
        names = [*QUANTITIES, *(["epochs"] if "epochs" in draws else [])]
        table = pd.concat([summarise_draws(draws[name], name) for name in names], axis=1)
        table = table.assign(**columns_of(self.reach)).reset_index()
        table.insert(3, "cost", self.cost)
        return table


def frontier(
    fit: Fit,
    compute: Any,
    context_length: Any = None,
    architecture: Any = None,
    cost: str | Cost = "6ND",
    unique_tokens: float | None = None,
    extrapolate: bool = False,
) -> Frontier:
    """Posterior of the compute-optimal params, tokens and loss.

    Each draw has its own optimum, so the intervals are what is believed of N*, D* and L*.

    Parameters
    ----------
    fit : Fit
    compute : float or sequence of float
        Training budgets in FLOPs.
    context_length : int or sequence of int, optional
        Default: all fitted. Others are drawn from the hierarchy.
    architecture : str or sequence of str, optional
        Default: all fitted.
    cost : str or Cost
        What a token costs: "6ND", "accounted" (each architecture's own FLOPs) or a registered one;
        see `bayes_scaling.accounting.get_cost`.
    unique_tokens : float, optional
        Different tokens that runs can draw from, for a law of repetition; the answer then has the optimum in
        epochs too. Default: unlimited.
    extrapolate : bool
        Answer budgets more than four decades outside the runs too, where no law was ever tested.

    Returns
    -------
    Frontier

    Raises
    ------
    BudgetError
        A budget outside 1 to 1e40 FLOPs, a bad context length, an unknown architecture, unique_tokens
        that are not positive or that the law does not know.

    References
    ----------
    Hoffmann et al. 2022, equation 4, is the case C = 6ND.

    Examples
    --------
    >>> table = bs.frontier(fit, [1e20, 1e21], 8192).table()
    >>> bool((table["params_q05"] < table["params_q95"]).all())
    True
    >>> table["compute"].unique().tolist()
    [1e+20, 1e+21]
    """
    query = Query.of(fit, compute, context_length, architecture, cost, unique_tokens, extrapolate)
    return frontier_of(fit, query)


def frontier_of(fit: Fit, query: Query, edges: bool = True) -> Frontier:
    """The answer of `frontier`, made now unless its draws would take more than some `MEMORY`.

    ``edges`` asks whether optima lie at the edge of their search.
    """
    found = Frontier(fit, query, edges)
    if len(query.compute) <= found.at_once:
        _ = found.reach
    return found


def _in_order(table: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Rows of blocks of budgets, as one table has them: by architecture, context length and budget."""
    architecture = table["architecture"].map({name: i for i, name in enumerate(query.architecture)})
    length = table["context_length"].map({value: i for i, value in enumerate(query.context_length)})
    order = np.lexsort((table["compute"], length, architecture))
    return table.iloc[order].reset_index(drop=True)


def _draws(fit: Fit, query: Query, edges: bool) -> xr.Dataset:
    theta = coefficients_of(fit, query)
    log_compute = np.log(query.flops)

    def optimum(architecture: str, context_length: int) -> dict[str, np.ndarray]:
        surface = surface_of(fit, theta, architecture, context_length, query.unique_tokens)
        curve = query.curve(architecture, context_length)
        best = surface.optimum(log_compute, curve)
        if edges:
            best["lost"] = surface.at_edge(np.log(best["params"]), log_compute, curve)
        return best

    found = each_group(query, optimum)
    draws = on_groups(found, theta, "compute", query.compute)
    if query.unique_tokens is not None:
        draws["epochs"] = draws["tokens"] / query.unique_tokens
    return draws


def _reach(fit: Fit, query: Query, draws: xr.Dataset) -> xr.Dataset:
    """Decades outside the runs, of the budget and of the median optimum."""
    middle = draws[["params", "tokens"]].median(("chain", "draw"))
    compute = xr.zeros_like(middle["params"]) + query.flops
    return reach_of(fit, query, {"compute": compute, "params": middle["params"], "tokens": middle["tokens"]})
