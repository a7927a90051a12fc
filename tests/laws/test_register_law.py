"""Registered laws: of the family or refused; one density, to users' units and back."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from bayes_scaling.errors import SpecError
from bayes_scaling.laws.coefficients import ALPHA, BETA, GAMMA, REPEAT_TOKENS, A, B, Coefficient
from bayes_scaling.laws.law import LAWS, Law, fitted_laws, forget_law, get_law, register_law
from bayes_scaling.models.coefficients import to_natural, to_user
from bayes_scaling.models.density import log_terms, pin
from bayes_scaling.models.design import build_design
from bayes_scaling.models.spec import ModelSpec
from tests.helpers.small_runs import FOUR, small_runs


def no_floor(**changes):
    parts = {"name": "no-floor", "coefficients": (A, B, ALPHA, BETA), "fixed": {"E": 0.0, "gamma": 1.0}}
    return Law(**{**parts, "formula": "L = A N^-alpha + B D^-beta", "reference": "", **changes})


@pytest.fixture
def registered():
    yield register_law(no_floor())
    forget_law("no-floor")


def test_a_registered_law_is_known_by_name(registered):
    assert LAWS["no-floor"] is registered is get_law("no-floor") and "no-floor" in fitted_laws()
    theta = {"A": 9.0, "B": 1500.0, "alpha": 0.065, "beta": 0.35}
    by_hand = 9.0 * 1e9**-0.065 + 1500.0 * 2e10**-0.35
    assert registered.loss(np, 1e9, 2e10, theta) == pytest.approx(by_hand, rel=1e-12)
    assert ModelSpec.from_json(ModelSpec(law="no-floor").to_json()).law_value is registered
    again = register_law(no_floor(reference="page 3"), replace=True)
    assert get_law("no-floor") is again


def test_a_registered_law_has_one_density_and_comes_back(registered, rng):
    """Natural coefficients to user units and back; the log density in NumPy and JAX."""
    import jax
    import jax.numpy as jnp
    from jax.scipy.special import gammaln

    with jax.enable_x64(True):
        design = build_design(small_runs(FOUR), ModelSpec(law="no-floor", discrepancy="none"))
        user = {"A": 9.0, "B": 1500.0, "alpha": 0.065, "beta": 0.35, "sigma": 0.01}
        user = {name: value * np.exp(0.01 * rng.standard_normal(len(FOUR))) for name, value in user.items()}
        natural = to_natural(user, design)
        back = to_user(natural, design)
        for name, value in user.items():
            np.testing.assert_allclose(back[name], value, rtol=1e-10)
        position = pin(np, natural) | {"nu": np.array(1.0)}
        ours = log_terms(np, position, design, scipy.special.gammaln)
        theirs = log_terms(jnp, position, design, gammaln)
        assert float(sum(t.sum() for t in ours.values())) == pytest.approx(
            float(sum(t.sum() for t in theirs.values())), rel=1e-10
        )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "gamma"}, "already known"),
        ({"name": ""}, "some letters"),
        ({"coefficients": (A, B, ALPHA)}, "beta is neither free nor fixed"),
        ({"coefficients": (A, B, ALPHA, BETA, GAMMA)}, "gamma is free and fixed"),
        ({"coefficients": (A, B, BETA)}, "alpha must be free"),
        ({"fixed": {"E": 1.0, "gamma": 1.0}}, "fix it at 0"),
        ({"fixed": {"E": 0.0, "gamma": -1.0}}, "at a positive value"),
        ({"coefficients": (A, B, ALPHA), "fixed": {"E": 0.0, "gamma": 1.0, "beta": 1.0}}, "at most one"),
        ({"fixed": {"E": 0.0, "gamma": 1.0, "eta": 0.0}}, "leave eta out"),
        ({"coefficients": (A, B, ALPHA, BETA, Coefficient("delta", "1", "?"))}, "no coefficient 'delta'"),
        ({"coefficients": (A, B, ALPHA, BETA, REPEAT_TOKENS)}, "repetition takes"),
    ],
)
def test_laws_outside_the_family_are_refused(changes, told):
    with pytest.raises(SpecError, match=told):
        register_law(no_floor(**changes))
    assert "no-floor" not in LAWS


def test_the_packages_own_laws_stay():
    with pytest.raises(SpecError, match="already known"):
        register_law(no_floor(name="kaplan"), replace=True)
    for name in ("kaplan", "nothing"):
        with pytest.raises(SpecError, match="not registered"):
            forget_law(name)
