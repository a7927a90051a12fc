"""One log density for NumPy, JAX, NumPyro and PyMC: equal term by term, gradients too."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import get_args

import numpy as np
import pytest
from pytensor.compile.mode import Mode
from scipy import stats
from scipy.special import gammaln

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.models import density, weights
from bayes_scaling.models.design import Design, build_design
from bayes_scaling.models.loss_numpyro import build_numpyro
from bayes_scaling.models.loss_pymc import build_pymc
from bayes_scaling.models.misfit import settled_at
from bayes_scaling.models.mode import start
from bayes_scaling.models.spec import Discrepancy, Errors, ModelSpec, Pooling
from bayes_scaling.models.whitening import Whitening
from tests.helpers.small_runs import UNEVEN, odd_runs, small_runs

POOLINGS, DISCREPANCIES, ERRORS = map(get_args, (Pooling, Discrepancy, Errors))
LAWS = ("gamma", "chinchilla")
OTHERS = ("kaplan", "varying-exponent", "data-limited", "overfitting", "mixture-of-experts", "parallel")
MODELS = [
    *product(LAWS, POOLINGS, DISCREPANCIES, ERRORS[:1]),
    *product(OTHERS, POOLINGS[:1], DISCREPANCIES, ERRORS[:1]),
    ("mixture", "partial", "none", "skewed"),
    ("gamma", "partial", "drift", "skewed"),
]
OFTEN = (("gamma", "partial"), ("overfitting", "partial"), ("mixture-of-experts", "partial"))  # with a drift
TOLERANCE = 1e-8
PYTHON = Mode(linker="py", optimizer="fast_compile")  # no compiler: seconds instead of a minute


def of_model(model: tuple[str, ...]):
    """One case; with a drift, whose graphs are large, only some laws by default."""
    slow = model[2] == "drift" and model[:2] not in OFTEN
    return pytest.param(*model, id="-".join(model), marks=[pytest.mark.slow] if slow else [])


@lru_cache
def problem(
    law: str, pooling: str, discrepancy: str = "none", errors: str = "symmetric"
) -> tuple[Design, Whitening]:
    design = build_design(odd_runs(), ModelSpec(law, pooling, discrepancy, errors=errors))
    factor = np.eye(design.law_size) + 0.01 * np.random.default_rng(3).normal(size=(design.law_size,) * 2)
    whitening = Whitening(start(design), 0.3 * factor)
    if design.misfit is None:
        return design, whitening
    walked = 0.02 * np.random.default_rng(5).normal(size=(2, *design.weight.shape))
    gains = np.random.default_rng(6).uniform(0.2, 0.8, size=walked.shape)
    settled = settled_at(design.misfit, 0.8 * design.weight, walked, gains, 6.0)
    return replace(design, misfit=settled), whitening


def points(design: Design) -> np.ndarray:
    return np.random.default_rng(11).normal(size=(3, design.size))


def numpy_terms(design: Design, whitening: Whitening, x: np.ndarray) -> dict[str, np.ndarray]:
    return density.log_terms(np, whitening.position(x, design), design, gammaln)


@pytest.mark.parametrize(("law", "pooling", "discrepancy", "errors"), [of_model(m) for m in MODELS])
def test_both_back_ends_agree_term_by_term_and_in_gradient(
    law: str, pooling: str, discrepancy: str, errors: str
) -> None:
    import jax
    from numpyro.handlers import seed, substitute, trace

    design, whitening = problem(law, pooling, discrepancy, errors)
    model = build_pymc(design, whitening)
    names = [variable.name for variable in model.potentials]
    values = model.replace_rvs_by_values(model.potentials)
    terms = model.compile_fn(values, inputs=model.value_vars, mode=PYTHON)
    gradient = model.compile_dlogp(mode=PYTHON)
    for x in points(design):
        with jax.enable_x64(True):
            fixed = substitute(seed(build_numpyro(design, whitening), 0), {"whitened": x})
            sites = trace(fixed).get_trace()
            jax_terms = {k: np.asarray(v["fn"].log_factor) for k, v in sites.items() if k != "whitened"}
            jax_gradient = jax.grad(lambda y: total_jax(y, design, whitening))(x)
        pymc_terms = dict(zip(names, terms({"whitened": x}), strict=True))
        numpy_values = numpy_terms(design, whitening, x)
        assert set(numpy_values) == set(pymc_terms) == set(jax_terms)
        for name, ours in numpy_values.items():
            np.testing.assert_allclose(pymc_terms[name], ours, rtol=TOLERANCE, err_msg=f"PyMC {name}")
            np.testing.assert_allclose(jax_terms[name], ours, rtol=TOLERANCE, err_msg=f"NumPyro {name}")
        scale = np.abs(jax_gradient).max()
        np.testing.assert_allclose(
            gradient({"whitened": x}), jax_gradient, rtol=TOLERANCE, atol=TOLERANCE * scale
        )


def test_both_back_ends_agree_on_sums_that_were_made_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of many runs: another way to the weights, in the same posterior."""
    monkeypatch.setattr(weights, "FEW", 0)
    test_both_back_ends_agree_term_by_term_and_in_gradient("gamma", "partial", "drift", "symmetric")


