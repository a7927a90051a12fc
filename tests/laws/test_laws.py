"""The laws: against the formula written out, in all array namespaces, with their optimum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from bayes_scaling.errors import SpecError
from bayes_scaling.laws.coefficients import NEUTRAL
from bayes_scaling.laws.effective_sizes import UNLIMITED
from bayes_scaling.laws.law import (
    CHINCHILLA,
    GAMMA_LAW,
    LAWS,
    MIXTURE,
    get_law,
    log_form,
    log_loss,
)

THETA = {"E": 1.7, "A": 60.0, "B": 180.0, "alpha": 0.31, "beta": 0.28, "gamma": 0.9, "eta": -0.02}
THETA |= {"repeat_tokens": 15.0, "repeat_params": 5.0, "unique_tokens": 3e9}
THETA |= {"overfit": 0.05, "overfit_params": 0.7, "overfit_epochs": 40.0}
VALUES = {"unique_tokens": 3e9, "params_total_ratio": 8.0, "parallel_streams": 4.0}  # not of the law
THETA |= {"expert_worth": 0.4, "stream_worth": 0.35} | VALUES
PARAMS, TOKENS = np.array([1e6, 2e8, 7e9, 1e13]), np.array([3e7, 4e9, 2e12, 1e15])


def plain(params, tokens, theta):
    """The formulas of the papers, without logs."""
    own_tokens = tokens
    worth = theta.get("params_total_ratio", 1.0) ** theta.get("expert_worth", 0.0)
    worth *= 1 + theta.get("stream_worth", 0.0) * np.log(theta.get("parallel_streams", 1.0))
    scale = theta["A"] * worth ** -theta["alpha"]
    if "unique_tokens" in theta:
        own = theta["unique_tokens"]
        matching = (theta["alpha"] * scale / theta["beta"] / theta["B"] * own ** theta["beta"]) ** (
            1 / theta["alpha"]
        )
        tokens = faded(tokens, own, theta["repeat_tokens"])
        faded_params = faded(params, matching, theta["repeat_params"])
    else:
        faded_params = params
    beta = theta["beta"] * (params / 1e9) ** theta.get("eta", 0.0)
    of_tokens = theta["B"] * 2e10 ** -theta["beta"] * (tokens / 2e10) ** -beta
    inner = scale * faded_params ** -theta["alpha"] + of_tokens
    loss = theta["E"] + inner ** theta.get("gamma", 1.0)
    if "overfit" not in theta:
        return loss
    again = np.maximum(own_tokens / theta["unique_tokens"] - 1, 0)
    ratio = (20 * params / theta["unique_tokens"]) ** theta["overfit_params"]
    return loss + theta["overfit"] * ratio * (1 - np.exp(-again / theta["overfit_epochs"]))


def faded(size, unique, repeats):
    again = np.maximum(size / unique - 1, 0)
    return np.minimum(size, unique) + unique * repeats * (1 - np.exp(-again / repeats))


@pytest.mark.parametrize("law", LAWS.values(), ids=lambda law: law.name)
def test_loss_is_the_formula(law) -> None:
    theta = {name: THETA[name] for name in law.names} | VALUES
    np.testing.assert_allclose(
        law.loss(np, PARAMS, TOKENS, theta), plain(PARAMS, TOKENS, law.complete(theta)), rtol=1e-12
    )


def test_another_coefficient_is_seen() -> None:
    known = MIXTURE.loss(np, PARAMS, TOKENS, THETA)
    for name in THETA:
        other = MIXTURE.loss(np, PARAMS, TOKENS, THETA | {name: 1.0004 * THETA[name]})
        assert not np.allclose(known, other, rtol=1e-8), name


def test_without_repetition_or_eta_it_is_the_plain_law() -> None:
    plain_law = GAMMA_LAW.loss(np, PARAMS, TOKENS, THETA)
    single = {"params_total_ratio": 1.0, "parallel_streams": 1.0}
    neutral = THETA | {"eta": 0.0, "unique_tokens": UNLIMITED} | single
    np.testing.assert_allclose(MIXTURE.loss(np, PARAMS, TOKENS, neutral), plain_law, rtol=1e-13)
    names = ("eta", "repeat_tokens", "repeat_params", "overfit", "expert_worth", "stream_worth")
    as_new = THETA | {name: NEUTRAL[name] for name in names}
    np.testing.assert_allclose(MIXTURE.loss(np, PARAMS, TOKENS, as_new), plain_law, rtol=1e-5)


def test_kaplans_law_in_its_own_terms() -> None:
    """Equation 1.5 with the coefficients of Kaplan et al. 2020."""
    alpha_n, alpha_d, n_c, d_c = 0.076, 0.103, 6.4e13, 1.8e13
    theta = {"A": n_c ** (alpha_n / alpha_d), "B": d_c, "alpha": alpha_n / alpha_d, "gamma": alpha_d}
    written = ((n_c / PARAMS) ** (alpha_n / alpha_d) + d_c / TOKENS) ** alpha_d
    np.testing.assert_allclose(get_law("kaplan").loss(np, PARAMS, TOKENS, theta), written, rtol=1e-12)


def test_no_overflow_far_out() -> None:
    extreme = THETA | {"A": 1e290, "alpha": 40.0}
    assert np.isfinite(GAMMA_LAW.loss(np, np.array([1e7, 1e30]), np.array([1e9, 1e300]), extreme)).all()


def test_namespaces_agree_in_value_and_gradient() -> None:
    import jax
    import jax.numpy as jnp
    import pytensor
    import pytensor.tensor as pt
    from pytensor.compile.mode import Mode

    theta, n, d = log_form(np, THETA), np.log(2e9), np.log(4e10)
    expected = log_loss(np, n, d, theta)
    with jax.enable_x64(True):
        value, slope = jax.value_and_grad(lambda x: log_loss(jnp, x, d, theta))(n)
    x = pt.dscalar()
    y = log_loss(pt, x, d, theta)
    compiled = pytensor.function(
        [x], [y, pytensor.grad(y, x)], mode=Mode(linker="py", optimizer="fast_compile")
    )
    step = 1e-4  # of a value near 1: rounding then moves the difference by 1e-12
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
    with pytest.raises(SpecError, match="closed form"):
        get_law("varying-exponent").optimum(np, 1e21, THETA)
    assert get_law(GAMMA_LAW) is GAMMA_LAW


def test_laws_are_frozen() -> None:
    with pytest.raises(TypeError):
        CHINCHILLA.fixed["gamma"] = 2.0  # type: ignore[index]
