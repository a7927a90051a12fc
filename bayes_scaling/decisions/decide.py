"""What to train with a budget: the Bayes action, its regret, and what limits it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import xarray as xr

from bayes_scaling.accounting import Cost
from bayes_scaling.decisions.decision_tables import (
    Key,
    actions_of,
    binding_of,
    curves_of,
    draws_of,
    limits_of,
)
from bayes_scaling.decisions.group_decision import Solved, solve
from bayes_scaling.decisions.group_problem import GroupProblem, make_group
from bayes_scaling.decisions.limits import Limits, as_limits
from bayes_scaling.decisions.preference import Preference
from bayes_scaling.decisions.serving_limits import Serving, as_serving, check_served, served_regions
from bayes_scaling.errors import BudgetError
from bayes_scaling.faces.faced import Faced
from bayes_scaling.faces.shown import shown
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.questions.groups import coefficients_of, each_group
from bayes_scaling.questions.query import Query
from bayes_scaling.runs.column_units import NATS
from bayes_scaling.runs.reach import decades_outside

FARTHEST = 10.0  # decades of compute outside the runs
SHORT = (
    "architecture",
    "context_length",
    "compute",
    "feasible",
    "chosen",
    "clear",
    "best_probability",
    "params",
    "tokens",
    "loss_",
    "regret_mean",
    "flat_low",
    "flat_high",
)  # columns of a short table


@dataclass(frozen=True, eq=False, repr=False)
class Decision(Faced, printer="decisions.print_decision", figures={"decision": "decision.plot_decision"}):
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
    loss_unit : str
        Losses are told in it.
    """

    actions: pd.DataFrame
    limits: pd.DataFrame
    curves: pd.DataFrame
    draws: xr.Dataset
    cost: str
    utility: str
    tolerance: float
    confidence: float
    loss_unit: str = NATS

    def table(self, full: bool = False) -> pd.DataFrame:
        """One row for each architecture, context length and budget.

        Columns: architecture, context_length, compute, cost, feasible, chosen (the best architecture for
        the context length and budget), clear (chosen, with a best_probability of 0.8 or more and a mean
        overall_regret within the tolerance or a tenth of the loss's 90% interval), best_probability (that
        its own optimum is the lowest of all architectures); params and tokens of the Bayes action, spent
        (of the compute), objective (the utility there); loss, regret (over the draw's own optimum),
        overall_regret (over the best of all architectures), optimum_params, loss_slope (d L* / d ln C) and
        params_exponent (d ln N* / d ln C),
        each as ``_q05``, ``_median``, ``_q95`` and ``_mean``; regret_probability and
        overall_regret_probability (of less than the tolerance); flat_low, flat_high and flat_factor, the
        params at which P(regret < tolerance) is at least the confidence (NaN where it is nowhere); shape,
        shape_params, shape_tokens and shape_price, the nearest shape that can be built and what it costs;
        lost_share, of the draws whose optimum lies at the edge of its search; extrapolation_decades, the
        farthest of compute (that is spent), params, tokens and context, and each of these; group_runs, how
        many runs the group has; binding, names of the limits that bind.

        Unless ``full``, only the columns that answer the question, displayed as people read them.
        """
        return shown(self._rows(), SHORT, full)

    def _rows(self) -> pd.DataFrame:
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
    extrapolate: bool = False,
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
    extrapolate : bool
        As for `frontier`.

    Returns
    -------
    Decision

    Raises
    ------
    BudgetError
        As for `frontier`, or even so a budget more than ten decades outside the fitted runs.
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
    limits = as_limits(limits)
    query = Query.of(fit, compute, context_length, architecture, cost, limits.unique_tokens, extrapolate)
    preference = Preference.of(utility, tolerance, confidence)
    return decision_of(fit, query, preference, limits, as_serving(latency))


def decision_of(
    fit: Fit, query: Query, preference: Preference, limits: Limits, serving: Serving | None
) -> Decision:
    """The answer of `decide`."""
    theta = coefficients_of(fit, query)
    problems, solved = _solve_each(fit, theta, query, preference, limits, serving)
    draws = draws_of(solved, theta)
    priced = limits_of(problems, solved, preference)
    actions = actions_of(fit, query, solved, draws, preference)
    return Decision(
        actions.assign(binding=[binding_of(priced, key) for key in solved]),
        priced,
        curves_of(solved),
        draws,
        query.cost_name,
        str(preference.utility),
        preference.tolerance,
        preference.confidence,
        fit.loss_unit,
    )


def optimal_runs(fit: Fit, query: Query, limits: Limits, serving: Serving | None = None) -> xr.Dataset:
    """`Decision.draws`: each draw's own optimum under limits, NaN where nothing is feasible."""
    theta = coefficients_of(fit, query)
    _, solved = _solve_each(fit, theta, query, Preference(), limits, serving)
    return draws_of(solved, theta)


def _solve_each(
    fit: Fit,
    theta: xr.Dataset,
    query: Query,
    preference: Preference,
    limits: Limits,
    serving: Serving | None,
) -> tuple[dict[Key, GroupProblem], dict[Key, Solved | None]]:
    """The decision of each group at each budget, and what is known of it; None where it has none."""
    check_served(limits, serving)
    _check_reach(fit, query)
    served = served_regions(serving, limits, query.architecture)

    def one(architecture: str, context_length: int) -> list[tuple[GroupProblem, Solved | None]]:
        group = make_group(fit, theta, query, (architecture, context_length), served[architecture])
        problems = [GroupProblem(group, float(flops), limits) for flops in query.flops]
        return [(problem, solve(problem, preference)) for problem in problems]

    problems: dict[Key, GroupProblem] = {}
    solved: dict[Key, Solved | None] = {}
    for group, pairs in each_group(query, one).items():
        for budget, (problem, answer) in zip(query.compute, pairs, strict=True):
            key = (*group, float(budget))
            problems[key] = problem
            solved[key] = answer
    return problems, solved


def _check_reach(fit: Fit, query: Query) -> None:
    """Refuse budgets so far from all runs that no law says anything there."""
    known = fit.runs.frame["flops"].to_numpy(dtype=float)
    far = decades_outside(query.flops, known)
    if far.max() > FARTHEST:
        worst = query.compute[far.argmax()]
        raise BudgetError(
            f"compute budget {worst:g} is {far.max():.0f} decades outside the fitted runs "
            f"({known.min():.2g} to {known.max():.2g} FLOPs), where no law decides anything: is the unit "
            f"right? Give one within {FARTHEST:g} decades"
        )
