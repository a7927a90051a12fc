"""`Query`: what a fit is asked about, checked once against that fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayes_scaling.accounting import Cost, ShapeFamily, fit_families, get_cost
from bayes_scaling.accounting.budgets import check_budget
from bayes_scaling.accounting.curves import LogCurve
from bayes_scaling.posterior.coefficients import architectures_of, contexts_of
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.groups import unique_of
from bayes_scaling.runs.reach import refuse_too_far

NO_BUDGET = np.empty(0)


@dataclass(frozen=True, eq=False)
class Query:
    """One question to a fit. `of` and `without_budget` check it; what holds one need not check again.

    Attributes
    ----------
    compute : ndarray (compute,)
        Training budgets in the cost's unit, ascending, each once; none where the question names none.
    context_length : tuple of int
        Fitted ones or others.
    architecture : tuple of str
        Fitted ones.
    cost : Cost
    unique_tokens : float or None
        Different tokens that runs can draw from; None for no limit.
    asked_at : str
        The values of the covariates of the fit's law that the question is about, in words.
    compute_factor : float
        How many times the cost a token is, at those values.

    Examples
    --------
    >>> from bayes_scaling.questions.query import Query
    >>> query = Query.of(fit, [1e22, 1e21], 8192)
    >>> query.compute.tolist(), query.context_length, query.architecture
    ([1e+21, 1e+22], (8192,), ('transformer', 'xlstm'))
    >>> query.at(1e20).compute.tolist()
    [1e+20]
    """

    compute: np.ndarray
    context_length: tuple[int, ...]
    architecture: tuple[str, ...]
    cost: Cost
    unique_tokens: float | None = None
    asked_at: str = ""
    compute_factor: float = 1.0

    @classmethod
    def of(
        cls,
        fit: Fit,
        compute: Any,
        context_length: Any = None,
        architecture: Any = None,
        cost: str | Cost = "6ND",
        unique_tokens: float | None = None,
        extrapolate: bool = False,
    ) -> Query:
        """The question of budgets, from what a user gives.

        Parameters
        ----------
        fit : Fit
        compute : float or sequence of float
        context_length : int or sequence of int, optional
            Default: all fitted.
        architecture : str or sequence of str, optional
            Default: all fitted.
        cost : str or Cost
        unique_tokens : float, optional
        extrapolate : bool
            Accept budgets more than four decades outside the runs.

        Raises
        ------
        BudgetError
            A budget outside 1 to 1e40 FLOPs or too far from the runs, a bad context length, an
            unknown architecture or none, unique_tokens that are not positive or that the law does not know.
        AccountingError
            An unknown cost.
        """
        budgets = _ascending(compute)
        groups = cls.without_budget(fit, context_length, architecture, cost, unique_tokens)
        query = replace(groups, compute=budgets)
        refuse_too_far(fit.runs, query.flops, extrapolate)
        return query

    @classmethod
    def without_budget(
        cls,
        fit: Fit,
        context_length: Any = None,
        architecture: Any = None,
        cost: str | Cost = "6ND",
        unique_tokens: float | None = None,
    ) -> Query:
        """A question that is not about budgets; arguments and errors as for `of`."""
        architectures = architectures_of(fit, architecture)
        contexts = contexts_of(fit, context_length)
        return cls(
            NO_BUDGET,
            tuple(contexts),
            tuple(architectures),
            resolve_cost(fit, cost),
            unique_of(fit.law, unique_tokens),
            fit.asked_at,
            fit.compute_factor,
        )

    def at(self, compute: Any) -> Query:
        """The same question at other budgets; errors as for `of`."""
        return replace(self, compute=_ascending(compute))

    @property
    def flops(self) -> np.ndarray:
        """Training FLOPs (compute,) of the budgets."""
        return np.asarray(self.cost.to_flops(self.compute))

    def curve(self, architecture: str, context_length: int) -> LogCurve:
        """What a token costs one group: ln FLOPs against ln params."""
        curve = self.cost.curve(float(context_length), architecture)
        return curve.times(self.compute_factor)

    @property
    def cost_name(self) -> str:
        """The cost, and the values of covariates that an answer is about."""
        return f"{self.cost.name} {self.asked_at}".rstrip()


def resolve_cost(fit: Fit, cost: str | Cost) -> Cost:
    """The cost of that name, its shape families fitted to the runs where they have shape columns."""
    families = shape_families(fit) if cost == "accounted" else None
    return get_cost(cost, families=families)


def shape_families(fit: Fit) -> dict[str, ShapeFamily]:
    """The shape family of each architecture whose runs have shape columns."""
    return fit_families({str(name): column for name, column in fit.runs.frame.items()})


def _ascending(compute: Any) -> np.ndarray:
    """Budgets, checked and each once."""
    check_budget(compute)
    return np.unique(np.atleast_1d(np.asarray(compute, dtype=float)))
