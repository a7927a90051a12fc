"""Loss surfaces at points that draws share, and optima at the edge of their search."""

from __future__ import annotations

import numpy as np

from bayes_scaling.laws.drifting_optimum import STEP, WITHIN
from bayes_scaling.laws.law import GAMMA_LAW
from bayes_scaling.laws.optimum import optimal_log_params as without_drift
from bayes_scaling.laws.surface import Surface
from tests.laws.test_drifting_optimum import LOG_COMPUTE, SHAPE, SURFACE, VALUES, curve


def test_points_that_all_draws_share_have_the_same_loss() -> None:
    params, tokens = np.geomspace(1e8, 1e10, 5), np.geomspace(1e11, 1e9, 5)
    for surface in (SURFACE, Surface(GAMMA_LAW, VALUES, None)):
        each = surface.loss(*(np.broadcast_to(part, (*SHAPE, 5)) for part in (params, tokens)))
        np.testing.assert_allclose(surface.loss_at(params, tokens), each, rtol=1e-9)


def test_optima_at_the_edge_of_the_search_are_told() -> None:
    f = curve()
    x = SURFACE.optimal_log_params(LOG_COMPUTE, f)
    told = SURFACE.at_edge(x, LOG_COMPUTE, f)
    away = np.abs(x - without_drift(VALUES, LOG_COMPUTE, f))
    np.testing.assert_array_equal(told, away > (WITHIN - 1) * STEP)
    assert 0 < told.mean() < 1
    still = Surface(GAMMA_LAW, VALUES, None)
    assert not still.at_edge(still.optimal_log_params(LOG_COMPUTE, f), LOG_COMPUTE, f).any()


def test_a_varying_exponent_has_an_edge_too() -> None:
    """Far from its pivots eta leaves some losses without a minimum in reach."""
    values = VALUES | {"eta": np.full((*SHAPE, 1), 0.3)}
    surface = Surface(GAMMA_LAW, values, None)
    far = np.log([1e12, 1e30])
    told = surface.at_edge(surface.optimal_log_params(far, curve("6ND")), far, curve("6ND"))
    mild = Surface(GAMMA_LAW, VALUES | {"eta": np.full((*SHAPE, 1), 1e-4)}, None)
    assert told.any()
    assert not mild.at_edge(
        mild.optimal_log_params(LOG_COMPUTE, curve("6ND")), LOG_COMPUTE, curve("6ND")
    ).any()
