"""The search for the optimum: exact under C = 6ND, right under true FLOPs, loud where it cannot be."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from bayes_scaling.accounting import get_cost
from bayes_scaling.laws.law import GAMMA_LAW
from bayes_scaling.laws.optimum import OptimumError, exponent, optimal_log_params, optimal_log_tokens

RNG = np.random.default_rng(3)
DRAWS = {
    "E": RNG.uniform(1, 2, 64),
    "A": np.exp(RNG.uniform(3, 9, 64)),
    "B": np.exp(RNG.uniform(4, 10, 64)),
    "alpha": RNG.uniform(0.2, 0.6, 64),
    "beta": RNG.uniform(0.2, 0.6, 64),
    "gamma": RNG.uniform(0.5, 1.1, 64),
}
BUDGETS = np.geomspace(1e18, 1e25, 64)


def curve(architecture: str = "llama", cost: str = "accounted", context_length: float = 16384.0):
    return get_cost(cost).curve(context_length, architecture)


def test_6nd_is_the_closed_form() -> None:
    found = optimal_log_params(DRAWS, np.log(BUDGETS), curve(cost="6ND"))
    np.testing.assert_allclose(found, np.log(GAMMA_LAW.optimum(np, BUDGETS, DRAWS)[0]), atol=1e-8)


@pytest.mark.parametrize("architecture", ["llama", "xlstm"])
def test_true_flops_against_a_scalar_search(architecture: str) -> None:
    f = curve(architecture)
    found = optimal_log_params(DRAWS, np.log(BUDGETS), f)
    for i in range(0, 64, 9):
        theta = {name: value[i] for name, value in DRAWS.items()}

        def loss(x, theta=theta, i=i):
            tokens = np.exp(np.log(BUDGETS[i]) - f.value(np, x))
            return np.log(GAMMA_LAW.loss(np, np.exp(x), tokens, theta) - theta["E"])

        best = optimize.minimize_scalar(loss, (found[i] - 1, found[i] + 1.3), tol=1e-12)
        assert found[i] == pytest.approx(best.x, abs=1e-6)  # a search by values sees half the digits


def test_true_flops_move_the_optimum() -> None:
    ours = optimal_log_params(DRAWS, np.log(BUDGETS), curve())
    plain = optimal_log_params(DRAWS, np.log(BUDGETS), curve(cost="6ND"))
    assert np.abs(ours - plain).max() > 0.05


def test_exponent_is_the_slope_along_budgets() -> None:
    f, step = curve(), 1e-4
    up, at, down = (optimal_log_params(DRAWS, np.log(BUDGETS) + s, f) for s in (step, 0.0, -step))
    np.testing.assert_allclose(exponent(DRAWS, at, f, np.log(BUDGETS)), (up - down) / (2 * step), rtol=1e-5)


def test_tokens_at_which_params_are_optimal() -> None:
    f = curve()
    at = optimal_log_params(DRAWS, np.log(BUDGETS), f)
    np.testing.assert_allclose(optimal_log_tokens(DRAWS, at, f), np.log(BUDGETS) - f.value(np, at), atol=1e-7)


class Falling:
    """A cost that falls with params: no optimum."""

    def value_and_slope(self, xp, x):
        return 25.0 - x, -xp.ones_like(x)


def test_a_falling_cost_is_an_error_not_an_answer() -> None:
    with pytest.raises(OptimumError, match="increasing"), np.errstate(invalid="ignore"):
        optimal_log_params(DRAWS, np.log(BUDGETS), Falling())
