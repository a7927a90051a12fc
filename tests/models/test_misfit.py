"""The misfit's weights: integrated out, given the law, and in the coordinates that are sampled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.models import density
from bayes_scaling.models.design import build_design
from bayes_scaling.models.misfit import settled_at
from bayes_scaling.models.misfit_precisions import settle
from bayes_scaling.models.mode import start
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.models.weights import added, drawn_weights, fitted, marginal
from bayes_scaling.models.whitening import Whitening
from tests.helpers.small_runs import UNEVEN, small_runs


@pytest.fixture(scope="module", params=[(), ("recipe",)], ids=["drift", "drift and offsets"])
def problem(request):
    """A design settled near some walks, natural coefficients, and the law there as a straight line."""
    runs = small_runs(UNEVEN)
    runs = load_runs(runs.frame.assign(recipe=np.arange(len(runs)) % 3))
    design = build_design(runs, ModelSpec(discrepancy="drift", offsets=request.param))
    rng = np.random.default_rng(4)
    precision = design.weight * rng.uniform(0.3, 1.2, design.weight.shape)
    walked = 0.02 * rng.normal(size=(2, *design.weight.shape))
    none = np.zeros_like(walked)
    design = replace(design, misfit=settled_at(design.misfit, precision, walked, none, 6.0))
    whitening = Whitening(start(design), 0.1 * np.eye(design.law_size))
    natural = density.unpin(np, whitening.law(rng.normal(size=design.law_size), design))
    straight = density.straight_law(np, natural, design)
    multiple = rng.uniform(0.5, 2.0, size=(2, len(walked[0]), 1))  # of the gains when they were settled
    gains = np.stack(straight.terms) / multiple
    return replace(design, misfit=settled_at(design.misfit, precision, walked, gains, 6.0)), natural, straight


def blocks(design, natural, straight):
    """Rows (column, slot), what a standard weight adds to ln L in each, and their noise variances."""
    misfit = design.misfit
    params, tokens, loss = misfit.of_target
    for block in misfit.blocks:
        rows = [(c, s) for c in block for s in range(design.weight.shape[1]) if design.weight[c, s] > 0]
        c, s = np.array(rows).T
        noise = np.exp(2 * natural["sigma"][c]) / misfit.precision[c, s]
        gain = (
            np.outer(straight.params_gain[c, s], params) + np.outer(straight.tokens_gain[c, s], tokens) + loss
        )
        yield (c, s), misfit.basis[c, s] * gain * misfit.scales(np, natural), noise


def test_the_law_is_straight_near_the_walks_found_before(problem) -> None:
    """There exactly, and to first order round them."""
    design, natural, straight = problem
    walked = design.misfit.walked
    law = density.law_at_slots(np, natural, design, (walked[0], walked[1]))
    line = design.log_loss - straight.residual
    at = line + straight.params_gain * walked[0] + straight.tokens_gain * walked[1]
    np.testing.assert_allclose(at, law, rtol=1e-12)
    h = 1e-5
    for i, gain in enumerate((straight.params_gain, straight.tokens_gain)):
        step = h * (np.arange(2) == i)[:, None, None]
        up, down = (density.law_at_slots(np, natural, design, tuple(walked + s)) for s in (step, -step))
        np.testing.assert_allclose((up - down) / (2 * h), gain, atol=1e-8)


def test_the_marginal_is_the_normal_with_the_walks_covariance(problem) -> None:
    design, natural, straight = problem
    expected = 0.0
    for rows, basis, noise in blocks(design, natural, straight):
        covariance = basis @ basis.T + np.diag(noise)
        expected += stats.multivariate_normal.logpdf(straight.residual[rows], cov=covariance)
        expected -= 0.5 * np.log(design.misfit.precision[rows]).sum()  # constants are left out
    found = marginal(np, straight, natural, design.misfit, design.weight.sum(-1))
    assert found == pytest.approx(expected, rel=1e-9)


def test_what_normal_noise_leaves_of_the_misfit_is_its_conditional(problem) -> None:
    design, natural, straight = problem
    found = fitted(straight, natural, design.misfit)
    for rows, basis, noise in blocks(design, natural, straight):
        cover = np.linalg.inv(np.eye(basis.shape[1]) + basis.T @ (basis / noise[:, None]))
        mean = basis @ cover @ basis.T @ (straight.residual[rows] / noise)
        np.testing.assert_allclose(found.mean[rows], mean, rtol=1e-7, atol=1e-12)
        variance = np.einsum("ri,ij,rj->r", basis, cover, basis)
        np.testing.assert_allclose(found.variance[rows], variance, rtol=1e-7, atol=1e-14)


def test_standard_coordinates_are_draws_of_the_weights_given_the_law(problem) -> None:
    design, natural, straight = problem
    count = 1000
    z = np.random.default_rng(0).standard_normal((count, *design.misfit.shape))
    total = np.empty((count, *design.log_loss.shape))
    for i, one in enumerate(z):
        standard, _ = drawn_weights(np, straight, natural | {"drift": one}, design.misfit)
        shifts = added(np, standard, natural, design.misfit)
        in_terms = straight.params_gain * shifts.params_term + straight.tokens_gain * shifts.tokens_term
        total[i] = in_terms + shifts.loss
    found = fitted(straight, natural, design.misfit)
    error = np.sqrt(found.variance / count)
    np.testing.assert_array_less(np.abs(total.mean(0) - found.mean), 5 * error + 1e-12)
    np.testing.assert_allclose(total.std(0), np.sqrt(found.variance), rtol=5 / np.sqrt(2 * count), atol=1e-9)


def _map(design, natural, straight) -> np.ndarray:
    """Of standard coordinates to standard weights, which is linear: its rows by unit steps."""
    shape = design.misfit.shape
    size = int(np.prod(shape))

    def weights(z: np.ndarray) -> np.ndarray:
        found, _ = drawn_weights(np, straight, natural | {"drift": z.reshape(shape)}, design.misfit)
        return np.concatenate(found)

    centre = weights(np.zeros(size))
    return np.array([weights(step) - centre for step in np.eye(size)])


def test_the_density_of_the_coordinates_is_the_weights_prior_with_the_jacobian(problem) -> None:
    design, natural, straight = problem
    z = np.random.default_rng(8).standard_normal(design.misfit.shape)
    found, density_of = drawn_weights(np, straight, natural | {"drift": z}, design.misfit)
    determinant = np.linalg.slogdet(_map(design, natural, straight))[1]
    expected = stats.norm.logpdf(np.concatenate(found)).sum() + determinant
    assert density_of == pytest.approx(expected, rel=1e-8)


def test_outliers_get_little_precision() -> None:
    runs = small_runs(UNEVEN)
    frame = runs.frame.copy()
    frame.loc[3, "loss"] *= 1.2
    design, _ = settle(build_design(load_runs(frame), ModelSpec(discrepancy="drift")))
    precision = design.slots.gather(design.misfit.precision)
    assert precision[3] < 0.05 < np.median(precision)
    assert design.misfit.degrees > 2
