"""Ladders of budgets: inversion and crossings against known curves."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.laws.ladder import (
    PARTS,
    RUNGS_PER_DECADE,
    compute_for_loss,
    crossings,
    fill_ladder,
    make_ladder,
    make_sparse_ladder,
)

LADDER = make_ladder(1e17, 1e27)


def power_law(compute, e=1.7, scale=2500.0, slope=0.17):
    return e + scale * compute**-slope


def test_rungs_include_both_ends() -> None:
    assert LADDER[0] == pytest.approx(1e17) and LADDER[-1] == pytest.approx(1e27)
    assert len(LADDER) == 10 * RUNGS_PER_DECADE + 1
    np.testing.assert_allclose(np.diff(np.log(LADDER)), np.log(LADDER[1] / LADDER[0]))


@pytest.mark.parametrize(("low", "high"), [(3e18, 4.7e21), (1e20, 1.05e20), (1.0, 1e40)])
def test_no_step_is_longer_than_promised(low: float, high: float) -> None:
    ladder = make_ladder(low, high)
    assert ladder[0] == low and ladder[-1] == high
    steps = np.diff(np.log10(ladder))
    assert 0 < steps.max() < 1.0001 / RUNGS_PER_DECADE
    assert len(ladder) - 2 < RUNGS_PER_DECADE * np.log10(high / low)  # and none more than that takes


def test_compute_for_loss_inverts_to_a_thousandth() -> None:
    wanted = np.geomspace(3e17, 3e26, 301)
    found = compute_for_loss(power_law(LADDER)[None], LADDER, power_law(wanted))
    np.testing.assert_allclose(found, wanted, rtol=1e-3)


def test_rungs_between_others_lie_on_the_curve() -> None:
    """A straight line between them, the control, does not."""
    sparse, ladder = make_sparse_ladder(3e17, 2e24)
    loss = power_law(sparse)
    slope = -0.17 * (loss - 1.7) / loss
    filled = fill_ladder(np.log(loss), slope, sparse, ladder)
    np.testing.assert_allclose(filled, power_law(ladder), rtol=1e-6)
    straight = np.interp(np.log(ladder), np.log(sparse), loss)
    assert np.abs(straight / power_law(ladder) - 1).max() > 1e-4
    steps = np.diff(np.log10(ladder))
    assert ladder[0] == pytest.approx(3e17) and ladder[-1] == pytest.approx(2e24)
    assert steps.max() <= 1 / RUNGS_PER_DECADE + 1e-9 and len(ladder) == PARTS * (len(sparse) - 1) + 1


def test_a_coarse_ladder_misses_that() -> None:
    wanted = np.geomspace(3e17, 3e26, 301)
    coarse = LADDER[::30]
    found = compute_for_loss(power_law(coarse)[None], coarse, power_law(wanted))
    assert np.abs(found / wanted - 1).max() > 1e-2


def test_a_loss_out_of_reach_takes_infinite_compute() -> None:
    assert np.isinf(compute_for_loss(power_law(LADDER)[None], LADDER, np.array([1.69, 1.7]))).all()


def test_the_last_rung_is_still_reached() -> None:
    last = power_law(LADDER[-1])
    found = compute_for_loss(power_law(LADDER)[None], LADDER, last * np.array([1, 1 - 1e-9, 1 + 1e-6]))
    assert found[0] == pytest.approx(LADDER[-1])
    assert np.isinf(found[1]) and LADDER[-2] < found[2] < LADDER[-1]


def test_below_the_first_rung_the_first_step_goes_on() -> None:
    """A power law is straight in logs, so the answer is exact; after the first step it is another."""
    loss = LADDER**-0.05 * np.where(LADDER[1] < LADDER, 0.9, 1.0)
    wanted = np.array([1e12, 1e15, 1e17, 1.1e17])
    found = compute_for_loss(loss[None], LADDER, wanted**-0.05)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


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


def test_nearest_is_meant_in_logs() -> None:
    x = np.log10(LADDER)
    found = crossings((x - 19.03) * (x - 23.01), LADDER, np.array([1e22]))
    assert np.log10(found) == pytest.approx(23.01, abs=0.01)  # 1e19 is the nearer one in FLOPs


def test_each_curve_has_its_own_crossing(rng) -> None:
    at = rng.uniform(18, 26, (5, 7, 1))
    difference = rng.choice([-1.0, 1.0], at.shape) * (np.log10(LADDER) - at)
    found = crossings(difference, LADDER, np.array([1e19, 1e25]))
    np.testing.assert_allclose(np.log10(found), np.broadcast_to(at, (5, 7, 2)), rtol=1e-12)


def test_the_other_way_round_it_is_the_same_crossing(rng) -> None:
    difference, compute = rng.normal(size=(50, len(LADDER))), np.array([1e18, 1e22])
    np.testing.assert_array_equal(
        crossings(difference, LADDER, compute), crossings(-difference, LADDER, compute)
    )


@pytest.mark.parametrize("height", [1e-9, -1e-9])
def test_no_crossing_is_nan(height: float) -> None:
    """Not where one is always above, however near, and not where both are the same."""
    near = np.sign(height) * (np.log10(LADDER) - 21.03) ** 2 + height
    difference = np.stack([near, np.full_like(LADDER, height), np.zeros_like(LADDER)])
    assert np.isnan(crossings(difference, LADDER, np.array([1e20, 1e21]))).all()
    assert np.isfinite(crossings(near - 0.1 * np.sign(height), LADDER, np.array([1e20]))).all()


def test_a_first_step_that_rises_reaches_its_target_below_it():
    ladder = np.geomspace(1e18, 1e20, 5)
    loss = np.array([2.0, 2.0 + 1e-15, 1.9, 1.8, 1.7])
    with np.errstate(over="raise"):
        assert compute_for_loss(loss, ladder, np.asarray(2.5)) <= ladder[0]
