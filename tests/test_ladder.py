"""Ladders of budgets: inversion and crossings against known curves."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.ladder import RUNGS_PER_DECADE, compute_for_loss, crossings, make_ladder

LADDER = make_ladder(1e17, 1e27)


def power_law(compute, e=1.7, scale=2500.0, slope=0.17):
    return e + scale * compute**-slope


def test_rungs_include_both_ends() -> None:
    assert LADDER[0] == pytest.approx(1e17) and LADDER[-1] == pytest.approx(1e27)
    assert len(LADDER) == 10 * RUNGS_PER_DECADE + 1
    np.testing.assert_allclose(np.diff(np.log(LADDER)), np.log(LADDER[1] / LADDER[0]))


def test_compute_for_loss_inverts_to_a_thousandth() -> None:
    wanted = np.geomspace(3e17, 3e26, 301)
    found = compute_for_loss(power_law(LADDER)[None], LADDER, power_law(wanted))
    np.testing.assert_allclose(found, wanted, rtol=1e-3)


def test_a_coarse_ladder_misses_that() -> None:
    wanted = np.geomspace(3e17, 3e26, 301)
    coarse = LADDER[::30]
    found = compute_for_loss(power_law(coarse)[None], coarse, power_law(wanted))
    assert np.abs(found / wanted - 1).max() > 1e-2


def test_a_loss_out_of_reach_takes_infinite_compute() -> None:
    assert np.isinf(compute_for_loss(power_law(LADDER)[None], LADDER, np.array([1.69, 1.7]))).all()


def test_many_curves_at_once(rng) -> None:
    slopes = rng.uniform(0.1, 0.2, (5, 7, 1))
    losses = power_law(LADDER, slope=slopes)
    wanted = np.broadcast_to(np.array([1e20, 1e23]), (5, 7, 2))
    found = compute_for_loss(losses[..., None, :], LADDER, power_law(wanted, slope=slopes))
    np.testing.assert_allclose(found, wanted, rtol=1e-3)


def test_the_crossing_nearest_the_budget() -> None:
    x = np.log10(LADDER)
    difference = (x - 19.03) * (x - 24.01)
    found = crossings(difference, LADDER, np.array([1e18, 1e21, 1e26]))
    np.testing.assert_allclose(np.log10(found), [19.03, 19.03, 24.01], atol=0.01)


def test_no_crossing_is_nan() -> None:
    assert np.isnan(crossings(np.ones_like(LADDER), LADDER, np.array([1e20, 1e21]))).all()
