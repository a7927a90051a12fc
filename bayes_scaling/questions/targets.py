"""The frontier asked the other way: the cheapest run for a loss, the budget that suits a size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.accounting import Cost
from bayes_scaling.accounting.curves import LogCurve
from bayes_scaling.draws import summarise_draws
from bayes_scaling.errors import BudgetError
from bayes_scaling.faces.faced import Faced
from bayes_scaling.faces.shown import shown
from bayes_scaling.laws.surface import Surface
from bayes_scaling.numbers.positive import positive_values
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.groups import surface_of
from bayes_scaling.questions.groups import coefficients_of, columns_of, each_group, on_groups, reach_of
from bayes_scaling.questions.query import Query
from bayes_scaling.runs.column_units import NATS
from bayes_scaling.runs.reach import refuse_too_far

SHORT = (
    "architecture",
    "context_length",
    "loss",
    "params",
    "probability",
    "compute_",
    "params_",
    "tokens_",
    "loss_",
)  # columns of a short table


@dataclass(frozen=True, eq=False, repr=False)
class Target(Faced, printer="results.print_target", figures={"target": "target.plot_target"}):
    """Draws of the optimal run that reaches a target.

    Attributes
    ----------
    draws : Dataset
        compute, params, tokens, loss without the target itself; dims chain, draw, architecture,
        context_length and the target (``loss`` or ``params``). Where a loss is not above the
        draw's E, compute is infinite and params and tokens are NaN.
    target : {"loss", "params"}
    cost : str
    reach : Dataset
        As for `Frontier`, of the median compute, params and tokens.
    loss_unit : str
        Losses are told in it.
    """

    draws: xr.Dataset
    target: str
    cost: str
    reach: xr.Dataset
    loss_unit: str = NATS

    def table(self, full: bool = False) -> pd.DataFrame:
        """One row for each architecture, context length and target value.

        Columns: architecture, context_length, the target, cost, probability (that it can be
        reached); quantiles of the rest; extrapolation_decades, the same of compute, params, tokens and
        context, and group_runs, as for `Frontier`. Quantiles of params and tokens are over the draws that
        reach the target.

        Unless ``full``, only the columns that answer the question, displayed as people read them.
        """
        return shown(self._rows(), SHORT, full)

    def _rows(self) -> pd.DataFrame:
        compute = self.draws["compute"]
        reachable = (compute < np.inf).mean(("chain", "draw"))
        table = pd.concat([summarise_draws(v, str(name)) for name, v in self.draws.items()], axis=1)
        table.insert(0, "cost", self.cost)
        table.insert(1, "probability", reachable.to_numpy().ravel())
        return table.assign(**columns_of(self.reach)).reset_index()


def iso_loss(
    fit: Fit,
    loss: Any,
    context_length: Any = None,
    architecture: Any = None,
    cost: str | Cost = "6ND",
    unique_tokens: float | None = None,
    extrapolate: bool = False,
) -> Target:
    """Cheapest compute that reaches a loss, with its params and tokens.

    Parameters
    ----------
    fit : Fit
    loss : float or sequence of float
        Nats per token.
    context_length, architecture, cost, unique_tokens, extrapolate
        As for `frontier`; of the median compute.

    Returns
    -------
    Target
        Along ``loss``.

    Raises
    ------
    BudgetError
        A loss that is not a positive number or too far from the runs; a bad context length or architecture.

    Examples
    --------
    >>> table = bs.iso_loss(fit, 2.5, 8192).table()
    >>> bool((table["compute_q05"] < table["compute_q95"]).all())
    True
    """
    query = Query.without_budget(fit, context_length, architecture, cost, unique_tokens)
    return _reached(fit, query, "loss", loss, extrapolate)


def optimal_for_params(
    fit: Fit,
    params: Any,
    context_length: Any = None,
    architecture: Any = None,
    cost: str | Cost = "6ND",
    unique_tokens: float | None = None,
    extrapolate: bool = False,
) -> Target:
    """Compute and tokens at which a model of that size is the optimal one, and its loss.

    Parameters
    ----------
    fit : Fit
    params : float or sequence of float
    context_length, architecture, cost, unique_tokens, extrapolate
        As for `frontier`; of the median compute.

    Returns
    -------
    Target
        Along ``params``.

    Raises
    ------
    BudgetError
        Params that are not a positive number or too far from the runs; a bad context length or architecture.

    Examples
    --------
    >>> table = bs.optimal_for_params(fit, 1e9, 8192).table()
    >>> table["params"].unique().tolist()
    [1000000000.0]
    """
    query = Query.without_budget(fit, context_length, architecture, cost, unique_tokens)
    return _reached(fit, query, "params", params, extrapolate)


def _reached(fit: Fit, query: Query, target: str, values: Any, extrapolate: bool) -> Target:
    """The optimal runs at values of a target."""
    wanted = positive_values(target, values, BudgetError, EXAMPLES[target])
    theta = coefficients_of(fit, query)
    solve = SOLVERS[target]

    def one(architecture: str, context_length: int) -> dict[str, np.ndarray]:
        surface = surface_of(fit, theta, architecture, context_length, query.unique_tokens)
        curve = query.curve(architecture, context_length)
        best = solve(surface, curve, wanted, query.cost)
        return best | {"lost": _lost(surface, curve, best, wanted, query.cost)}

    found = each_group(query, one)
    draws = on_groups(found, theta, target, wanted)
    lost = draws["lost"].mean(("chain", "draw"))
    draws = draws.drop_vars("lost")
    middle = draws.median(("chain", "draw"))
    flops = query.cost.to_flops(middle["compute"])
    refuse_too_far(fit.runs, flops.to_numpy(), extrapolate)
    asked = {
        "compute": flops,
        "params": xr.zeros_like(flops) + middle["params"],
        "tokens": middle["tokens"],
    }
    reach = reach_of(fit, query, asked).assign(lost_share=lost)
    return Target(draws, target, query.cost_name, reach, fit.loss_unit)


def _lost(
    surface: Surface, curve: LogCurve, best: dict[str, np.ndarray], params: np.ndarray, cost: Cost
) -> np.ndarray:
    """Whether the run (chain, draw, target) is an optimum at the edge of its search; False for none."""
    compute = np.asarray(cost.to_flops(best["compute"]))
    size = np.broadcast_to(best.get("params", params), compute.shape)
    known = np.isfinite(compute) & np.isfinite(size)
    log_params = np.log(np.where(known, size, 1e9))
    log_compute = np.log(np.where(known, compute, 1e20))
    return known & surface.at_edge(log_params, log_compute, curve)


def _for_loss(surface: Surface, curve: LogCurve, loss: np.ndarray, cost: Cost) -> dict[str, np.ndarray]:
    log_params, log_tokens = surface.cheapest(loss, curve)
    compute = cost.from_flops(np.exp(curve.value(np, np.nan_to_num(log_params)) + log_tokens))
    compute = np.where(np.isnan(log_params), np.inf, compute)
    return {"compute": compute, "params": np.exp(log_params), "tokens": np.exp(log_tokens)}


def _for_params(surface: Surface, curve: LogCurve, params: np.ndarray, cost: Cost) -> dict[str, np.ndarray]:
    log_tokens = surface.suited(params, curve)
    tokens = np.exp(log_tokens)
    compute = cost.from_flops(np.exp(curve.value(np, np.log(params)) + log_tokens))
    return {"compute": compute, "tokens": tokens, "loss": surface.loss(params, tokens)}


EXAMPLES = {"loss": "2.5", "params": "1e9"}
SOLVERS = {"loss": _for_loss, "params": _for_params}
