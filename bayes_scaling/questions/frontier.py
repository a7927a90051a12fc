"""Compute-optimal frontiers as posterior draws."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.accounting import Cost, ShapeFamily, fit_families, get_cost
from bayes_scaling.draws import summarise_draws
from bayes_scaling.laws.law import check_budget, unique_of
from bayes_scaling.posterior.coefficients import coefficients
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.groups import surface_of
from bayes_scaling.runs.reach import decades_outside, nearest_runs

DIMS = ("chain", "draw", "architecture", "context_length", "compute")
QUANTITIES = ("params", "tokens", "loss", "tokens_per_param", "params_exponent", "tokens_exponent")
REACH = {
    "extrapolation_decades": "compute",
    "params_extrapolation_decades": "params",
    "tokens_extrapolation_decades": "tokens",
}


@dataclass(frozen=True, eq=False)
class Frontier:
    """Draws of the optimum.

    Attributes
    ----------
    draws : Dataset
        params, tokens, loss (nats per token), params_exponent and tokens_exponent (d ln N* / d ln C
        and d ln D* / d ln C); dims chain, draw, architecture, context_length, compute.
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
        ``tokens_exponent_*`` with median, mean, sd and quantiles; extrapolation_decades, how far the
        budget lies outside the runs, and the same of the median params and tokens.
        """
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
    check_budget(compute)
    budgets = np.unique(np.atleast_1d(np.asarray(compute, dtype=float)))
    theta = coefficients(fit, architecture, context_length)
    cost = resolve_cost(fit, cost)
    unique_of(fit.law, unique_tokens)
    cells = each_cell(theta, lambda a, t: optimum(fit, theta, a, t, budgets, cost, unique_tokens))
    draws = on_cells(cells, theta, "compute", budgets)
    return Frontier(draws, cost.name, _reach(fit, draws, cost))


def resolve_cost(fit: Fit, cost: str | Cost) -> Cost:
    """The cost of that name, its shape families fitted to the runs where they have shape columns."""
    return get_cost(cost, families=shape_families(fit) if cost == "accounted" else None)


def shape_families(fit: Fit) -> dict[str, ShapeFamily]:
    """The shape family of each architecture whose runs have shape columns."""
    return fit_families({str(name): column for name, column in fit.runs.frame.items()})


def optimum(
    fit: Fit,
    theta: xr.Dataset,
    architecture: str,
    context_length: int,
    budgets: np.ndarray,
    cost: Cost,
    unique_tokens: float | None = None,
) -> dict[str, np.ndarray]:
    """Variables of `Frontier.draws` for one group, each (chain, draw, compute)."""
    surface = surface_of(fit, theta, architecture, context_length, unique_tokens)
    curve = cost.curve(float(context_length), architecture)
    log_compute = np.log(cost.to_flops(budgets))
    log_params = surface.optimal_log_params(log_compute, curve)
    params = np.exp(log_params)
    tokens = np.exp(log_compute - curve.value(np, log_params))
    rise = surface.exponent(log_params, log_compute, curve)
    return {
        "params": params,
        "tokens": tokens,
        "loss": surface.loss(params, tokens),
        "params_exponent": rise,
        "tokens_exponent": 1 - curve.slope(np, log_params) * rise,
    }


def each_cell[Result](theta: xr.Dataset, call: Callable[[str, int], Result]) -> dict[tuple[str, int], Result]:
    """What a call gives for each group, the groups at once on the machine's cores."""
    cells = [
        (str(a), int(t)) for a in theta["architecture"].to_numpy() for t in theta["context_length"].to_numpy()
    ]
    with ThreadPoolExecutor(min(len(cells), os.cpu_count() or 1)) as pool:
        return dict(zip(cells, pool.map(lambda cell: call(*cell), cells), strict=True))


def on_cells(
    cells: Mapping[tuple[str, int], Mapping[str, np.ndarray]], theta: xr.Dataset, dim: str, values: np.ndarray
) -> xr.Dataset:
    """Results by group, each (chain, draw, value), as one Dataset with ``dim`` last."""
    names = theta["architecture"].to_numpy()
    lengths = theta["context_length"].to_numpy()
    dims = ("architecture", "context_length", "chain", "draw", dim)
    data = {
        name: (dims, np.array([[cells[str(a), int(t)][name] for t in lengths] for a in names]))
        for name in next(iter(cells.values()))
    }
    coords = {name: theta[name].to_numpy() for name in dims[:-1]} | {dim: values}
    return xr.Dataset(data, coords=coords).transpose(*DIMS[:-1], dim)


def _reach(fit: Fit, draws: xr.Dataset, cost: Cost) -> xr.Dataset:
    """Decades outside the runs, of the budget and of the median optimum."""
    reach = draws[["params", "tokens"]].median(("chain", "draw"))
    reach["compute"] = reach["params"] * 0 + cost.to_flops(draws["compute"].to_numpy())
    for a in draws["architecture"].to_numpy():
        for t in draws["context_length"].to_numpy():
            cell = {"architecture": a, "context_length": t}
            for name, column in (("compute", "flops"), ("params", "params"), ("tokens", "tokens")):
                known = nearest_runs(fit.runs, column, str(a), int(t))
                reach[name].loc[cell] = decades_outside(reach[name].loc[cell].to_numpy(), known)
    return reach
