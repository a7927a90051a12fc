"""A question is checked once, against the fit it is for, and goes through the rooms by one way."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from bayes_scaling.accounting import AccountingError, get_cost
from bayes_scaling.errors import BayesScalingError, BudgetError
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.questions import query as query_module
from bayes_scaling.questions.compare import compare
from bayes_scaling.questions.frontier import frontier, frontier_of
from bayes_scaling.questions.query import Query
from tests.helpers.synthetic import synthetic_fit
from tests.helpers.walk import walk

FIT = synthetic_fit(draws=20)
REPEATING = replace(FIT, spec=ModelSpec(law="data-limited", pooling="none", discrepancy="none"))


def test_what_is_given_is_settled() -> None:
    query = Query.of(FIT, [1e22, 1e20, 1e22], 8192, "xlstm", "accounted")
    assert query.compute.tolist() == [1e20, 1e22]
    assert query.context_length == (8192,) and query.architecture == ("xlstm",)
    assert query.cost.name == "accounted" and query.unique_tokens is None


def test_what_is_not_given_is_all_that_was_fitted() -> None:
    query = Query.of(FIT, 1e20)
    assert query.architecture == FIT.architectures and query.context_length == FIT.context_lengths
    assert Query.without_budget(FIT).compute.size == 0


def test_context_lengths_without_runs_are_allowed_and_each_is_asked_once() -> None:
    assert Query.of(FIT, 1e20, [8192, 131072, 8192]).context_length == (8192, 131072)


def test_other_budgets_leave_the_rest() -> None:
    query = Query.of(FIT, 1e20, 8192)
    other = query.at([1e22, 1e21])
    assert other.compute.tolist() == [1e21, 1e22] and other.context_length == query.context_length
    assert query.compute.tolist() == [1e20]
    with pytest.raises(BudgetError, match="compute budget 0.5"):
        query.at(0.5)


def test_flops_and_curve_are_the_costs() -> None:
    hours = get_cost("accounted").in_unit("hours", 1e18)
    query = Query.of(FIT, [10.0, 100.0], 8192, cost=hours)
    assert query.flops.tolist() == [1e19, 1e20]
    x = np.log(1e9)
    wanted = hours.curve(8192.0, "xlstm").value(np, x)
    assert query.curve("xlstm", 8192).value(np, x) == wanted


def test_unique_tokens_are_kept_for_a_law_that_knows_them() -> None:
    assert Query.of(REPEATING, 1e20, unique_tokens=10**10).unique_tokens == 1e10


def test_a_query_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Query.of(FIT, 1e20).unique_tokens = 1e10  # type: ignore[misc]


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"compute": 1e50}, BudgetError, "compute budget 1e.50: give training FLOPs"),
        ({"compute": None}, BudgetError, "compute budget nan"),
        ({"compute": []}, BudgetError, "compute budget none"),
        ({"compute": "much"}, BudgetError, "compute budget 'much'"),
        ({"context_length": 1.5}, BudgetError, "context length 1.5: give a positive whole number"),
        ({"context_length": []}, BudgetError, "context length none"),
        ({"architecture": "rwkv"}, BudgetError, "unknown architecture 'rwkv': this fit has"),
        ({"architecture": []}, BudgetError, "no architecture given"),
        ({"cost": "gold"}, AccountingError, "unknown cost 'gold'"),
        ({"unique_tokens": 1e10}, BudgetError, "law 'gamma' knows no unique_tokens"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked, error, message: str) -> None:
    with pytest.raises(error, match=message):
        Query.of(FIT, **{"compute": 1e20, **asked})


def test_unique_tokens_that_are_none_are_refused() -> None:
    with pytest.raises(BayesScalingError, match="unique_tokens 0: give a number of tokens"):
        Query.of(REPEATING, 1e20, unique_tokens=0)


def test_the_answer_is_that_of_the_public_function() -> None:
    found = frontier_of(FIT, Query.of(FIT, [1e20, 1e21], 8192, cost="accounted"))
    wanted = frontier(FIT, [1e20, 1e21], 8192, cost="accounted")
    assert found.draws.identical(wanted.draws) and found.reach.identical(wanted.reach)


def checks(call, monkeypatch) -> int:
    """How often a call checks budgets."""
    seen = []
    check = query_module.check_budget
    with monkeypatch.context() as patch:
        patch.setattr(query_module, "check_budget", lambda compute: seen.append(check(compute)))
        call()
    return len(seen)


def test_a_frontier_checks_its_budgets_once(monkeypatch) -> None:
    assert checks(lambda: frontier(FIT, 1e20, 8192), monkeypatch) == 1
    assert checks(lambda: compare(FIT, 1e20, 8192), monkeypatch) == 2  # of the question, and of its ladder


def into_laws(call) -> list[str]:
    """What a call of the room of questions enters the room of laws by."""
    return [step.function for step in walk(call) if (step.caller, step.room) == ("questions", "laws")]


def test_a_frontier_enters_the_laws_once_for_each_group() -> None:
    asked = (FIT, 1e20, 8192, "xlstm")
    steps = ["Surface.optimum", "Surface.at_edge"]
    assert into_laws(lambda: frontier(*asked)) == steps
    assert sorted(into_laws(lambda: frontier(FIT, 1e20, 8192))) == sorted(steps * 2)
    assert len(into_laws(lambda: compare(FIT, 1e20, 8192))) > 4  # the control: ladders and crossings too