def total_jax(x, design: Design, whitening: Whitening):
    import jax.numpy as jnp
    from jax.scipy.special import gammaln as jax_gammaln

    terms = density.log_terms(jnp, whitening.position(x, design), design, jax_gammaln)
    return sum(term.sum() for term in terms.values())


@pytest.mark.parametrize("law", [*LAWS, *OTHERS])
def test_the_gradient_is_that_of_finite_differences(law: str) -> None:
    import jax

    design, whitening = problem(law, "partial")
    x, step = points(design)[0], 1e-5
    with jax.enable_x64(True):
        gradient = np.asarray(jax.grad(lambda y: total_jax(y, design, whitening))(x))

    def total(y: np.ndarray) -> float:
        return sum(t.sum() for t in numpy_terms(design, whitening, y).values())

    differences = [(total(x + step * e) - total(x - step * e)) / (2 * step) for e in np.eye(design.size)]
    np.testing.assert_allclose(gradient, differences, rtol=1e-5, atol=1e-5 * np.abs(gradient).max())


def slot_rows(natural, design: Design) -> np.ndarray:
    predicted, _ = density.predict_slots(np, natural, design)
    return density.slot_log_likelihood(np, predicted, natural, design, gammaln)


def test_the_likelihood_is_a_student_t_of_ln_loss_with_known_errors_and_weights() -> None:
    design, whitening = problem("gamma", "partial")
    runs = load_runs(small_runs(UNEVEN).frame.assign(loss_sd=0.004, weight=1.0))
    natural = density.unpin(np, whitening.position(points(design)[0], design))
    rows = design.slots.gather(slot_rows(natural, design))
    group = design.slots.column
    e, r, share = (natural[name][group] for name in ("E", "R", "share"))
    gamma = np.exp(natural["gamma"][group])
    n, d = (np.log(runs.frame[c].to_numpy()) for c in ("params", "tokens"))
    n, d = n - n.mean(), d - d.mean()
    w = 1 / (1 + np.exp(-share))
    inner = w * np.exp(-np.exp(natural["slope_params"][group]) / gamma * n)
    inner += (1 - w) * np.exp(-np.exp(natural["slope_tokens"][group]) / gamma * d)
    mean = np.log(np.exp(e) + np.exp(r) * inner**gamma)
    scale = np.sqrt(np.exp(natural["sigma"][group]) ** 2 + (0.004 / runs.frame["loss"]) ** 2)
    nu = 2 + np.exp(natural["nu"])
    expected = stats.t.logpdf(np.log(runs.frame["loss"]), nu, mean, scale)
    np.testing.assert_allclose(rows, expected, rtol=1e-9)


def test_free_slots_and_weights_count_as_they_should() -> None:
    design, whitening = problem("gamma", "partial")
    x = points(design)[0]
    natural = density.unpin(np, whitening.position(x, design))
    rows = slot_rows(natural, design)
    total = (np.linspace(0.5, 2, 72) * design.slots.gather(rows)).sum()
    np.testing.assert_allclose(numpy_terms(design, whitening, x)["loss"], total, rtol=1e-12)


def test_unpin_undoes_pin_with_unit_jacobian(rng) -> None:
    names = ("E", "R", "share", "slope_params", "slope_tokens")
    point = rng.normal(size=5)

    def mapped(x: np.ndarray) -> np.ndarray:
        pinned = density.pin(np, dict(zip(names, x, strict=True)))
        return np.array([pinned[name] for name in names])

    back = density.unpin(np, dict(zip(names, mapped(point), strict=True)))
    np.testing.assert_allclose([back[name] for name in names], point, rtol=1e-12)
    jacobian = [(mapped(point + 1e-6 * e) - mapped(point - 1e-6 * e)) / 2e-6 for e in np.eye(5)]
    assert np.linalg.det(np.array(jacobian)) == pytest.approx(1.0, abs=1e-7)


def test_pinned_coordinates_are_the_loss_and_its_slopes() -> None:
    """The first and the last two are ln L, ln -dL/dn and ln -dL/dd at the reference."""
    from bayes_scaling.laws.law import log_loss

    natural = {"E": 0.6, "R": 0.2, "share": 0.3, "slope_params": -1.0, "slope_tokens": -0.8, "gamma": -0.3}
    theta = density.law_arguments(np, natural, {})

    def loss(n: float, d: float) -> float:
        return np.exp(log_loss(np, n, d, theta))

    pinned, h = density.pin(np, natural), 1e-6
    assert pinned["E"] == pytest.approx(np.log(loss(0, 0)))
    assert pinned["slope_params"] == pytest.approx(np.log((loss(-h, 0) - loss(h, 0)) / (2 * h)), abs=1e-6)
    assert pinned["slope_tokens"] == pytest.approx(np.log((loss(0, -h) - loss(0, h)) / (2 * h)), abs=1e-6)


def test_a_changed_term_is_seen() -> None:
    """The negative control of the agreement: a prior moved by a thousandth shows."""
    design, whitening = problem("gamma", "partial")
    x = points(design)[0]
    nu = design.scalars["nu"]
    moved = replace(design, scalars={"nu": replace(nu, median=1.001 * nu.median)})
    ours, theirs = (numpy_terms(d, whitening, x)["nu"] for d in (design, moved))
    assert abs(theirs / ours - 1) > TOLERANCE
