"""The mode search: the whitening of a quadratic, the better of two modes, densities that are not finite."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.models.design import build_design
from bayes_scaling.models.mode import _ascend, climb, compile_objective, find_whitening, start
from bayes_scaling.models.spec import ModelSpec

CURVATURE = np.array([[4.0, 1.0], [1.0, 9.0]])
MODE = np.array([1.0, -2.0])


def quadratic(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    away = x - MODE
    gradient = away @ CURVATURE
    return 0.5 * (away * gradient).sum(-1), gradient


def test_a_quadratic_is_whitened_exactly() -> None:
    found = climb(quadratic, np.zeros(2))
    np.testing.assert_allclose(found.center, MODE, atol=1e-6)
    np.testing.assert_allclose(found.factor @ found.factor.T, np.linalg.inv(CURVATURE), rtol=1e-5)


def test_a_hessian_that_is_not_finite_once_is_damped_and_the_search_begins_anew() -> None:
    hessians = []

    def fickle(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value, gradient = quadratic(x)
        hessians.extend([x] if x.ndim > 1 else [])
        return value, np.where(x.ndim > 1 and len(hessians) <= 3, np.nan, gradient)

    found = climb(fickle, np.zeros(2))
    assert len(hessians) > 3
    np.testing.assert_allclose(found.center, MODE, atol=1e-6)


def test_a_density_without_a_finite_mode_is_refused_with_advice() -> None:
    def cliff(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Falls towards an edge beyond which it is not finite."""
        value = np.where(x[..., 0] < 1.0, -x[..., 0], np.nan)
        return value, np.stack([0.0 * value - 1.0, x[..., 1]], axis=-1)

    with pytest.raises(BayesScalingError, match="mode was not found.*describe"):
        climb(cliff, np.zeros(2))


def test_a_start_that_is_not_finite_is_refused() -> None:
    with pytest.raises(BayesScalingError, match="not finite near the start"):
        climb(lambda x: (x.sum(-1) * np.nan, x * np.nan), np.zeros(2))


def test_the_search_ends_at_the_better_of_two_modes() -> None:
    """On the runs that ship Newton's steps alone and those after L-BFGS end at different modes."""
    design = build_design(bs.load_runs("measured"), ModelSpec())
    objective = compile_objective(design)

    def value_and_gradient(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return objective(x, design)

    ascended = _ascend(value_and_gradient, start(design))
    each = [find_whitening(design, objective, near=near).center for near in (start(design), ascended)]
    searched = find_whitening(design, objective).center
    values = [value_and_gradient(mode)[0] for mode in (*each, searched)]
    assert values[2] == pytest.approx(min(values[:2]), abs=1e-6)
    assert np.abs(value_and_gradient(searched)[1]).max() < 1e-3
