"""What to train with a budget: the Bayes action, its regret, and what limits it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.accounting import Cost
from bayes_scaling.decisions import group_decision as cells
from bayes_scaling.decisions.decision_tables import (
    Key,
    actions_of,
    binding_of,
    curves_of,
    draws_of,
    limits_of,
)
from bayes_scaling.decisions.group_decision import Question, Solved
from bayes_scaling.decisions.group_problem import Problem, make_group
from bayes_scaling.decisions.limits import Limits, as_limits
from bayes_scaling.decisions.serving_limits import as_serving, check_served, served_regions
from bayes_scaling.decisions.utility import get_utility
from bayes_scaling.errors import BudgetError, DecisionError
from bayes_scaling.laws.law import check_budget, unique_of
from bayes_scaling.posterior.coefficients import coefficients
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.questions.frontier import each_cell, resolve_cost
from bayes_scaling.runs.reach import decades_outside

FARTHEST = 10.0  # decades of compute outside the runs


@dataclass(frozen=True, eq=False)
class Decision:
    """Actions of each architecture and of all together.

    Attributes
    ----------
    actions : DataFrame
        See `table`.
    limits : DataFrame
        One row for each architecture, context length, budget and active limit: name, limit (in words),
        params_low and params_high (that it alone allows), feasible_without, price (nats per token that it
        costs; where nothing is feasible, what the best action without it would lose by the others), binds.
    curves : DataFrame
        Along each budget: params, tokens, objective, loss_q05, loss_median, loss_q95, regret_mean, within
        (P(regret < tolerance)).
    draws : Dataset
        loss (at the action), regret, optimum_loss and optimum_params of each draw; dims architecture,
        context_length, compute, chain, draw. NaN where nothing is feasible.
    cost, utility : str
    tolerance, confidence : float
    """

    actions: pd.DataFrame
    limits: pd.DataFrame
    curves: pd.DataFrame
    draws: xr.Dataset
    cost: str
    utility: str
    tolerance: float
    confidence: float

    def table(self) -> pd.DataFrame:
        """One row for each architecture, context length and budget.

        Columns: architecture, context_length, compute, cost, feasible, chosen (the best architecture for
        the context length and budget), best_probability (that its own optimum is the lowest of all
        architectures); params and tokens of the Bayes action, spent (of the compute), objective (the
        utility there); loss, regret (over the draw's own optimum), overall_regret (over the best of all
        architectures), optimum_params, loss_slope (d L* / d ln C) and params_exponent (d ln N* / d ln C),
        each as ``_q05``, ``_median``, ``_q95`` and ``_mean``; regret_probability and
        overall_regret_probability (of less than the tolerance); flat_low, flat_high and flat_factor, the
        params at which P(regret < tolerance) is at least the confidence (NaN where it is nowhere); shape,
        shape_params, shape_tokens and shape_price, the nearest shape that can be built and what it costs;
        lost_share, of the draws whose optimum lies at the edge of its search; extrapolation_decades, the
        farthest of spent, params and tokens; binding, names of the limits that bind.
        """
        return self.actions.copy()


def decide(
    fit: Fit,
    compute: Any,
    context_length: Any = None,
    architecture: Any = None,
    *,
    utility: Any = "mean",
    limits: Limits | Mapping[str, Any] | None = None,
    cost: str | Cost = "6ND",
    latency: Any = None,
    tolerance: float = 0.01,
    confidence: float = 0.5,
) -> Decision:
    """The params, tokens and architecture to train.

    The action minimises the utility of the loss over all draws; its regret is what it loses to the action
    that each draw would have wanted.

    Parameters
    ----------
    fit : Fit
    compute : float or sequence of float
        Training budgets, in the cost's unit.
    context_length, architecture
        As for `frontier`.
    utility : {"mean"} or ("quantile", q) or ("cvar", q)
        Of the draws of the loss; q between 0 and 1. The cvar is the mean of the draws above the quantile.
    limits : Limits or mapping, optional
    cost : str or Cost
        As for `frontier`.
    latency : LatencyFit, optional
        For limits of serving.
    tolerance : float
        Loss in nats per token that does not matter.
    confidence : float
        Of the flat region.

    Returns
    -------
    Decision

    Raises
    ------
    BudgetError
        As for `frontier`, or a budget more than ten decades outside the fitted runs.
    DecisionError
        Limits that contradict each other or need what is not given, an unknown utility.
    OptimumError
        A search that failed its own check.

    Notes
    -----
    Under expected loss the mean of overall_regret is the value of perfect information.

    Examples
    --------
    >>> decision = bs.decide(fit, 1e21, 8192, limits={"params_at_most": 1e9})
    >>> table = decision.table()
    >>> table["chosen"].sum(), bool((table["params"] <= 1e9).all())
    (np.int64(1), True)
    >>> decision.limits["name"].unique().tolist()
    ['params_at_most']
    """
    question = Question(get_utility(utility), *check_flatness(tolerance, confidence))
    limits = as_limits(limits)
    solved, problems, theta, cost = _solve_all(
        fit, compute, context_length, architecture, question, limits, cost, latency
    )
    draws = draws_of(solved, theta)
    priced = limits_of(problems, solved, question)
    actions = actions_of(fit, solved, draws, cost, question)
    return Decision(
        actions.assign(binding=[binding_of(priced, key) for key in solved]),
        priced,
        curves_of(solved),
        draws,
        cost.name,
        str(question.utility),
        question.tolerance,
        question.confidence,
    )


def optimal_losses(
    fit: Fit,
    compute: Any,
    context_length: Any = None,
    architecture: Any = None,
    limits: Limits | Mapping[str, Any] | None = None,
    cost: str | Cost = "6ND",
    latency: Any = None,
) -> xr.DataArray:
    """Each draw's lowest loss under limits; dims as `Decision.draws`, NaN where nothing is feasible."""
    question = Question(get_utility("mean"), 0.01, 0.5)
    limits = as_limits(limits)
    solved, _, theta, _ = _solve_all(
        fit, compute, context_length, architecture, question, limits, cost, latency
    )
    return draws_of(solved, theta)["optimum_loss"]


