"""Frontiers: the budget is spent, draws stay draws, bad questions are refused."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.accounting import get_cost
from bayes_scaling.errors import BayesScalingError, BudgetError
from bayes_scaling.questions.frontier import DIMS, frontier
from tests.helpers.synthetic import synthetic_fit

FIT = synthetic_fit(draws=100)
BUDGETS = [1e19, 1e20, 1e22]


@pytest.fixture(scope="module")
def accounted():
    return frontier(FIT, BUDGETS, cost="accounted")


def test_dims_and_coords(accounted) -> None:
    for name in ("params", "tokens", "loss", "params_exponent", "tokens_exponent"):
        assert accounted.draws[name].dims == DIMS
    assert list(accounted.draws["compute"].to_numpy()) == BUDGETS
    assert accounted.draws.sizes["draw"] == 100


@pytest.mark.parametrize("cost", ["6ND", "accounted"])
def test_the_budget_is_spent(cost: str) -> None:
    draws = frontier(FIT, BUDGETS, cost=cost).draws.sel(architecture="transformer", context_length=8192)
    curve = get_cost(cost).curve(8192.0, "transformer")
    spent = np.exp(curve.value(np, np.log(draws["params"].to_numpy()))) * draws["tokens"].to_numpy()
    np.testing.assert_allclose(spent, np.broadcast_to(BUDGETS, spent.shape), rtol=1e-8)


def test_each_draw_has_its_own_law() -> None:
    draws = frontier(FIT, 1e21).draws.sel(architecture="xlstm", context_length=2048)
    theta = {n: FIT.posterior[n].sel(architecture="xlstm", context_length=2048) for n in FIT.law.names}
    params, tokens = FIT.law.optimum(np, 1e21, {n: v.to_numpy() for n, v in theta.items()})
    np.testing.assert_allclose(draws["params"].to_numpy()[..., 0], params, rtol=1e-8)
    np.testing.assert_allclose(draws["tokens"].to_numpy()[..., 0], tokens, rtol=1e-8)


def test_more_compute_less_loss(accounted) -> None:
    assert (accounted.draws["loss"].diff("compute") < 0).all()
    assert (accounted.draws["params"].diff("compute") > 0).all()


def test_an_order_of_budgets_does_not_matter(accounted) -> None:
    other = frontier(FIT, [1e22, 1e19, 1e20, 1e19], cost="accounted").draws
    np.testing.assert_array_equal(other["params"], accounted.draws["params"])


def test_an_unseen_context_is_wider() -> None:
    draws = frontier(FIT, 1e20, [8192, 131072]).draws["loss"]
    spread = draws.std(("chain", "draw"))
    assert (spread.sel(context_length=131072) > spread.sel(context_length=8192)).all()


def test_table_and_reach(accounted) -> None:
    table = accounted.table(full=True)
    assert len(table) == 2 * 2 * 3
    assert list(table.columns[:4]) == ["architecture", "context_length", "compute", "cost"]
    assert {
        "params_q05",
        "tokens_median",
        "loss_q975",
        "params_exponent_mean",
        "tokens_per_param_q25",
    } <= set(table)
    inside = table["compute"] == 1e20
    assert (table.loc[inside, "extrapolation_decades"] == 0).all()
    far = table.loc[table["compute"] == 1e22, "compute_extrapolation_decades"]
    np.testing.assert_allclose(far, np.log10(1e22 / 3e20), atol=0.05)
    assert (table.loc[table["compute"] == 1e22, "params_extrapolation_decades"] > 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"compute": 0.0}, "compute budget 0"),
        ({"compute": [1e20, np.nan]}, "compute budget nan"),
        ({"compute": 1e41}, "1e40"),
        ({"compute": 1e20, "context_length": -1}, "context length"),
        ({"compute": 1e20, "context_length": 10.5}, "context length"),
        ({"compute": 1e20, "architecture": "lstm"}, "transformer"),
    ],
)
def test_bad_questions(arguments, message: str) -> None:
    with pytest.raises(BudgetError, match=message):
        frontier(FIT, **arguments)


def test_an_unknown_cost() -> None:
    with pytest.raises(BayesScalingError, match="6ND"):
        frontier(FIT, 1e20, cost="7ND")
