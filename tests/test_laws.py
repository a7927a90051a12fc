"""The laws: against the formula written out, in all array namespaces, with their optimum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from bayes_scaling.errors import BudgetError, SpecError
from bayes_scaling.laws import CHINCHILLA, GAMMA_LAW, LAWS, check_budget, get_law, log_form, log_loss

THETA = {"E": 1.7, "A": 60.0, "B": 180.0, "alpha": 0.31, "beta": 0.28, "gamma": 0.9}
PARAMS, TOKENS = np.array([1e6, 2e8, 7e9, 1e13]), np.array([3e7, 4e9, 2e12, 1e15])


def plain(params, tokens, theta):
    inner = theta["A"] * params ** -theta["alpha"] + theta["B"] * tokens ** -theta["beta"]
    return theta["E"] + inner ** theta.get("gamma", 1.0)


@pytest.mark.parametrize("law", LAWS.values(), ids=lambda law: law.name)
def test_loss_is_the_formula(law) -> None:
    theta = {name: THETA[name] for name in law.names}
    np.testing.assert_allclose(
        law.loss(np, PARAMS, TOKENS, theta), plain(PARAMS, TOKENS, law.complete(theta)), rtol=1e-13
    )


def test_another_coefficient_is_seen() -> None:
    other = THETA | {"beta": 0.2801}
    assert not np.allclose(GAMMA_LAW.loss(np, PARAMS, TOKENS, other), plain(PARAMS, TOKENS, THETA), rtol=1e-8)


def test_no_overflow_far_out() -> None:
    extreme = THETA | {"A": 1e290, "alpha": 40.0}
    assert np.isfinite(GAMMA_LAW.loss(np, np.array([1e7, 1e30]), np.array([1e9, 1e300]), extreme)).all()


def test_namespaces_agree_in_value_and_gradient() -> None:
    import jax
    import jax.numpy as jnp
    import pytensor
    import pytensor.tensor as pt
    from pytensor.compile.mode import Mode

    theta, n, d = log_form(np, THETA), np.log(2e8), np.log(4e9)
    expected = log_loss(np, n, d, theta)
    with jax.enable_x64(True):
        value, slope = jax.value_and_grad(lambda x: log_loss(jnp, x, d, theta))(n)
    x = pt.dscalar()
    y = log_loss(pt, x, d, theta)
    compiled = pytensor.function(
        [x], [y, pytensor.grad(y, x)], mode=Mode(linker="py", optimizer="fast_compile")
    )
    step = 1e-5
    difference = (log_loss(np, n + step, d, theta) - log_loss(np, n - step, d, theta)) / (2 * step)
    assert float(value) == pytest.approx(expected, rel=1e-14)
    assert [float(v) for v in compiled(n)] == pytest.approx([expected, float(slope)], rel=1e-12)
    assert float(slope) == pytest.approx(difference, rel=1e-8)


@pytest.mark.parametrize("law", [CHINCHILLA, GAMMA_LAW], ids=lambda law: law.name)
@pytest.mark.parametrize("k", [6.0, 2.5])
def test_closed_form_optimum(law, k: float) -> None:
    theta = {name: THETA[name] for name in law.names}
    params, tokens = law.optimum(np, 1e21, theta, k)
    assert k * params * tokens == pytest.approx(1e21, rel=1e-12)
    found = optimize.minimize_scalar(
        lambda x: law.loss(np, np.exp(x), 1e21 / k / np.exp(x), theta), (18, 21), tol=1e-10
    )
    assert np.log(params) == pytest.approx(found.x, abs=1e-5)


def test_a_missing_coefficient_is_named() -> None:
    with pytest.raises(SpecError, match="beta"):
        GAMMA_LAW.loss(np, 1e8, 1e9, {k: v for k, v in THETA.items() if k != "beta"})


def test_an_unknown_law_lists_the_known() -> None:
    with pytest.raises(SpecError, match="chinchilla"):
        get_law("kapplan")
    assert get_law(GAMMA_LAW) is GAMMA_LAW


def test_laws_are_frozen() -> None:
    with pytest.raises(TypeError):
        CHINCHILLA.fixed["gamma"] = 2.0  # type: ignore[index]


@pytest.mark.parametrize("bad", [0.0, -1e20, np.nan, np.inf, 1e41, []])
def test_budgets_outside_reason_are_refused(bad) -> None:
    with pytest.raises(BudgetError, match="1e40"):
        check_budget(bad)
    check_budget([1e18, 1e26])
