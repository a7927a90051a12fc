"""The compute-optimal params and tokens under a cost curve, for all draws at once.

The loss rises with S = A N^-alpha + B D^-beta, so gamma and E do not matter for what is optimal.
With f(N) the training FLOPs per token, C = f(N) D and s = d ln f / d ln N, the optimum is where

    ln(alpha A N^-alpha) = ln(s beta B D^-beta)

whichever of C, N and the loss is given.
"""

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

    The difference of the two sides of the condition falls in ln N with slope -(alpha + s beta) as
    long as s changes slowly, which gives the Newton step; a bracket guards it.

    Parameters
    ----------
    coefficients : mapping of str to ndarray
        A, B, alpha, beta and the rest of `laws.log_form`.
    log_compute : ndarray
        ln of the budget in FLOPs; broadcasts with the coefficients.
    curve : object with value_and_slope(xp, ln_params)
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
        cost, slope = curve.value_and_slope(np, x)
        gap = _gap(theta, x, log_compute - cost, slope)
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


def exponent(coefficients: Mapping[str, np.ndarray], log_params: np.ndarray, curve: Any) -> np.ndarray:
    """d ln N* / d ln C at an optimum, beta / (alpha + s beta + d ln s / d ln N).

    Under C = 6ND it is beta / (alpha + beta). That of tokens is 1 - s times it.
    """
    slope = curve.slope(np, log_params)
    turn = curve.bend(np, log_params) / slope
    return np.asarray(coefficients["beta"] / (coefficients["alpha"] + slope * coefficients["beta"] + turn))


def optimal_log_tokens(
    coefficients: Mapping[str, np.ndarray], log_params: np.ndarray, curve: Any
) -> np.ndarray:
    """ln D at which the given ln N is compute-optimal."""
    theta = log_form(np, coefficients)
    return _gap(theta, log_params, np.zeros(()), curve.slope(np, log_params)) / -theta["beta"]


def cheapest_log_params(coefficients: Mapping[str, np.ndarray], loss: np.ndarray, curve: Any) -> np.ndarray:
    """ln N of the cheapest run that reaches a loss; NaN where the loss is not above E.

    The params term's share of S is s beta / (alpha + s beta) there, and s hardly changes with N:
    a fixed point found in a few steps.

    Raises
    ------
    OptimumError
        No convergence.
    """
    theta = log_form(np, coefficients)
    reducible = np.where(loss > coefficients["E"], loss - coefficients["E"], np.nan)
    log_sum = np.log(reducible) / coefficients["gamma"]
    slope = np.ones(np.shape(log_sum))
    x = np.full(np.shape(log_sum), np.inf)
    for _ in range(ITERATIONS):
        share = slope * theta["beta"] / (theta["alpha"] + slope * theta["beta"])
        moved = (theta["log_A"] - log_sum - np.log(share)) / theta["alpha"]
        with np.errstate(invalid="ignore"):
            if not (np.abs(moved - x) > TOLERANCE).any():
                return moved
        x, slope = moved, curve.slope(np, np.nan_to_num(moved))
    raise OptimumError("the cheapest params for that loss were not found: the cost curve is not smooth")
