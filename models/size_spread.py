"""What the sizes of a model share in their times, and how far a size may lie from those that were timed.

The shift of ln time of a model size is a Gaussian process over ln params: a part of its own for each size,
and a walk from the middle of the fitted sizes, so that the spread grows with the distance from them.
"""

from __future__ import annotations

import numpy as np


def size_covariance(params: np.ndarray, growth: float) -> np.ndarray:
    """Covariance of the shifts of fitted sizes (size, size), over the square of their scale.

    ``growth`` is the variance of the walk for each e-fold of params.
    """
    place = np.log(params)
    return np.asarray(np.eye(len(place)) + growth * _walk(place, place, place.mean()))


def size_conditional(params: np.ndarray, fitted: np.ndarray, growth: float) -> tuple[np.ndarray, np.ndarray]:
    """The shifts of new sizes given those of fitted ones.

    Parameters
    ----------
    params, fitted : ndarray (new,), (size,)
    growth : float

    Returns
    -------
    weight : ndarray (new, size)
        The mean is this times the fitted shifts.
    sd : ndarray (new,)
        Over the shifts' scale.
    """
    place = np.log(fitted)
    new = np.log(params)
    middle = place.mean()
    cross = growth * _walk(new, place, middle)
    weight = np.linalg.solve(size_covariance(fitted, growth), cross.T).T
    variance = 1 + growth * np.abs(new - middle) - (weight * cross).sum(-1)
    return weight, np.sqrt(variance)


def _walk(first: np.ndarray, second: np.ndarray, middle: float) -> np.ndarray:
    """Covariance of a walk to both sides of ``middle`` (first, second)."""
    a = first[:, None] - middle
    b = second[None, :] - middle
    return np.asarray(0.5 * (np.abs(a) + np.abs(b) - np.abs(a - b)))
