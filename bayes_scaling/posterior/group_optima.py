"""The optimum of each group at the most compute of its runs and beyond, draw by draw: what checks look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bayes_scaling.accounting import get_cost
from bayes_scaling.laws.surface import Surface
from bayes_scaling.posterior.coefficients import coefficients
from bayes_scaling.posterior.groups import surface_of
from bayes_scaling.posterior.posterior import Posterior

TIMES = (1.0, 10.0)  # the most compute of a group's runs


@dataclass(frozen=True, eq=False)
class GroupOptima:
    """Optima of one group under C = 6ND.

    Attributes
    ----------
    where : tuple of str
        The group and each budget in words.
    log_compute : ndarray (budget,)
    surface : Surface
    """

    where: tuple[str, ...]
    log_compute: np.ndarray
    surface: Surface

    @cached_property
    def log_params(self) -> np.ndarray:
        """ln N* (chain, draw, budget)."""
        return self.surface.optimal_log_params(self.log_compute, _curve())

    @cached_property
    def loss(self) -> np.ndarray:
        """The loss there (chain, draw, budget)."""
        tokens = np.exp(self.log_compute - _curve().value(np, self.log_params))
        return self.surface.loss(np.exp(self.log_params), tokens)


def group_optima(fit: Posterior, asked: Posterior) -> Iterator[GroupOptima]:
    """Optima by a fit of each group of another fit's runs, at `TIMES` the most compute of the group."""
    theta = coefficients(fit)
    groups = asked.runs.frame.groupby(["architecture", "context_length"], observed=True)
    for (architecture, context), part in groups:
        budgets = float(part["flops"].max()) * np.array(TIMES)
        where = tuple(f"{architecture}, {context} at {budget:.2g} FLOPs" for budget in budgets)
        surface = surface_of(fit, theta, str(architecture), int(str(context)))
        yield GroupOptima(where, np.log(budgets), surface)


def _curve() -> Any:
    return get_cost("6ND").curve(1.0, "")
