"""Sets of ln params as intervals, and grids within them."""

from __future__ import annotations

import numpy as np

Region = tuple[tuple[float, float], ...]
SMALLEST = float(np.log(1e3))
LARGEST = float(np.log(1e18))
EVERYTHING: Region = ((SMALLEST, LARGEST),)
STEP = 0.05  # of grids
ASIDE = 2.0  # e-folds of an interval that the range asked for misses


def intersect(first: Region, second: Region) -> Region:
    """What lies in both."""
    pairs = [(max(a, c), min(b, d)) for a, b in first for c, d in second]
    return tuple((low, high) for low, high in pairs if low <= high)


def intervals_where(x: np.ndarray, margin: np.ndarray) -> Region:
    """Intervals of sorted x where a margin is not negative, its zeros by straight lines.

    What holds at either end goes on beyond it.
    """
    good = margin >= 0
    bounds = [SMALLEST] if good[0] else []
    for i in np.flatnonzero(good[1:] != good[:-1]):
        share = margin[i] / (margin[i] - margin[i + 1])
        bounds.append(float(x[i] + share * (x[i + 1] - x[i])))
    if good[-1]:
        bounds.append(LARGEST)
    return tuple(zip(bounds[::2], bounds[1::2], strict=True))


def clip(x: np.ndarray, region: Region) -> np.ndarray:
    """The nearest point of each interval: (..., interval)."""
    return np.stack([np.clip(x, low, high) for low, high in region], axis=-1)


def make_grid(region: Region, low: float, high: float) -> np.ndarray:
    """Points at most `STEP` apart in the part of a region between two ends, the ends included.

    Of an interval that they miss, the near end.
    """
    parts = [_points(*interval, low, high) for interval in region]
    return np.unique(np.concatenate(parts))


def is_end(x: float, region: Region) -> bool:
    """Whether a point is an end of an interval, where a search may stop."""
    return bool(np.isclose(x, np.asarray(region), rtol=0, atol=1e-9).any())


def _points(first: float, last: float, low: float, high: float) -> np.ndarray:
    if last < low:
        low = max(first, last - ASIDE)
        high = last
    elif first > high:
        low = first
        high = min(last, first + ASIDE)
    else:
        low = max(first, low)
        high = min(last, high)
    return np.linspace(low, high, int(np.ceil((high - low) / STEP)) + 1)
