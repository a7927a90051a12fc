"""The drift: what a box adds, its likelihood integrated out, the coordinates of its weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.laws.drift import BOXES, DIRECTIONS, STEP, Drift, all_boxes, box_values, boxes_reached
from bayes_scaling.models import density, misfit_coordinates
from bayes_scaling.models.design import build_design
from bayes_scaling.models.misfit import fitted, marginal, with_precision
from bayes_scaling.models.misfit_precisions import settle
from bayes_scaling.models.mode import start
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.models.whitening import Whitening
from tests.helpers.small_runs import UNEVEN, small_runs

ALL = np.array([(i, s, k) for i in range(len(DIRECTIONS)) for s in (0, 1) for k in range(BOXES)])


@pytest.fixture
def drift(rng) -> Drift:
    return Drift(0.015 * rng.standard_normal((2, 3, len(DIRECTIONS), 2, BOXES)), (19.0, 23.0))


def test_nothing_at_the_centre_and_a_random_walk_of_the_slope_away_from_it() -> None:
    """At a scale of 1 the slope along a direction has variance x: f has x^3 / 3, but for the boxes."""
    x = np.array([0.0, 1.6, 4.0, 8.0])
    values = box_values(x, np.zeros(4), ALL[(ALL[:, 0] == 0)])
    sd = np.sqrt((values**2).sum(-1))
    assert sd[0] == 0
    np.testing.assert_allclose(sd[1:], np.sqrt(x[1:] ** 3 / 3), rtol=0.1)
    h = 1e-5
    slope = (box_values(x + h, np.zeros(4), ALL[:48]) - box_values(x - h, np.zeros(4), ALL[:48])) / (2 * h)
    at_edges = np.sqrt((slope[1:] ** 2).sum(-1))
    np.testing.assert_allclose(at_edges, np.sqrt(x[1:]), rtol=1e-4)


def test_runs_reach_the_boxes_that_they_enter_only(rng) -> None:
    n, d = rng.normal(size=(2, 40))
    values = box_values(n, d, ALL)
    reached = {tuple(box) for box in boxes_reached(n, d)}
    assert reached == {tuple(box) for box, used in zip(ALL, (values != 0).any(0), strict=True) if used}


def test_shared_points_and_each_draws_own_agree_with_the_boxes(drift: Drift, rng) -> None:
    n, d = rng.normal(19, 4, size=20), rng.normal(23, 4, size=20)
    shared = drift(n, d)
    values, along_params, along_tokens = drift.each(np.arange(6).reshape(2, 3, 1), n, d)
    direct = box_values(n - 19.0, d - 23.0, ALL) @ drift.weights.reshape(6, -1).T
    np.testing.assert_allclose(shared.reshape(6, -1), direct.T, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(values, shared, rtol=1e-10, atol=1e-12)
    h = 1e-5
    np.testing.assert_allclose(along_params, (drift(n + h, d) - drift(n - h, d)) / (2 * h), atol=1e-6)
    np.testing.assert_allclose(along_tokens, (drift(n, d + h) - drift(n, d - h)) / (2 * h), atol=1e-6)


def test_beyond_the_last_box_the_slope_stays(drift: Drift) -> None:
    far = 19.0 + STEP * BOXES + np.array([1.0, 2.0, 3.0])
    steps = np.diff(Drift(drift.weights * [[[1]], [[0]], [[0]], [[0]]], drift.reference)(far, 23.0))
    np.testing.assert_allclose(steps[..., 0], steps[..., 1], rtol=1e-9)


def test_boxes_that_no_run_reaches_are_the_priors() -> None:
    boxes = np.array([(0, 0, 0), (2, 1, 3)])
    scale = np.array([[0.01], [0.1]])
    full = all_boxes(boxes, np.full((2, 1, 2), 7.0), scale, np.random.default_rng(2))
    np.testing.assert_array_equal(full[:, 0, [0, 2], [0, 1], [0, 3]], 7.0)
    rest = full[full != 7.0].reshape(2, -1)
    np.testing.assert_allclose(rest.std(-1), scale[:, 0], rtol=5 / np.sqrt(2 * rest.shape[1]))


@pytest.fixture(scope="module", params=[(), ("recipe",)], ids=["drift", "drift and offsets"])
def problem(request):
    runs = small_runs(UNEVEN)
    runs = load_runs(runs.frame.assign(recipe=np.arange(len(runs)) % 3))
    design = build_design(runs, ModelSpec(discrepancy="drift", offsets=request.param))
    rng = np.random.default_rng(4)
    precision = design.weight * rng.uniform(0.3, 1.2, design.weight.shape)
    design = replace(design, misfit=with_precision(design.misfit, precision, 6.0))
    whitening = Whitening(start(design), 0.1 * np.eye(design.law_size))
    natural = density.unpin(np, whitening.law(rng.normal(size=design.law_size), design))
    return design, natural, design.log_loss - density.law_at_slots(np, natural, design)


def blocks(design, natural):
    """Rows (column, slot), basis at the drift's scale and noise variances of each block's runs."""
    for block in design.misfit.blocks:
        rows = [(c, s) for c in block for s in range(design.weight.shape[1]) if design.weight[c, s] > 0]
        c, s = np.array(rows).T
        noise = np.exp(2 * natural["sigma"][c]) / design.misfit.precision[c, s]
        yield (c, s), design.misfit.basis[c, s] * design.misfit.scales(np, natural["drift_scale"]), noise


def test_the_marginal_is_the_normal_with_the_drifts_covariance(problem) -> None:
    design, natural, residual = problem
    expected = 0.0
    for rows, basis, noise in blocks(design, natural):
        covariance = basis @ basis.T + np.diag(noise)
        expected += stats.multivariate_normal.logpdf(residual[rows], cov=covariance)
        expected -= 0.5 * np.log(design.misfit.precision[rows]).sum()  # constants are left out
    found = marginal(np, residual, natural, design.misfit, design.weight.sum(-1))
    assert found == pytest.approx(expected, rel=1e-9)


def test_what_normal_noise_leaves_of_the_misfit_is_its_conditional(problem) -> None:
    design, natural, residual = problem
    mean, variance = fitted(residual, natural, design.misfit)
    for rows, basis, noise in blocks(design, natural):
        cover = np.linalg.inv(np.eye(basis.shape[1]) + basis.T @ (basis / noise[:, None]))
        np.testing.assert_allclose(mean[rows], basis @ cover @ basis.T @ (residual[rows] / noise), rtol=1e-7)
        np.testing.assert_allclose(variance[rows], np.einsum("ri,ij,rj->r", basis, cover, basis), rtol=1e-7)


def test_at_the_mode_standard_coordinates_are_draws_of_the_weights_given_the_law(problem) -> None:
    design, natural, residual = problem
    at = misfit_coordinates.coordinates_at(natural, design.misfit)
    count = 4000
    z = np.random.default_rng(0).standard_normal((count, *design.misfit.shape))
    many = {k: np.broadcast_to(v, (count, *np.shape(v))) for k, v in natural.items()} | {"drift": z}
    turned, _ = misfit_coordinates.turned_weights(
        np, np.broadcast_to(residual, (count, *residual.shape)), many, design.misfit, at
    )
    found = misfit_coordinates.added(np, turned, many, design.misfit, at)
    mean, variance = fitted(residual, natural, design.misfit)
    np.testing.assert_array_less(np.abs(found.mean(0) - mean), 5 * np.sqrt(variance / count) + 1e-12)
    np.testing.assert_allclose(found.std(0), np.sqrt(variance), rtol=5 / np.sqrt(2 * count), atol=1e-9)
    direct = misfit_coordinates.weights(turned, many, design.misfit, at)
    for b, block in enumerate(design.misfit.blocks):
        for c in block:
            np.testing.assert_allclose(direct[:, b] @ design.misfit.basis[c].T, found[:, c], atol=1e-10)


def test_the_density_of_the_coordinates_is_the_weights_prior_with_the_jacobian(problem) -> None:
    """Away from the mode: other scales of noise and drift, weights of each block mapped by hand."""
    design, natural, residual = problem
    at = misfit_coordinates.coordinates_at(natural, design.misfit)
    rng = np.random.default_rng(8)
    moved = natural | {"sigma": natural["sigma"] + 0.3, "drift_scale": natural["drift_scale"] - 0.4}
    moved["drift"] = rng.standard_normal(design.misfit.shape)

    def standard(z: np.ndarray) -> np.ndarray:
        turned, _ = misfit_coordinates.turned_weights(np, residual, moved | {"drift": z}, design.misfit, at)
        found = misfit_coordinates.weights(turned, moved, design.misfit, at)
        return (found / design.misfit.scales(np, moved["drift_scale"])).ravel()

    z, size = moved["drift"], moved["drift"].size
    steps = np.eye(size).reshape(size, *z.shape)
    jacobian = np.array([standard(z + step) - standard(z) for step in steps])  # the map is linear in z
    expected = stats.norm.logpdf(standard(z)).sum() + np.linalg.slogdet(jacobian)[1]
    _, density_of = misfit_coordinates.turned_weights(np, residual, moved, design.misfit, at)
    assert density_of == pytest.approx(expected, rel=1e-8)


def test_outliers_get_little_precision() -> None:
    runs = small_runs(UNEVEN)
    frame = runs.frame.copy()
    frame.loc[3, "loss"] *= 1.2
    design, _ = settle(build_design(load_runs(frame), ModelSpec(discrepancy="drift")))
    precision = design.slots.gather(design.misfit.precision)
    assert precision[3] < 0.05 < np.median(precision)
    assert design.misfit.degrees > 2
