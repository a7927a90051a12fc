"""The noise of a run and the locations of two recipes: against closed forms, brute force and simulations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln

from bayes_scaling.models.density import student_t
from bayes_scaling.questions.replicates import (
    Locations,
    Noise,
    Replicates,
    draw_locations,
    further_seeds,
    learnt_noise,
    locate,
    prior_noise,
    probability_lower,
)

ONE = np.ones(1)
SIGMA = 0.004


def runs(log_loss, known: float = 0.0) -> Replicates:
    values = np.asarray(log_loss, dtype=float)
    return Replicates(values, np.full_like(values, known))


def judged(first: Replicates, second: Replicates, prior: Noise) -> tuple[float, Noise, Locations]:
    found = locate(first, second, prior)
    noise = learnt_noise(prior, found)
    return probability_lower(noise, found), noise, found


def known_noise(scale: float, nu: float = 1e7) -> Noise:
    return prior_noise(scale * ONE, nu * ONE, spread=0.0)


@pytest.mark.parametrize("counts", [(1, 1), (2, 1), (3, 5), (30, 40)])
@pytest.mark.parametrize("known", [0.0, 0.003])
def test_normal_noise_of_a_known_scale_has_a_closed_form(rng, counts, known) -> None:
    first, second = (rng.normal(0, SIGMA, n) for n in counts)
    first += 0.8 - first.mean()
    second += 0.8 - 0.7 * SIGMA * np.sqrt(1 / counts[0] + 1 / counts[1]) - second.mean()
    found, *_ = judged(runs(first, known), runs(second, known), known_noise(SIGMA))
    sd = np.hypot(SIGMA, known) * np.sqrt(1 / counts[0] + 1 / counts[1])
    difference = first.mean() - second.mean()
    assert found == pytest.approx(stats.norm.cdf(difference / sd), abs=1e-3)
    assert abs(found - stats.norm.cdf(1.5 * difference / sd)) > 1e-3  # the control


def brute_force(first, second, sigma, nu) -> float:
    """P by a sum over every draw, u and a fine even grid of each location."""
    standard = np.linspace(-6, 6, 49)
    parts = []
    for each, degrees in zip(sigma, nu, strict=True):
        for z in standard:
            scale = each * np.exp(0.5 * z)
            ends = np.concatenate([first, second])
            grid = np.linspace(ends.min() - 60 * scale, ends.max() + 60 * scale, 2501)
            logs = [
                student_t(np, np.array(y)[:, None], grid, scale, degrees, gammaln).sum(0)
                for y in (first, second)
            ]
            one, other = (np.exp(log - log.max()) for log in logs)
            likelihood = sum(log.max() for log in logs) + 2 * np.log(grid[1] - grid[0])
            weight = np.log(one.sum() * other.sum()) + likelihood - 0.5 * z**2
            below = (np.cumsum(other) - 0.5 * other) / other.sum()
            parts.append((weight, (one * below).sum() / one.sum()))
    weight, chance = np.array(parts).T
    return float(np.average(chance, weights=np.exp(weight - weight.max())))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([0.838], [0.8335]),
        ([0.838, 0.8369], [0.8335]),
        ([0.838, 0.833, 0.846], [0.8335, 0.837]),
        ([0.838, 0.875, 0.79], [0.789, 0.837, 0.81]),  # far apart: several modes
        ([0.838, 0.838], [0.8375, 0.8375]),  # equal
    ],
)
def test_probabilities_are_those_of_brute_force(rng, first, second) -> None:
    sigma = SIGMA * np.exp(0.2 * rng.standard_normal(25))
    nu = 2 + 4 * np.exp(0.8 * rng.standard_normal(25))
    found, *_ = judged(runs(first), runs(second), prior_noise(sigma, nu))
    assert found == pytest.approx(brute_force(first, second, sigma, nu), abs=1e-3)


def test_swapping_the_recipes_swaps_the_answer(rng) -> None:
    prior = prior_noise(SIGMA * rng.lognormal(0, 0.2, 50), 2 + rng.lognormal(1, 0.8, 50))
    first, second = runs([0.84, 0.836]), runs([0.835, 0.831, 0.838])
    there, *_ = judged(first, second, prior)
    back, *_ = judged(second, first, prior)
    assert there + back == pytest.approx(1, abs=1e-9)
    assert there > 0.6  # the control: it is not one half


def test_one_loss_each_says_nothing_of_the_noise(rng) -> None:
    prior = prior_noise(SIGMA * rng.lognormal(0, 0.2, 50), 2 + rng.lognormal(1, 0.8, 50))
    _, noise, _ = judged(runs([0.84]), runs([0.6]), prior)
    assert np.abs(noise.weight - prior.weight).sum() < 1e-3
    _, taught, _ = judged(runs([0.84, 0.80]), runs([0.6]), prior)  # the control
    assert np.abs(taught.weight - prior.weight).sum() > 0.3


def width(first, second, prior: Noise) -> float:
    _, noise, found = judged(runs(first), runs(second), prior)
    one, other, _ = draw_locations(noise, found, 20_000, np.random.default_rng(1))
    low, high = np.quantile(other - one, [0.05, 0.95])
    return float(high - low)


def test_more_seeds_narrow_the_interval() -> None:
    prior = prior_noise(SIGMA * ONE, 6 * ONE)
    seeds = 0.8 + SIGMA * stats.t(6).ppf((np.arange(12) + 0.5) / 12)
    wide = width(seeds[[3]], seeds[[8]], prior)
    some = width(seeds[2::4], seeds[1::4], prior)
    many = width(seeds, seeds, prior)
    assert wide > 1.3 * some > 1.3 * 1.3 * many


def test_replicates_that_scatter_widely_widen_the_interval() -> None:
    seeds = np.array([0.78, 0.80, 0.83, 0.81])  # five times the fit's scale
    learnt = prior_noise(SIGMA * ONE, 30 * ONE)
    fixed = prior_noise(SIGMA * ONE, 30 * ONE, spread=0.0)
    assert width(seeds, seeds - 0.01, learnt) > 2 * width(seeds, seeds - 0.01, fixed)
    close = 0.8 + 0.1 * (seeds - 0.8)
    assert width(close, close - 0.01, learnt) < width(close, close - 0.01, fixed)


def simulated(rng: np.random.Generator, pairs: int, prior: Noise) -> tuple[np.ndarray, np.ndarray]:
    """P(second lower) of pairs of two runs each, and whether it is so."""
    chances = np.empty(pairs)
    lower = np.empty(pairs, dtype=bool)
    for i in range(pairs):
        scale = SIGMA * np.exp(0.5 * rng.standard_normal())
        difference = rng.uniform(-8, 8) * SIGMA
        first = 0.8 + scale * rng.standard_t(5, 2)
        second = 0.8 + difference + scale * rng.standard_t(5, 2)
        chances[i], *_ = judged(runs(first), runs(second), prior)
        lower[i] = difference < 0
    return chances, lower


def surprise(chances: np.ndarray, lower: np.ndarray) -> float:
    """Least probability, by a binomial, of how often the likelier recipe was lower, among bins of P."""
    likelier = np.maximum(chances, 1 - chances)
    right = (chances > 0.5) == lower
    bins = np.digitize(likelier, [0.75, 0.9, 0.97])
    found = [
        stats.binomtest(int(right[bins == k].sum()), int((bins == k).sum()), likelier[bins == k].mean())
        for k in np.unique(bins)
    ]
    return min(float(test.pvalue) for test in found)


def test_probabilities_are_calibrated_on_simulated_pairs(rng) -> None:
    assert surprise(*simulated(rng, 400, prior_noise(SIGMA * ONE, 5 * ONE))) > 0.001
    too_small = prior_noise(0.1 * SIGMA * ONE, 5 * ONE, spread=0.0)  # the control
    assert surprise(*simulated(rng, 400, too_small)) < 0.001


def test_draws_are_of_the_same_locations() -> None:
    prior = prior_noise(SIGMA * ONE, 6 * ONE)
    chance, noise, found = judged(runs([0.84, 0.838]), runs([0.836]), prior)
    first, second, scale = draw_locations(noise, found, 20_000, np.random.default_rng(2))
    assert np.mean(second < first) == pytest.approx(chance, abs=0.015)
    middle = noise.scale[np.searchsorted(np.cumsum(noise.weight), 0.5)]
    assert np.median(scale) == pytest.approx(middle, rel=0.1)


def test_further_seeds_by_the_closed_form() -> None:
    noise = known_noise(SIGMA)
    difference = 0.5 * SIGMA
    now = stats.norm.cdf(0.5 / np.sqrt(2))
    more = further_seeds(noise, now, difference, (1, 1))
    needed = 2 * (stats.norm.ppf(0.95) / 0.5) ** 2  # runs of each
    assert more == np.ceil(needed) - 1 > 10
    assert further_seeds(noise, now, -difference, (1, 1)) == more
    assert further_seeds(noise, now, difference, (1, 1), known=SIGMA) > more
    assert (
        further_seeds(noise, 0.96, difference, (1, 1)) == 0 == further_seeds(noise, 0.04, difference, (1, 1))
    )
    assert further_seeds(noise, 0.51, 0.001 * SIGMA, (1, 1)) == np.inf
