"""The drift: what a knot adds to its walk, which knots runs reach, and where walks turn more."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.laws.drift import (
    EDGE,
    FINER,
    KNOTS,
    LEARNT,
    LOSS,
    NUMBERS,
    PLAIN,
    STEP,
    WALK_NAMES,
    WALKS,
    all_knots,
    drifted_log_loss,
    in_context,
    knot_scales,
    knot_values,
    knots_reached,
    origins,
)
from bayes_scaling.laws.drift_draws import Drift
from bayes_scaling.laws.drift_rates import loss_rates, walk_rates
from bayes_scaling.laws.law import GAMMA_LAW, log_form, log_loss

ALL = np.array([(i, k) for i in range(len(WALKS)) for k in NUMBERS])
OF_PARAMS = ALL[ALL[:, 0] == 0]
REFERENCE = (19.0, 23.0)
START = origins(np.array([0.3, 2.0]), np.array([1.0, -0.5]))
THETA = log_form(
    np, GAMMA_LAW.complete({"E": 1.7, "A": 400.0, "B": 900.0, "alpha": 0.36, "beta": 0.33, "gamma": 0.8})
)


@pytest.fixture
def drift(rng) -> Drift:
    return Drift(0.015 * rng.standard_normal((2, 3, len(PLAIN), len(NUMBERS))), REFERENCE, START)


def test_nothing_at_the_centre_and_a_random_walk_of_the_slope_away_from_it() -> None:
    """At a scale of 1 the slope has variance x, and the walk x^3 / 3, but for the width of the knots."""
    x = np.array([0.0, 2.4, 4.8, 9.6, 14.4])
    h = 1e-5
    zero = np.zeros_like(x)
    values = knot_values(x, zero, OF_PARAMS)
    slope = (knot_values(x + h, zero, OF_PARAMS) - knot_values(x - h, zero, OF_PARAMS)) / (2 * h)
    np.testing.assert_array_equal(values[0], 0)
    np.testing.assert_allclose(slope[0], 0, atol=1e-4)
    far = x >= 9.6
    np.testing.assert_allclose(np.sqrt((values**2).sum(-1))[far], np.sqrt(x[far] ** 3 / 3), rtol=0.1)
    np.testing.assert_allclose(np.sqrt((slope**2).sum(-1))[far], np.sqrt(x[far]), rtol=0.1)


def test_the_turn_has_no_jumps() -> None:
    """Kinks of a walk's turn are kinks of frontiers: between close points it changes by little everywhere."""
    h = 1e-3
    x = np.arange(-6, 6, 2 * h)
    value = knot_values(x, np.zeros_like(x), OF_PARAMS)
    turn = np.diff(value, 2, axis=0) / (2 * h) ** 2
    assert np.abs(turn).max() > 0.5
    assert np.abs(np.diff(turn, axis=0)).max() < 4 * h


def test_runs_reach_the_knots_that_they_see_only(rng) -> None:
    n, d = rng.normal(size=(2, 40))
    start = origins(n - 0.5, d)
    values = knot_values(n, d, ALL, 1.0, start)
    moved = {tuple(knot) for knot, used in zip(ALL, (np.abs(values) > 1e-12).any(0), strict=True) if used}
    reached = {tuple(knot) for knot in knots_reached(n, d, range(len(WALKS)), start)}
    assert moved <= reached
    assert {knot[0] for knot in knots_reached(n, d, LEARNT)} == set(LEARNT)
    assert len(reached - moved) <= 2 * len(WALKS)  # one knot at an end may add nothing yet


