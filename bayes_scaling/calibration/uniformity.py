"""Whether ranks are uniform: simultaneous bands for their empirical distribution.

The band at a level covers the whole curve of uniform ranks with that probability; its pointwise level is
found by simulation (Saeilynoja, Buerkner and Vehtari 2022, arXiv:2103.10522, algorithm 2).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy import stats

SIMULATIONS = 20_000


class Band(NamedTuple):
    """Bounds of the empirical distribution of ``count`` uniform ranks at each of ``points``.

    Attributes
    ----------
    points : ndarray (point,)
        Fractions of the rank's range.
    lower, upper : ndarray (point,)
    pointwise : float
        Level of each point's interval that makes the whole band's.
    """

    points: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    pointwise: float


@cache
def uniform_band(count: int, draws: int, level: float) -> Band:
    """Simultaneous band.

    Parameters
    ----------
    count : int
        Replicates, each with one rank.
    draws : int
        Ranks run from 0 to ``draws``.
    level : float
        Probability that the curve of uniform ranks stays inside everywhere.
    """
    points = np.unique(np.linspace(0, draws + 1, min(draws + 1, 50) + 1).round()[1:-1]) / (draws + 1)
    rng = np.random.default_rng(2022)
    ranks = rng.integers(0, draws + 1, size=(SIMULATIONS, count))
    below = np.stack([(ranks < p * (draws + 1)).sum(1) for p in points], axis=1)
    low = stats.binom.cdf(below, count, points)
    high = stats.binom.sf(below - 1, count, points)
    worst = 2 * np.minimum(low, high).min(1)  # the smallest two-sided tail along each curve
    tail = float(np.quantile(worst, 1 - level))
    lower = stats.binom.ppf(tail / 2, count, points) / count
    upper = stats.binom.ppf(1 - tail / 2, count, points) / count
    return Band(points, lower, upper, 1 - tail)


def ecdf_at(ranks: np.ndarray, draws: int, points: np.ndarray) -> np.ndarray:
    """Share of ranks (replicate, ...) below each point: (point, ...)."""
    fractions = np.asarray(ranks) / (draws + 1)
    return np.stack([(fractions < p - 1e-12).mean(0) for p in points])


def outside(ranks: np.ndarray, draws: int, level: float) -> np.ndarray:
    """Whether each column's curve of ranks (replicate, ...) leaves the band: (...)."""
    band = uniform_band(len(ranks), draws, level)
    curve = ecdf_at(ranks, draws, band.points)
    shape = (-1,) + (1,) * (curve.ndim - 1)
    low = band.lower.reshape(shape)
    high = band.upper.reshape(shape)
    return np.asarray(((curve < low - 1e-12) | (curve > high + 1e-12)).any(0))
