"""Lifetime cost against closed forms of the law, and against its own limits."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.decisions.lifetime.lifetime import lifetime
from bayes_scaling.errors import BudgetError, DecisionError
from bayes_scaling.posterior.coefficients import coefficients
from bayes_scaling.posterior.groups import surface_of
from bayes_scaling.questions.targets import iso_loss
from tests.helpers.fits import small_fit
from tests.helpers.synthetic import synthetic_fit

FIT = synthetic_fit(draws=60, sigma=0.004)
LOSS, LENGTH = 2.05, 8192
SERVED = [1e8, 1e13]
CELL = {"architecture": "xlstm", "context_length": LENGTH}


@pytest.fixture(scope="module")
def found():
    return lifetime(FIT, LOSS, SERVED, LENGTH)


def brute(served: float, chain: int, draw: int) -> tuple[float, float, float]:
    """Params, tokens and total of one draw over a dense grid, 6ND to train and 2N to serve a token."""
    theta = {n: float(FIT.posterior[n].sel(CELL)[chain, draw]) for n in FIT.law.names}
    params = np.exp(np.linspace(np.log(1e7), np.log(1e13), 200_001))
    inner = (LOSS - theta["E"]) ** (1 / theta["gamma"]) - theta["A"] * params ** -theta["alpha"]
    params, inner = params[inner > 0], inner[inner > 0]
    tokens = (theta["B"] / inner) ** (1 / theta["beta"])
    total = 6 * params * tokens + 2 * params * served
    at = total.argmin()
    return params[at], tokens[at], total[at]


@pytest.mark.parametrize("place", [(0, 0), (1, 17), (3, 59)])
@pytest.mark.parametrize("i", [0, 1])
def test_the_cheapest_over_a_life_is_that_of_a_dense_grid(found, place, i: int) -> None:
    here = found.draws.sel(CELL).isel(chain=place[0], draw=place[1], served_tokens=i)
    params, tokens, total = brute(SERVED[i], *place)
    assert float(here["params"]) == pytest.approx(params, rel=2e-3)
    assert float(here["tokens"]) == pytest.approx(tokens, rel=2e-3)
    assert float(here["total"]) == pytest.approx(total, rel=1e-6)


def test_without_serving_it_is_the_cheapest_training(found) -> None:
    known = iso_loss(FIT, LOSS, LENGTH).draws.sel(CELL)
    little = lifetime(FIT, LOSS, 1.0, LENGTH).draws.sel(CELL).isel(served_tokens=0)
    np.testing.assert_allclose(little["params"], known["params"][..., 0], rtol=1e-3)
    np.testing.assert_allclose(little["total"], known["compute"][..., 0], rtol=1e-6)
    np.testing.assert_allclose(little["overtraining"], 1, rtol=1e-3)
    much = found.draws.sel(CELL).isel(served_tokens=1)
    assert (much["params"] < little["params"]).all() and (much["overtraining"] > 2).all()
    assert (much["saving"] > 1.05).all() and (little["saving"] >= 1 - 1e-9).all()


@pytest.mark.parametrize("fit", [FIT, small_fit()], ids=["law", "drift"])
def test_every_run_reaches_the_loss(fit) -> None:
    draws = lifetime(fit, 2.75, [1e12], LENGTH, "xlstm").draws.sel(CELL)
    surface = surface_of(fit, coefficients(fit), "xlstm", LENGTH)
    params, tokens = (draws[name].to_numpy() for name in ("params", "tokens"))
    reached = surface.loss(params, tokens)
    there = np.isfinite(tokens)
    assert there.mean() > 0.9
    np.testing.assert_allclose(reached[there], 2.75, rtol=1e-4)


def test_a_loss_below_the_floor_is_out_of_reach() -> None:
    table = lifetime(FIT, 1.0, 1e12, LENGTH).table(full=True)
    assert (table["probability"] == 0).all() and table["params_median"].isna().all()


def test_a_dearer_token_is_more_tokens(found) -> None:
    dear = lifetime(FIT, LOSS, 1e12, LENGTH, serving_price=10.0).draws
    np.testing.assert_allclose(dear["params"][..., 0], found.draws["params"][..., 1], rtol=1e-6)
    own = lifetime(FIT, LOSS, 1e13, LENGTH, serving=lambda name, n: 2 * n).draws
    np.testing.assert_allclose(own["total"][..., 0], found.draws["total"][..., 1], rtol=1e-9)


def test_counted_serving_knows_prompt_and_answer() -> None:
    short, long = (
        lifetime(FIT, LOSS, 1e13, LENGTH, prefill=p, generated=100.0, cost="accounted") for p in (100, 1e5)
    )
    median = {
        name: found.table(full=True).set_index("architecture")["total_median"]
        for name, found in (("s", short), ("l", long))
    }
    assert median["l"]["transformer"] > 1.3 * median["s"]["transformer"]
    assert (
        median["l"]["xlstm"] / median["s"]["xlstm"] < median["l"]["transformer"] / median["s"]["transformer"]
    )


def test_the_order_changes_at_the_break_even() -> None:
    prices = {"xlstm": 1.5, "transformer": 2.0}
    dear = lambda name, n: prices[name] * n  # noqa: E731
    found = lifetime(FIT, LOSS, [1e8, 1e16], LENGTH, serving=dear)
    pairs = found.pairs().set_index(["architecture", "served_tokens"])
    assert pairs["probability"]["xlstm", 1e16] > pairs["probability"]["xlstm", 1e8]
    even = found.break_even["served_tokens"].isel(pair=0, context_length=0, served=0)
    where = np.argwhere(np.isfinite(even.to_numpy()))
    assert len(where) > 10
    for chain, draw in where[:: len(where) // 5]:
        at = float(even[chain, draw])
        around = [at * 0.9, at, at * 1.1]
        total = lifetime(FIT, LOSS, around, LENGTH, serving=dear).draws["total"][chain, draw, :, 0]
        gap = (total[0] - total[1]).to_numpy()
        assert gap[0] * gap[2] < 0 and abs(gap[1]) < 0.1 * min(abs(gap[0]), abs(gap[2]))


def test_the_more_is_served_the_smaller_is_the_cheapest() -> None:
    """Out to where serving is nearly all of the total, the cheapest is smaller still, without a step."""
    served = np.geomspace(1e6, 1e18, 7)
    draws = lifetime(FIT, LOSS, served, LENGTH).draws.sel(CELL)
    params, total = (draws[name].to_numpy() for name in ("params", "total"))
    reached = np.isfinite(total).all(-1)
    assert reached.mean() > 0.9 and not draws["lost"].any()
    params, total = params[reached], total[reached]
    assert (np.diff(params, axis=-1) < 0).all()
    # Envelope theorem: d total / d served is the price of a served token, 2N.
    slope = np.diff(total, axis=-1) / np.diff(served)
    assert (slope < 2 * params[..., :-1]).all() and (slope > 2 * params[..., 1:]).all()


def test_table_and_pairs() -> None:
    found = lifetime(FIT, LOSS, SERVED)
    table, pairs = found.table(full=True), found.pairs()
    assert len(table) == 8 and len(pairs) == 8
    assert list(table.columns[:6]) == [
        "architecture",
        "context_length",
        "served_tokens",
        "loss",
        "cost",
        "probability",
    ]
    forward = pairs.set_index(["architecture", "context_length", "served_tokens"])["probability"]
    np.testing.assert_allclose(forward["xlstm"] + forward["transformer"], 1)
    assert lifetime(FIT, LOSS, 1e12, LENGTH, "xlstm").pairs().empty
    assert (table["lost_share"] == 0).all()


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"loss": -1.0}, BudgetError, "loss -1.0: give a positive"),
        ({"loss": [2.0, 3.0]}, BudgetError, "one loss at a time, not 2"),
        ({"served_tokens": "many"}, BudgetError, "served_tokens 'many'"),
        ({"served_tokens": 0.0}, BudgetError, "served_tokens 0.0"),
        ({"serving_price": 0.0}, DecisionError, "serving_price 0.0"),
        ({"prefill": 0.0, "generated": 0.0}, DecisionError, "at least one of them"),
        ({"prefill": -5.0}, DecisionError, "prefill -5.0"),
    ],
)
def test_bad_questions(asked, error, message: str) -> None:
    with pytest.raises(error, match=message):
        lifetime(FIT, **({"loss": LOSS, "served_tokens": 1e12} | asked))
