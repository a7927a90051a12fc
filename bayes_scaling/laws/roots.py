"""Roots of many functions of one number at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def bracketed_root(
    function: Callable[..., np.ndarray],
    low: np.ndarray,
    high: np.ndarray,
    args: tuple[np.ndarray, ...],
    tolerances: dict[str, float],
) -> Any:
    """Where functions become 0 between two ends, by Chandrupatla's method.

    Parameters
    ----------
    function : callable(place, *args) -> ndarray (point,)
    low, high : ndarray (point,)
        The ends.
    args : tuple of ndarray (point,)
        What else each function needs.
    tolerances : dict
        Of the place (xatol, xrtol) and of the value (fatol).

    Returns
    -------
    object
        That of `scipy.optimize.elementwise.find_root`: ``x`` is NaN where both ends have one sign.
    """
    from scipy.optimize import elementwise  # 0.2 s that a frontier without it need not wait

    return elementwise.find_root(function, (low, high), args=args, tolerances=tolerances)
