"""The drift: what a box adds, the marginal likelihood, draws of the weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bayes_scaling.drift import BOXES, DIRECTIONS, SCALES, STEP, Drift, box_values, boxes_reached
from bayes_scaling.models import density
from bayes_scaling.models.design import build_design
from bayes_scaling.models.misfit import draw_weights, fitted, marginal
from bayes_scaling.models.settling import settle
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.models.whitening import Whitening, start
from tests.small_runs import UNEVEN, small_runs

ALL = np.array([(i, s, k) for i in range(len(DIRECTIONS)) for s in (0, 1) for k in range(BOXES)])


@pytest.fixture
def drift(rng) -> Drift:
    return Drift(rng.standard_normal((2, 3, len(DIRECTIONS), 2, BOXES)), (19.0, 23.0))


def test_nothing_at_the_centre_and_a_random_walk_of_the_slope_away_from_it() -> None:
    """Along one direction the slope has variance scale^2 x: f has scale^2 x^3 / 3, but for the boxes."""
    x = np.array([0.0, 1.6, 4.0, 8.0])
    values = box_values(x, np.zeros(4), ALL[(ALL[:, 0] == 0)])
    sd = np.sqrt((values**2).sum(-1))
    assert sd[0] == 0
    np.testing.assert_allclose(sd[1:], SCALES["params"] * np.sqrt(x[1:] ** 3 / 3), rtol=0.1)
    h = 1e-5
    slope = (box_values(x + h, np.zeros(4), ALL[:48]) - box_values(x - h, np.zeros(4), ALL[:48])) / (2 * h)
    at_edges = np.sqrt((slope[1:] ** 2).sum(-1))
    np.testing.assert_allclose(at_edges, SCALES["params"] * np.sqrt(x[1:]), rtol=1e-4)


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


@pytest.fixture(scope="module")
def problem():
    runs = small_runs(UNEVEN)
    design = build_design(runs, ModelSpec(discrepancy="drift"))
    rng = np.random.default_rng(4)
    precision = design.weight * rng.uniform(0.3, 1.2, design.weight.shape)
    design = replace(design, misfit=design.misfit.with_precision(np, precision, 6.0))
    natural = density.unpin(np, Whitening(start(design), 0.1 * np.eye(design.size)).position(
        rng.normal(size=design.size), design))  # fmt: skip
    return design, natural, design.log_loss - density.law_at_slots(np, natural, design)


def test_the_marginal_is_the_normal_with_the_drifts_covariance(problem) -> None:
    design, natural, residual = problem
    misfit, expected = design.misfit, 0.0
    for block in misfit.blocks:
        rows = [(c, s) for c in block for s in range(design.weight.shape[1]) if design.weight[c, s] > 0]
        c, s = np.array(rows).T
        noise = np.exp(2 * natural["sigma"][c]) / misfit.precision[c, s]
        basis = misfit.basis[c, s]
        covariance = basis @ basis.T + np.diag(noise)
        expected += stats.multivariate_normal.logpdf(residual[c, s], cov=covariance)
        expected -= 0.5 * np.log(misfit.precision[c, s]).sum()  # constants are left out
    found = marginal(np, residual, natural["sigma"], misfit, design.weight.sum(-1))
    assert found == pytest.approx(expected, rel=1e-9)


def test_drawn_weights_have_the_conditional_mean_and_spread(problem) -> None:
    design, natural, residual = problem
    count = 4000
    many = np.broadcast_to(residual, (count, *residual.shape))
    sigma = np.broadcast_to(natural["sigma"], (count, *natural["sigma"].shape))
    weights = draw_weights(many, sigma, design.misfit, np.random.default_rng(0))
    mean, variance = fitted(residual, natural["sigma"], design.misfit)
    for b, block in enumerate(design.misfit.blocks):
        for c in block:
            f = weights[:, b] @ design.misfit.basis[c].T
            np.testing.assert_array_less(
                np.abs(f.mean(0) - mean[c]), 5 * np.sqrt(variance[c] / count) + 1e-12
            )
            np.testing.assert_allclose(f.std(0), np.sqrt(variance[c]), rtol=5 / np.sqrt(2 * count), atol=1e-9)


def test_outliers_get_little_precision() -> None:
    runs = small_runs(UNEVEN)
    frame = runs.frame.copy()
    frame.loc[3, "loss"] *= 1.2
    from bayes_scaling.runs import load_runs

    design, _ = settle(build_design(load_runs(frame), ModelSpec(discrepancy="drift")))
    precision = design.slots.gather(design.misfit.precision)
    assert precision[3] < 0.05 < np.median(precision)
    assert design.misfit.degrees > 2
