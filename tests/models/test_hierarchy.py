"""The integrated hierarchy: against its own definition by simulation and by quadrature-free sums."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bayes_scaling.models import hierarchy as h
from bayes_scaling.models.spec import ModelSpec

GROUPS = h.Groups(("a", "a", "b", "b"), (2048, 8192, 2048, 32768), 8192.0)


def build(pooling: str = "partial") -> h.Hierarchy:
    spec = ModelSpec()
    return h.build_hierarchy({name: spec.prior(name) for name in ("E", "share")}, GROUPS, pooling)


def test_log_prior_is_the_mixture_of_normals(rng) -> None:
    prior, values = build(), rng.normal(size=(2, 4))
    values[0] += prior.mean[0]
    for i in range(2):
        densities = [
            stats.multivariate_normal(np.full(4, prior.mean[i]), c).logpdf(values[i])
            for c in prior.covariance[i]
        ]
        expected = np.logaddexp.reduce(densities + np.log(prior.weight))
        np.testing.assert_allclose(h.log_prior(np, values, prior)[i], expected, rtol=1e-12)


def test_far_points_do_not_underflow() -> None:
    prior = build()
    far = h.log_prior(np, np.full((2, 4), 60.0) * np.array([1, -1, 1, -1]), prior)
    assert np.isfinite(far).all()
    assert (far < -1000).all()


def test_covariance_follows_from_effects_slopes_and_deviations(rng) -> None:
    """Draw means, effects, slopes and deviations as the docstring says and compare the covariance."""
    prior, component, draws = build(), 7, 200_000
    tau_a, tau_c = prior.tau[0, component]
    scale, c = ModelSpec().prior("E").scale, h.context_coordinate(GROUPS)
    names, index = np.unique(GROUPS.architecture, return_inverse=True)
    z = scale * rng.normal(size=(draws, 1)) + tau_a * rng.normal(size=(draws, len(names)))[:, index]
    z += tau_c * np.sqrt(h.SLOPE_SHARED) * rng.normal(size=(draws, 1)) * c
    z += tau_c * np.sqrt(1 - h.SLOPE_SHARED) * rng.normal(size=(draws, len(names)))[:, index] * c
    z += tau_c * h.DEVIATION * rng.normal(size=(draws, 4))
    expected = prior.covariance[0, component]
    error = np.sqrt((expected**2 + np.outer(np.diag(expected), np.diag(expected))) / draws)
    assert (np.abs(np.cov(z.T) - expected) < 5 * error).all()


def test_pooling_none_is_independent_and_complete_is_one() -> None:
    none = build("none").covariance[0, 0]
    np.testing.assert_allclose(none, np.diag(np.diag(none)))
    assert build("complete").covariance.shape == (2, 1, 1, 1)
    partial = build().covariance[0, 0]
    assert (partial > 0).all()


@pytest.mark.parametrize("count", [1, 6, 60])
def test_scales_are_points_of_the_log_normal_with_the_mass_nearest_to_each(count: int) -> None:
    prior = stats.lognorm(h.LOG_SPREAD, scale=0.2)
    points, weights = h.scale_points(0.2, count), h.point_weights(count)
    between = np.sqrt(points[1:] * points[:-1])
    np.testing.assert_allclose(np.cumsum(weights)[:-1], prior.cdf(between))
    assert weights.sum() == pytest.approx(1)
    assert points[-1] > prior.ppf(0.999)  # no wall where a posterior of wide scales would stand


def test_the_mixture_is_the_log_normal_prior_integrated_numerically() -> None:
    """Of one group: a normal whose variance has the two scales in it."""
    groups = h.Groups(("one",), (8192,), 2048.0)
    prior = ModelSpec().prior("E")
    hierarchy = h.build_hierarchy({"E": prior}, groups, "partial")
    same, along = (float(part[0, 0]) for part in h.kernels(groups))
    z = np.linspace(-4, 4, 81)
    u = np.linspace(-5, 5, 401)
    mass = stats.norm.pdf(u) / stats.norm.pdf(u).sum()
    tau = prior.group_scale * np.exp(h.LOG_SPREAD * u)
    variance = prior.scale**2 + same * tau[:, None] ** 2 + along * (h.ALONG_CONTEXT * tau[None, :]) ** 2
    value = h.center(prior) + prior.scale * z
    exact = sum(
        m * (mass * stats.norm.pdf(value[:, None], h.center(prior), np.sqrt(row))).sum(-1)
        for m, row in zip(mass, variance, strict=True)
    )
    ours = np.exp(h.log_prior(np, value[:, None, None], hierarchy))[:, 0]
    np.testing.assert_allclose(ours, exact, rtol=0.02, atol=1e-4 * exact.max())


@pytest.mark.parametrize("transform", ["log", "logit"])
def test_center_is_the_median_on_the_prior_s_scale(transform: str) -> None:
    name = {"log": "E", "logit": "share"}[transform]
    prior = ModelSpec().prior(name)
    back = np.exp(h.center(prior)) if transform == "log" else 1 / (1 + np.exp(-h.center(prior)))
    assert back == pytest.approx(prior.median)
