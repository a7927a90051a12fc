"""One group's decision: its budget line and the region that the limits leave, with or without one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling.decisions.budget_line import BudgetLine
from bayes_scaling.decisions.intervals import EVERYTHING, Region, intersect
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.decisions.search import best_action
from bayes_scaling.decisions.utility import Utility
from bayes_scaling.laws.surface import Surface
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.groups import surface_of
from bayes_scaling.questions.query import Query

BINDS = 1e-6  # nats per token; a limit that costs less does not bind


@dataclass(frozen=True, eq=False)
class Group:
    """What does not change with the budget.

    Attributes
    ----------
    architecture : str
    context_length : int
    surface, unlimited : Surface
        With the unique tokens of the limits, and without.
    curve : object with value(xp, ln_params)
    served : mapping of str to Region
        Params that keep to each limit of serving.
    """

    architecture: str
    context_length: int
    surface: Surface
    unlimited: Surface
    curve: Any
    served: dict[str, Region]


def make_group(
    fit: Fit, theta: xr.Dataset, query: Query, cell: tuple[str, int], served: dict[str, Region]
) -> Group:
    """One group's surface and cost, with its regions of serving."""
    unlimited = surface_of(fit, theta, *cell)
    surface = unlimited
    if query.unique_tokens is not None:
        surface = surface_of(fit, theta, *cell, query.unique_tokens)
    return Group(*cell, surface, unlimited, query.curve(*cell), served)


@dataclass(frozen=True, eq=False)
class GroupProblem:
    """A group's decision at one budget.

    Attributes
    ----------
    group : Group
    flops : float
        The budget.
    limits : Limits
    """

    group: Group
    flops: float
    limits: Limits
    _regions: dict[str | None, Region] = field(default_factory=dict)

    def line(self, without: str | None = None) -> BudgetLine:
        """Runs that the budget allows."""
        limits = self.limits
        tokens = None if without == "tokens_at_most" else limits.tokens_at_most
        flops = min([self.flops, *limits.largest_flops(without).values()])
        surface = self.group.unlimited if without == "unique_tokens" else self.group.surface
        most = np.inf if tokens is None else np.log(tokens)
        return BudgetLine(surface, self.group.curve, float(np.log(flops)), float(most))

    def region(self, without: str | None = None) -> Region:
        """ln params that the limits leave."""
        if without not in self._regions:
            parts = [self.alone(name) for name in self.limits.active if name != without]
            found = EVERYTHING
            for part in parts:
                found = intersect(found, part)
            self._regions[without] = found
        return self._regions[without]

    def alone(self, name: str) -> Region:
        """ln params that one limit leaves."""
        if name in self.group.served:
            return self.group.served[name]
        if name in ("params_at_least", "params_at_most"):
            others = {"params_at_least": "params_at_most", "params_at_most": "params_at_least"}
            low, high = self.limits.params_range(without=others[name])
            return intersect(EVERYTHING, ((np.log(low) if low else -np.inf, np.log(high)),))
        return EVERYTHING


def shadow_prices(problem: GroupProblem, utility: Utility, value: float | None) -> list[dict[str, Any]]:
    """Each active limit with what it costs: the utility with all of them less that without it.

    Parameters
    ----------
    problem : GroupProblem
    utility : Utility
    value : float or None
        Of the best action under all limits; None where they leave none.

    Returns
    -------
    list of dict
        name, limit (in words), params_low, params_high (that it alone allows), feasible_without, price
        (nats per token; where nothing is feasible, the loss that the best action without it would have over
        that without any), binds.
    """
    free = None if value is not None else _best(problem, utility, all_free=True)
    return [_priced(problem, utility, name, value, free) for name in problem.limits.active]


def _priced(
    problem: GroupProblem, utility: Utility, name: str, value: float | None, free: float | None
) -> dict[str, Any]:
    region = problem.region(name)
    allowed = problem.alone(name)
    other = _best(problem, utility, without=name) if region else np.nan
    if value is None:
        price = other - (free or 0.0)
        binds = bool(region)
    else:
        price = max(value - other, 0.0)  # a budget need not be spent to its end
        binds = price > BINDS
    return {
        "name": name,
        "limit": problem.limits.shown(name),
        "params_low": float(np.exp(allowed[0][0])) if allowed else np.nan,
        "params_high": float(np.exp(allowed[-1][1])) if allowed else np.nan,
        "feasible_without": bool(region),
        "price": float(price),
        "binds": binds,
    }


def _best(
    problem: GroupProblem, utility: Utility, without: str | None = None, all_free: bool = False
) -> float:
    region = EVERYTHING if all_free else problem.region(without)
    return best_action(problem.line(without), region, utility).value