def _solve_all(
    fit: Fit,
    compute: Any,
    context_length: Any,
    architecture: Any,
    question: Question,
    limits: Limits,
    cost: str | Cost,
    latency: Any,
) -> tuple[dict[Key, Solved | None], dict[Key, Problem], xr.Dataset, Cost]:
    check_budget(compute)
    budgets = np.unique(np.atleast_1d(np.asarray(compute, dtype=float)))
    serving = as_serving(latency)
    check_served(limits, serving)
    theta = coefficients(fit, architecture, context_length)
    cost = resolve_cost(fit, cost)
    unique_of(fit.law, limits.unique_tokens)
    _check_reach(fit, budgets, cost)

    served = served_regions(serving, limits, theta["architecture"].to_numpy().tolist())

    def one(architecture: str, context_length: int) -> list[tuple[Problem, Solved | None]]:
        cell = (architecture, context_length)
        group = make_group(fit, theta, cell, cost, limits.unique_tokens, served[architecture])
        problems = [Problem(group, float(cost.to_flops(budget)), limits) for budget in budgets]
        return [(problem, cells.solve(problem, question)) for problem in problems]

    found = {
        (*cell, float(budget)): pair
        for cell, pairs in each_cell(theta, one).items()
        for budget, pair in zip(budgets, pairs, strict=True)
    }
    solved = {key: pair[1] for key, pair in found.items()}
    return solved, {key: pair[0] for key, pair in found.items()}, theta, cost


def _check_reach(fit: Fit, budgets: np.ndarray, cost: Cost) -> None:
    """Refuse budgets so far from all runs that no law says anything there."""
    known = fit.runs.frame["flops"].to_numpy(dtype=float)
    far = decades_outside(np.asarray(cost.to_flops(budgets), dtype=float), known)
    if far.max() > FARTHEST:
        worst = budgets[far.argmax()]
        raise BudgetError(
            f"compute budget {worst:g} is {far.max():.0f} decades outside the fitted runs "
            f"({known.min():.2g} to {known.max():.2g} FLOPs), where no law decides anything: is the unit "
            f"right? Give one within {FARTHEST:g} decades"
        )


def check_flatness(tolerance: float, confidence: float) -> tuple[float, float]:
    """A tolerance and a confidence that can be, else `DecisionError`."""
    if not 0 < tolerance < np.inf:
        raise DecisionError(f"tolerance {tolerance!r}: give a positive loss in nats per token, such as 0.01")
    if not 0 < confidence < 1:
        raise DecisionError(f"confidence {confidence!r}: give a probability between 0 and 1, such as 0.5")
    return float(tolerance), float(confidence)
