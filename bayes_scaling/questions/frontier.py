"""Compute-optimal frontiers as posterior draws."""

from __future__ import annotations

from dataclasses import dataclass
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
QUANTITIES = ("params", "tokens", "loss", "tokens_per_param", "params_exponent", "tokens_exponent")
REACH = {
    "extrapolation_decades": "compute",
    "params_extrapolation_decades": "params",
    "tokens_extrapolation_decades": "tokens",
}
COLUMNS = {"compute": "flops", "params": "params", "tokens": "tokens"}  # of the runs


@dataclass(frozen=True, eq=False)
class Frontier:
    """Draws of the optimum.

    Attributes
    ----------
    draws : Dataset
        params, tokens, loss (nats per token), params_exponent and tokens_exponent (d ln N* / d ln C
        and d ln D* / d ln C), and, with unique tokens, epochs (D* over them); dims chain, draw,
        architecture, context_length, compute.
    cost : str
        Name of the cost.
    reach : Dataset
        Decades outside the group's runs: compute of the budget, params and tokens of the median
        optimum; 0 within them. Dims architecture, context_length, compute.
    """

    draws: xr.Dataset
    cost: str
    reach: xr.Dataset

    def table(self) -> pd.DataFrame:
        """One row for each architecture, context length and budget, quantiles in columns.

        Columns: architecture, context_length, compute (in the cost's unit), cost; ``params_*``,
        ``tokens_*``, ``loss_*``, ``tokens_per_param_*``, ``params_exponent_*`` and
        ``tokens_exponent_*``, with unique tokens ``epochs_*`` too, with median, mean, sd and quantiles;
        extrapolation_decades, how far the budget lies outside the runs, and the same of the median params
        and tokens.
        """
        ratio = self.draws["tokens"] / self.draws["params"]
        draws = self.draws.assign(tokens_per_param=ratio)
        names = [*QUANTITIES, *(["epochs"] if "epochs" in draws else [])]
        table = pd.concat([summarise_draws(draws[name], name) for name in names], axis=1)
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
        Different tokens that runs can draw from, for a law of repetition; the answer then has the optimum in
        epochs too. Default: unlimited.

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
    """The answer of `frontier`."""
    theta = coefficients_of(fit, query)
    log_compute = np.log(query.flops)

    def optimum(architecture: str, context_length: int) -> dict[str, np.ndarray]:
        surface = surface_of(fit, theta, architecture, context_length, query.unique_tokens)
        return surface.optimum(log_compute, query.curve(architecture, context_length))

    found = each_group(query, optimum)
    draws = on_groups(found, theta, "compute", query.compute)
    if query.unique_tokens is not None:
        draws["epochs"] = draws["tokens"] / query.unique_tokens
    return Frontier(draws, query.cost.name, _reach(fit, query, draws))


def _reach(fit: Fit, query: Query, draws: xr.Dataset) -> xr.Dataset:
    """Decades outside the runs, of the budget and of the median optimum."""
    reach = draws[["params", "tokens"]].median(("chain", "draw"))
    reach["compute"] = reach["params"] * 0 + query.flops
    for name, column in COLUMNS.items():
        reach[name] = decades_from_runs(fit, query, reach[name], column)
    return reach
