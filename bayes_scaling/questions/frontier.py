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
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.groups import surface_of
from bayes_scaling.questions.groups import (
    GROUP_DIMS,
    coefficients_of,
    decades_from_runs,
    each_group,
    on_groups,
)
from bayes_scaling.questions.query import Query

DIMS = (*GROUP_DIMS, "compute")
MEMORY = 2**29  # bytes that a block's draws may take
WORK = 200  # bytes for each draw, group and budget while they are worked on
QUANTITIES = ("params", "tokens", "loss", "tokens_per_param", "params_exponent", "tokens_exponent")
REACH = {
    "extrapolation_decades": "compute",
    "params_extrapolation_decades": "params",
    "tokens_extrapolation_decades": "tokens",
}
COLUMNS = {"compute": "flops", "params": "params", "tokens": "tokens"}  # of the runs


@dataclass(frozen=True, eq=False)
class Frontier:
    """Draws of the optimum, or of a question of very many budgets its table alone.

    Attributes
    ----------
    fit : Fit
    query : Query
    draws : Dataset
        params, tokens, loss (nats per token), params_exponent and tokens_exponent (d ln N* / d ln C
        and d ln D* / d ln C); dims chain, draw, architecture, context_length, compute.
    cost : str
        Name of the cost.
    reach : Dataset
        Decades outside the group's runs: compute of the budget, params and tokens of the median
        optimum; 0 within them. Dims architecture, context_length, compute.
    """

    fit: Fit
    query: Query

    @cached_property
    def draws(self) -> xr.Dataset:
        """See `Frontier`."""
        return _draws(self.fit, self.query)

    @cached_property
    def reach(self) -> xr.Dataset:
        """See `Frontier`."""
        return _reach(self.fit, self.query, self.draws)

    @property
    def cost(self) -> str:
        """See `Frontier`."""
        return self.query.cost.name

    @property
    def at_once(self) -> int:
        """How many budgets are worked on at once, so that their draws take some `MEMORY`."""
        sizes = self.fit.posterior.sizes
        groups = len(self.query.architecture) * len(self.query.context_length)
        return max(MEMORY // (WORK * int(sizes["chain"]) * int(sizes["draw"]) * groups), 1)

    def by_context_length(self) -> Frontier:
        """The same answer with the context lengths in order."""
        lengths = tuple(sorted(self.query.context_length))
        found = Frontier(self.fit, replace(self.query, context_length=lengths))
        found.__dict__.update(
            draws=self.draws.sortby("context_length"), reach=self.reach.sortby("context_length")
        )
        return found

    def table(self) -> pd.DataFrame:
        """One row for each architecture, context length and budget, quantiles in columns.

        Columns: architecture, context_length, compute (in the cost's unit), cost; ``params_*``,
        ``tokens_*``, ``loss_*``, ``tokens_per_param_*``, ``params_exponent_*`` and
        ``tokens_exponent_*`` with median, mean, sd and quantiles; extrapolation_decades, how far the
        budget lies outside the runs, and the same of the median params and tokens. Very many budgets
        are worked on in blocks, and their draws not kept.
        """
        budgets = self.query.compute
        if "draws" in self.__dict__ or len(budgets) <= self.at_once:
            return self._table()
        starts = range(0, len(budgets), self.at_once)
        blocks = [self.query.at(budgets[start : start + self.at_once]) for start in starts]
        parts = [Frontier(self.fit, block)._table() for block in blocks]
        return _in_order(pd.concat(parts), self.query)

    def _table(self) -> pd.DataFrame:
        ratio = self.draws["tokens"] / self.draws["params"]
        draws = self.draws.assign(tokens_per_param=ratio)
        table = pd.concat([summarise_draws(draws[name], name) for name in QUANTITIES], axis=1)
        for column, name in REACH.items():
            table[column] = self.reach[name].to_numpy().ravel()
        table = table.reset_index()
        table.insert(3, "cost", self.cost)
        return table


def frontier(
    fit: Fit,
    compute: Any,
    context_length: Any = None,
    architecture: Any = None,
    cost: str | Cost = "6ND",
    unique_tokens: float | None = None,
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
        Different tokens that runs can draw from, for a law of repetition. Default: unlimited.

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
    query = Query.of(fit, compute, context_length, architecture, cost, unique_tokens)
    return frontier_of(fit, query)


def frontier_of(fit: Fit, query: Query) -> Frontier:
    """The answer of `frontier`, made now unless its draws would take more than some `MEMORY`."""
    found = Frontier(fit, query)
    if len(query.compute) <= found.at_once:
        _ = found.reach
    return found


def _in_order(table: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Rows of blocks of budgets, as one table has them: by architecture, context length and budget."""
    architecture = table["architecture"].map({name: i for i, name in enumerate(query.architecture)})
    length = table["context_length"].map({value: i for i, value in enumerate(query.context_length)})
    order = np.lexsort((table["compute"], length, architecture))
    return table.iloc[order].reset_index(drop=True)


def _draws(fit: Fit, query: Query) -> xr.Dataset:
    theta = coefficients_of(fit, query)
    log_compute = np.log(query.flops)

    def optimum(architecture: str, context_length: int) -> dict[str, np.ndarray]:
        surface = surface_of(fit, theta, architecture, context_length, query.unique_tokens)
        return surface.optimum(log_compute, query.curve(architecture, context_length))

    found = each_group(query, optimum)
    return on_groups(found, theta, "compute", query.compute)


def _reach(fit: Fit, query: Query, draws: xr.Dataset) -> xr.Dataset:
    """Decades outside the runs, of the budget and of the median optimum."""
    reach = draws[["params", "tokens"]].median(("chain", "draw"))
    reach["compute"] = reach["params"] * 0 + query.flops
    for name, column in COLUMNS.items():
        reach[name] = decades_from_runs(fit, query, reach[name], column)
    return reach
