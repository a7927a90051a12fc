"""The compute-optimal params and tokens under a cost curve, for all draws at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.laws import log_form

TOLERANCE = 1e-10  # of ln params
ITERATIONS = 200
LOWEST, HIGHEST = 0.0, 80.0  # ln params


class OptimumError(BayesScalingError):
    """The search for the optimum did not end."""


def optimal_log_params(
    coefficients: Mapping[str, np.ndarray], log_compute: np.ndarray, curve: Any
) -> np.ndarray:
    """ln N that minimises L(N, C / f(N)).

    The loss rises with S = A N^-alpha + B D^-beta, so gamma and E do not matter. With D = C / f(N)
    and s = d ln f / d ln N, dS = 0 reads ln(alpha A N^-alpha) = ln(s beta B D^-beta). The
    difference of the two sides falls in ln N with slope -(alpha + s beta) as long as s changes
    slowly, which gives the Newton step; a bracket guards it.

    Parameters
    ----------
    coefficients : mapping of str to ndarray
        A, B, alpha, beta and the rest of `laws.log_form`.
    log_compute : ndarray
        ln of the budget in FLOPs; broadcasts with the coefficients.
    curve : object with value(xp, ln_params) and slope(xp, ln_params)
        ln f, training FLOPs per token, and its derivative; see `accounting.Cost.curve`.

    Returns
    -------
    ndarray
        ln params, exact to 1e-8.

    Raises
    ------
    OptimumError
        No convergence: the cost curve is no smooth increasing function there.
    """
    theta = log_form(np, coefficients)
    shape = np.broadcast_shapes(np.shape(theta["alpha"]), np.shape(log_compute))
    low, high = np.full(shape, LOWEST), np.full(shape, HIGHEST)
    x = np.broadcast_to(0.5 * (log_compute - np.log(6.0)), shape).copy()
    for _ in range(ITERATIONS):
        slope = curve.slope(np, x)
        gap = _gap(theta, x, log_compute - curve.value(np, x), slope)
        low, high = np.where(gap > 0, x, low), np.where(gap > 0, high, x)
        step = gap / (theta["alpha"] + slope * theta["beta"])
        if np.abs(step).max() < TOLERANCE:
            return x + step
        usable = ((x + step > low) & (x + step < high)) | (np.abs(step) < TOLERANCE)
        x = np.where(usable, x + step, 0.5 * (low + high))
    raise OptimumError(
        "the compute-optimal params were not found: the cost curve is not smooth and increasing, or the "
        f"optimum lies outside e^{LOWEST:g} to e^{HIGHEST:g} params"
    )


def _gap(theta: Mapping[str, Any], x: np.ndarray, log_tokens: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """ln of the marginal gain of params over that of tokens; falls through 0 at the optimum."""
    gain = np.log(theta["alpha"]) + theta["log_A"] - theta["alpha"] * x
    price = np.log(slope * theta["beta"]) + theta["log_B"] - theta["beta"] * log_tokens
    return np.asarray(gain - price)
