"""Compute-optimal frontiers as posterior draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.laws import check_budget
from bayes_scaling.optimum import optimal_log_params
from bayes_scaling.posterior import Fit, coefficients
from bayes_scaling.reach import decades_outside, nearest_runs
from bayes_scaling.tables import summarise_draws

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayes_scaling.accounting import Cost

DIMS = ("chain", "draw", "architecture", "context_length", "compute")


@dataclass(frozen=True, eq=False)
class Frontier:
    """Draws of the optimum.

    Attributes
    ----------
    draws : Dataset
        params, tokens, loss (nats per token); dims chain, draw, architecture, context_length,
        compute.
    cost : str
        Name of the cost.
    reach : DataArray
        Decades of the budget outside the group's runs, dims architecture, context_length, compute.
    """

    draws: xr.Dataset
    cost: str
    reach: xr.DataArray

    def table(self) -> pd.DataFrame:
        """One row for each architecture, context length and budget, quantiles in columns.

        Columns: architecture, context_length, compute (FLOPs), cost; ``params_*``, ``tokens_*``,
        ``loss_*`` and ``tokens_per_param_*`` with median, mean and quantiles;
        extrapolation_decades, the distance of the budget from the runs (0 within them).
        """
        import pandas as pd

        ratio = self.draws["tokens"] / self.draws["params"]
        parts = {name: self.draws[name] for name in ("params", "tokens", "loss")} | {
            "tokens_per_param": ratio
        }
        tables = [summarise_draws(draws, name) for name, draws in parts.items()]
        table = pd.concat(tables, axis=1)
        table["extrapolation_decades"] = self.reach.to_numpy().ravel()
        table = table.reset_index()
        table.insert(3, "cost", self.cost)
        return table


def frontier(
    fit: Fit,
    compute: Any,
    context_length: Any = None,
    architecture: Any = None,
    cost: str | Cost = "6ND",
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

    Returns
    -------
    Frontier

    Raises
    ------
    BudgetError
        A budget outside 1 to 1e40 FLOPs, a bad context length, an unknown architecture.

    References
    ----------
    Hoffmann et al. 2022, equation 4, is the case C = 6ND.
    """
    import xarray as xr

    check_budget(compute)
    budgets = np.unique(np.atleast_1d(np.asarray(compute, dtype=float)))
    theta = coefficients(fit, architecture, context_length)
    cost = resolve_cost(fit, cost)
    cells = [
        [optimum(fit, theta, a, t, budgets, cost) for t in theta["context_length"].to_numpy()]
        for a in theta["architecture"].to_numpy()
    ]
    stacked = np.moveaxis(np.array(cells), (0, 1, 2), (-3, -2, 0))
    coords = {dim: theta[dim].to_numpy() for dim in DIMS[:-1]} | {"compute": budgets}
    names = ("params", "tokens", "loss")
    draws = xr.Dataset({name: (DIMS, stacked[i]) for i, name in enumerate(names)}, coords=coords)
    return Frontier(draws, cost.name, _reach(fit, draws))


def resolve_cost(fit: Fit, cost: str | Cost) -> Cost:
    """The cost of that name, its shape families fitted to the runs where they have shape columns."""
    from bayes_scaling.accounting import fit_families, get_cost
    from bayes_scaling.accounting.shapes import REQUIRED_SIZES

    columns = {str(name): column for name, column in fit.runs.frame.items()}
    shaped = cost == "accounted" and set(REQUIRED_SIZES) <= set(columns)
    return get_cost(cost, families=fit_families(columns) if shaped else None)


def optimum(
    fit: Fit, theta: xr.Dataset, architecture: str, context_length: int, budgets: np.ndarray, cost: Cost
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Params, tokens and loss at the optimum of one group, each (chain, draw, compute)."""
    cell = theta.sel(architecture=architecture, context_length=context_length)
    names = fit.law.names
    values = {name: cell[name].transpose("chain", "draw").to_numpy()[..., None] for name in names}
    full = fit.law.complete(values)
    curve = cost.curve(float(context_length), str(architecture))
    log_params = optimal_log_params(full, np.log(cost.to_flops(budgets)), curve)
    params = np.exp(log_params)
    tokens = np.exp(np.log(cost.to_flops(budgets)) - curve.value(np, log_params))
    return params, tokens, np.asarray(fit.law.loss(np, params, tokens, values))


def _reach(fit: Fit, draws: xr.Dataset) -> xr.DataArray:
    budgets = draws["compute"].to_numpy()
    far = [
        [
            decades_outside(budgets, nearest_runs(fit.runs, "flops", str(a), int(t)))
            for t in draws["context_length"].to_numpy()
        ]
        for a in draws["architecture"].to_numpy()
    ]
    return draws["loss"].isel(chain=0, draw=0, drop=True).copy(data=np.array(far))