def test_shared_points_and_each_draws_own_agree_with_the_knots(drift: Drift, rng) -> None:
    n, d = rng.normal(19, 4, size=20), rng.normal(23, 4, size=20)
    shared = drift(n, d)
    each = drift.each(np.arange(6).reshape(2, 3, 1), n, d)
    weights = drift.weights.reshape(6, -1)
    walks = np.array([i for i in PLAIN for _ in NUMBERS])
    targets = np.array([walk.target for walk in WALKS])[walks]
    knots = np.column_stack([walks, np.tile(NUMBERS, len(PLAIN))])
    values = knot_values(n - REFERENCE[0], d - REFERENCE[1], knots, start=START)
    for target in range(3):
        own = targets == target
        direct = (values[:, own] @ weights[:, own].T).T.reshape(2, 3, -1)
        np.testing.assert_allclose(shared[target], direct, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(each[target], direct, rtol=1e-9, atol=1e-11)


def test_beyond_the_last_knot_the_slope_stays(drift: Drift) -> None:
    far = REFERENCE[0] + STEP * (KNOTS + 1) + np.array([1.0, 2.0, 3.0])
    for shift in drift(far, np.full(3, REFERENCE[1]))[:1]:
        steps = np.diff(shift)
        np.testing.assert_allclose(steps[..., 0], steps[..., 1], rtol=1e-9)


def test_rates_are_differences(drift: Drift, rng) -> None:
    """Slope, bend, slope with tokens and turn, of the walks and of the whole drifting loss."""
    n, d = rng.normal(19, 2, size=(2, 3, 7)), rng.normal(23, 2, size=(2, 3, 7))
    index = np.broadcast_to(np.arange(6).reshape(2, 3, 1), n.shape)
    rise = np.full(n.shape, 1.1)
    h = 1e-4

    def at(along: float, of_tokens: float = 0.0) -> np.ndarray:
        x = n + along
        tokens = d + of_tokens - 1.1 * along
        return drifted_log_loss(np, x, tokens, THETA, drift.each(index, x, tokens))

    def difference(part: object) -> tuple[np.ndarray, ...]:
        slope = (part(h) - part(-h)) / (2 * h)
        bend = (part(h) - 2 * part(0.0) + part(-h)) / h**2
        of_tokens = (part(0.0, h) - part(0.0, -h)) / (2 * h)
        turn = (part(h, h) - part(-h, h) - part(h, -h) + part(-h, -h)) / (4 * h**2)
        return slope, bend, of_tokens, turn

    found = loss_rates(THETA, drift, index, n, d, rise)
    np.testing.assert_allclose(found.value, at(0.0), rtol=1e-12)
    for ours, theirs in zip(found[1:], difference(at), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)
    still = walk_rates(Drift(0 * drift.weights, REFERENCE, START), index, n, d, rise)
    assert not np.any(still)


def test_walks_of_the_terms_leave_the_floor_where_it_is() -> None:
    """A walk scales the reducible loss, weighed by its term's share; E does not move."""
    n, d = np.linspace(-2, 2, 5), np.linspace(1, -3, 5)
    theta = THETA | {"log_A": 0.2, "log_B": -0.3}
    plain = np.exp(log_loss(np, n, d, theta)) - 1.7
    both = np.exp(log_loss(np, n, d, theta | {"params_walk": 0.1, "tokens_walk": 0.1})) - 1.7
    np.testing.assert_allclose(both, plain * np.exp(0.1 * 0.8), rtol=1e-12)
    share = 1 / (1 + np.exp((-0.3 - 0.33 * d) - (0.2 - 0.36 * n)))
    one = np.exp(log_loss(np, n, d, theta | {"params_walk": 0.1, "tokens_walk": 0.0})) - 1.7
    np.testing.assert_allclose(one, plain * np.exp(0.1 * share * 0.8), rtol=1e-12)


def test_knots_that_no_run_reaches_are_the_priors() -> None:
    knots = np.array([(0, 0), (4, 3)])
    scales = np.full((2, 1, len(LEARNT)), [[[0.01]], [[0.1]]])
    full = all_knots(knots, np.full((2, 1, 2), 7.0), scales, np.random.default_rng(2))
    np.testing.assert_array_equal(full[:, 0, [0, 4], [KNOTS, KNOTS + 3]], 7.0)
    learnt = full[:, :, list(LEARNT)]
    rest = learnt[learnt != 7.0].reshape(2, -1)
    np.testing.assert_allclose(rest.std(-1), [0.01, 0.1], rtol=5 / np.sqrt(2 * rest.shape[1]))


def test_edges_add_nothing_among_the_runs_and_a_walk_of_their_own_beyond(rng) -> None:
    n, d = rng.normal(size=(2, 60))
    start = origins(n, d)
    edges = np.array([(i, k) for i, walk in enumerate(WALKS) if walk.edge for k in NUMBERS[NUMBERS > 0]])
    assert not knot_values(n, d, edges, start=start).any()
    assert all(WALKS[i].target == LOSS for i in edges[:, 0])
    sd = knot_scales(np.zeros(len(LEARNT)))
    assert not sd[list(LEARNT)].any()
    assert not sd[:, NUMBERS <= 0].any()
    beyond = np.linspace(0, 5, 6)
    of_params = edges[WALK_NAMES.index("edge_params") == edges[:, 0]]
    values = knot_values(n.max() + beyond, np.full(6, d.min()), of_params, start=start)
    spread = np.sqrt(((values * sd[of_params[:, 0], of_params[:, 1] + KNOTS]) ** 2).sum(-1))
    assert spread[0] == 0
    late = beyond - 0.5 * STEP / FINER  # a walk that starts with its first knot
    np.testing.assert_allclose(spread[2:], EDGE * np.sqrt(late[2:] ** 3 / 3), rtol=0.1)


def test_a_context_has_its_share_of_the_walk_that_goes_by_it(rng) -> None:
    """Weights at c give what all walks add at c."""
    n, d = rng.normal(size=(2, 9))
    weights = rng.normal(size=(len(WALKS), len(NUMBERS)))
    for c in (-1.5, 0.0, 0.7):
        everything = knot_values(n, d, ALL, c) @ weights.ravel()
        plain = ALL[np.isin(ALL[:, 0], PLAIN)]
        folded = knot_values(n, d, plain) @ in_context(weights, c).ravel()
        np.testing.assert_allclose(folded, everything, rtol=1e-9)
    assert np.abs(in_context(weights, 1.0) - in_context(weights, 0.0)).max() > 0.1
