"""Optima of laws whose terms see effective sizes: with and without a drift, and asked the other way."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.accounting import get_cost
from bayes_scaling.laws import optimum
from bayes_scaling.laws.drift import NUMBERS, PLAIN, WALKS
from bayes_scaling.laws.drift_draws import Drift
from bayes_scaling.laws.drift_line import Line
from bayes_scaling.laws.law import LAWS, log_loss
from bayes_scaling.laws.law_rates import law_rates
from bayes_scaling.laws.surface import Surface

RNG = np.random.default_rng(6)
COUNT = 40
DRAWS = {
    "E": RNG.uniform(1, 2, COUNT),
    "A": np.exp(RNG.uniform(5, 7, COUNT)),
    "B": np.exp(RNG.uniform(6, 8, COUNT)),
    "alpha": RNG.uniform(0.25, 0.45, COUNT),
    "beta": RNG.uniform(0.25, 0.45, COUNT),
    "gamma": RNG.uniform(0.5, 1.1, COUNT),
    "eta": RNG.uniform(-0.05, 0.05, COUNT),
    "repeat_tokens": RNG.uniform(5, 30, COUNT),
    "repeat_params": RNG.uniform(2, 10, COUNT),
}
BUDGETS = np.log(np.geomspace(1e18, 1e24, COUNT))
CASES = [("kaplan", 1e40), ("varying-exponent", 1e40), ("data-limited", 1e40), ("data-limited", 2e10)]
CURVE = get_cost("accounted").curve(16384.0, "llama")
each_case = pytest.mark.parametrize(("name", "unique_tokens"), CASES)


def values(name: str, unique_tokens: float) -> dict:
    return LAWS[name].complete(DRAWS | {"unique_tokens": unique_tokens})


@each_case
def test_no_other_params_have_a_lower_loss(name: str, unique_tokens: float) -> None:
    theta = values(name, unique_tokens)
    found = optimum.optimal_log_params(theta, BUDGETS, CURVE)
    grid = found + np.linspace(-2, 2, 4001)[:, None]
    loss = LAWS[name].loss(np, np.exp(grid), np.exp(BUDGETS - CURVE.value(np, grid)), theta)
    assert (loss[2000] <= loss.min(0) * (1 + 1e-12)).all()  # flat where all tokens are used up
    if name != "kaplan":
        shifted = np.abs(found - optimum.optimal_log_params(values("gamma", 1e40), BUDGETS, CURVE))
        assert (shifted.max() > 0.1) == (name == "varying-exponent" or unique_tokens < 1e40)


@each_case
def test_exponents_targets_and_sizes_belong_together(name: str, unique_tokens: float) -> None:
    theta, h = values(name, unique_tokens), 1e-4
    up, at, down = (optimum.optimal_log_params(theta, BUDGETS + s, CURVE) for s in (h, 0.0, -h))
    rise = optimum.exponent(theta, at, CURVE, BUDGETS)
    np.testing.assert_allclose(rise, (up - down) / (2 * h), atol=1e-5)
    tokens = BUDGETS - CURVE.value(np, at)
    np.testing.assert_allclose(optimum.optimal_log_tokens(theta, at, CURVE), tokens, atol=1e-6)
    loss = LAWS[name].loss(np, np.exp(at), np.exp(tokens), theta)
    cheapest = optimum.cheapest_log_params(theta, loss, CURVE)
    reached = LAWS[name].loss(
        np, np.exp(cheapest), np.exp(optimum.optimal_log_tokens(theta, cheapest, CURVE)), theta
    )
    np.testing.assert_allclose(reached, loss, rtol=2e-6)
    assert (cheapest <= at + 1e-4).all()


def test_scarce_tokens_cost_loss_and_put_losses_out_of_reach() -> None:
    law, compute = LAWS["data-limited"], np.log(1e22)
    losses = []
    for unique in (1e40, 2e10, 2e9):
        theta = values(law.name, unique)
        x = optimum.optimal_log_params(theta, np.full(COUNT, compute), CURVE)
        losses.append(law.loss(np, np.exp(x), np.exp(compute - CURVE.value(np, x)), theta))
    assert (losses[0] <= losses[1]).all() and (losses[1] <= losses[2]).all()
    assert (losses[0] < losses[1]).any()
    scarce = values(law.name, 2e8)
    unreached = np.isnan(optimum.cheapest_log_params(scarce, losses[0], CURVE))
    beyond = law.loss(np, np.full(COUNT, 1e40), np.full(COUNT, 1e40), scarce) > losses[0]
    assert unreached[beyond].all() and beyond.mean() > 0.8  # repetition is nearly free in a draw or two


@each_case
def test_derivatives_along_a_budget_are_differences(name: str, unique_tokens: float) -> None:
    line, x, rise, tokens, index = a_line(name, unique_tokens)
    h, law = 1e-4, law_rates(line._of(index), x, tokens, rise)

    def moved(along: float, of_tokens: float = 0.0) -> np.ndarray:
        return log_loss(np, x + along, tokens + of_tokens - rise * along, line._of(index))

    np.testing.assert_allclose(law.along, (moved(h) - moved(-h)) / (2 * h), atol=1e-7)
    np.testing.assert_allclose(law.bend, (moved(h) - 2 * moved(0) + moved(-h)) / h**2, atol=1e-6)
    np.testing.assert_allclose(law.of_tokens, (moved(0, h) - moved(0, -h)) / (2 * h), atol=1e-7)
    turn = (moved(h, h) - moved(-h, h) - moved(h, -h) + moved(-h, -h)) / (4 * h**2)
    np.testing.assert_allclose(law.turn, turn, atol=1e-6)


def a_line(name: str, unique_tokens: float) -> tuple[Line, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    theta = values(name, unique_tokens)
    x = optimum.optimal_log_params(theta, BUDGETS, CURVE) + RNG.normal(size=COUNT)
    chained = {k: np.reshape(v, (1, COUNT, 1)) if np.ndim(v) else v for k, v in theta.items()}
    drift = Drift(np.zeros((1, COUNT, len(PLAIN), len(NUMBERS))), (20.0, 23.5), np.zeros(len(WALKS)))
    cost, rise = CURVE.value_and_slope(np, x)
    return Line(chained | {"drift": drift}, CURVE), x, rise, BUDGETS - cost, np.arange(COUNT)


@each_case
def test_a_drift_of_nothing_moves_no_optimum(name: str, unique_tokens: float) -> None:
    chained = {
        k: np.reshape(v, (1, COUNT, 1)) if np.ndim(v) else v for k, v in values(name, unique_tokens).items()
    }
    drift = Drift(np.zeros((1, COUNT, len(PLAIN), len(NUMBERS))), (20.0, 23.5), np.zeros(len(WALKS)))
    still, alone = (Surface(LAWS[name], chained, d) for d in (drift, None))
    at = np.log([1e20, 1e21])
    found, known = still.optimal_log_params(at, CURVE), alone.optimal_log_params(at, CURVE)
    ours, theirs = (alone.loss(np.exp(x), np.exp(at - CURVE.value(np, x))) for x in (found, known))
    np.testing.assert_allclose(ours, theirs, rtol=1e-8)
    moved = np.abs(found - known) > 1e-6  # where the loss is flat, for all tokens are used up
    assert moved.mean() < 0.1
    rises = (each.along(known, at, CURVE).exponent for each in (still, alone))
    np.testing.assert_allclose(*rises, atol=1e-6)


def test_far_beyond_the_unique_tokens_nothing_breaks() -> None:
    theta = values("data-limited", 1e8)
    with np.errstate(all="raise", under="ignore"):
        x = optimum.optimal_log_params(theta, np.log(np.geomspace(1e24, 1e30, COUNT)), CURVE)
    assert np.isfinite(x).all()


def test_slopes_stay_finite_where_runs_repeat_beyond_all_worth() -> None:
    """Thousands of epochs, and params far beyond those that suit the unique tokens."""
    import jax

    from bayes_scaling.laws.law import log_loss

    def loss(log_unique, alpha):
        theta = {"log_E": 0.5, "log_A": 0.2, "log_B": 0.1, "alpha": alpha, "beta": 0.3, "gamma": 1.0}
        theta |= {"repeat_tokens": 15.0, "repeat_params": 5.0, "log_unique": log_unique}
        return log_loss(jax.numpy, 3.0, 4.0, theta)

    with jax.enable_x64(True):
        for log_unique in (3.0, -5.0, -50.0, -300.0):
            gradient = jax.grad(loss, (0, 1))(log_unique, 0.05)
            assert np.isfinite(np.asarray(gradient)).all(), log_unique
