"""The compute-optimal params and tokens under a cost curve, for all draws at once.

The loss rises with S = A N^-alpha + B D^-beta, so gamma and E do not matter for what is optimal.
With f(N) the training FLOPs per token, C = f(N) D and s = d ln f / d ln N, the optimum is where

    ln(alpha A N^-alpha) = ln(s beta B D^-beta)

whichever of C, N and the loss is given. Where a law's terms see effective sizes N' and D' instead, it is

    ln(alpha A N'^-alpha d ln N') = ln(-beta B D'^-beta d ln D')

with the derivatives along the budget; see `bayes_scaling.laws.effective_sizes`. A law with a term of
overfitting has no such condition: `bayes_scaling.laws.overfitting_optimum`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.laws import overfitting_optimum
from bayes_scaling.laws.effective_sizes import changes, path
from bayes_scaling.laws.law import log_form, log_loss

TOLERANCE = 1e-10  # of ln params
ITERATIONS = 200
HALVINGS = 40
WITHIN = 3.0  # of ln params: how far eta may move an optimum; twice that of ln tokens
LOWEST, HIGHEST = 0.0, 80.0  # ln params
TOKENS = (0.0, 120.0)  # ln tokens
COMPUTE = (np.log(1e10), np.log(1e40))  # ln FLOPs between which a loss is looked for


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
        A, B, alpha, beta and the rest of `laws.law.log_form`.
    log_compute : ndarray
        ln of the budget in FLOPs; broadcasts with the coefficients.
    curve : object with value_and_slope(xp, ln_params)
        ln f, training FLOPs per token, and its derivative; see `accounting.Cost.curve`.

    Returns
    -------
    ndarray
        ln params, exact to 1e-8. Under a law with ``eta``, within a factor of 20 of the same law's
        without; the edge of that range where the loss has no minimum there.

    Raises
    ------
    OptimumError
        No convergence: the cost curve is no smooth increasing function there.
    """
    theta = log_form(np, coefficients)
    shape = np.broadcast_shapes(*map(np.shape, (*theta.values(), log_compute)))
    start = np.broadcast_to(0.5 * (log_compute - np.log(6.0)), shape).copy()
    plain = _root(lambda x: _at_budget(theta, x, log_compute, curve), start, LOWEST, HIGHEST)
    if not changes(theta):
        return plain

    def falling(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        cost, slope = curve.value_and_slope(np, x)
        gap = _Gap(theta, x, log_compute - cost, slope)
        return gap.value, -gap.along

    found = _root(falling, plain, *_within(theta, plain, LOWEST, HIGHEST, WITHIN))
    if not _overfits(theta):
        return found
    lowest = overfitting_optimum.lowest(theta, plain, log_compute, curve)
    return np.where(theta["overfit"] > 0, lowest, found)


def _overfits(theta: Mapping[str, Any]) -> bool:
    """Whether any draw does; of a stack some may."""
    return bool(np.any(np.asarray(theta.get("overfit", 0.0)) > 0))


def _root(falling: Any, start: np.ndarray, lowest: Any, highest: Any, closed: bool = False) -> np.ndarray:
    """Where a function that falls becomes 0: guarded Newton steps from its value and minus its slope.

    NaN where the start is; a step that is NaN elsewhere never counts as converged. With ``closed`` the
    end that it does not pass 0 before.
    """
    undefined = np.isnan(start)
    x, low, high = start, *(np.broadcast_to(end, start.shape) for end in (lowest, highest))
    for _ in range(ITERATIONS):
        gap, rate = falling(x)
        low = np.where(gap > 0, x, low)
        high = np.where(gap > 0, high, x)
        step = gap / rate
        if closed:
            step = np.where(high - low < TOLERANCE, 0.0, step)
        if (undefined | (np.abs(step) < TOLERANCE)).all():
            return np.where(undefined, np.nan, x + step)
        usable = ((x + step > low) & (x + step < high)) | (np.abs(step) < TOLERANCE)
        x = np.where(usable, x + step, 0.5 * (low + high))
    raise OptimumError(
        "the compute-optimal params were not found: the cost curve is not smooth and increasing, or the "
        f"optimum lies outside e^{LOWEST:g} to e^{HIGHEST:g} params"
    )


def _within(
    theta: Mapping[str, Any], plain: np.ndarray, lowest: float, highest: float, within: float
) -> tuple[Any, Any, bool]:
    """Ends between which the optimum is looked for, and whether they may be the answer.

    With ``eta`` far from the pivots, one term may rise: the loss has a minimum near the plain law's only.
    """
    if "eta" not in theta:
        return lowest, highest, False
    return plain - within, plain + within, True


def _at_budget(
    theta: Mapping[str, Any], x: np.ndarray, log_compute: np.ndarray, curve: Any
) -> tuple[np.ndarray, np.ndarray]:
    cost, slope = curve.value_and_slope(np, x)
    return _gap(theta, x, log_compute - cost, slope), theta["alpha"] + slope * theta["beta"]


class _Gap:
    """`_gap` between terms that see effective sizes, and its slopes.

    Attributes
    ----------
    value : ndarray
        Infinite where fewer tokens would be worth more.
    along, of_tokens : ndarray
        Slope with ln params along the budget, its cost curve straight; with ln tokens.
    price : ndarray
        What the slope along gains for each unit of the cost curve's bend.
    """

    def __init__(
        self, theta: Mapping[str, Any], x: np.ndarray, log_tokens: np.ndarray, rise: np.ndarray
    ) -> None:
        at = path(theta, x, log_tokens, rise)
        usual = at.tokens_fall > 0
        fall = np.where(usual, at.tokens_fall, 1.0)
        slope = np.exp(at.log_slope) * theta["alpha"]
        price = np.exp(at.log_price) * theta["beta"]
        gain = np.log(theta["alpha"]) + at.log_slope + theta["log_A"] - theta["alpha"] * at.params
        lost = np.log(fall * theta["beta"]) + at.log_price + theta["log_B"] - theta["beta"] * at.tokens
        self.value = np.where(usual, gain - lost, np.where(at.tokens_fall < rise, np.inf, -np.inf))
        self.along = at.curve - slope + at.tokens_curve / fall - price * fall
        self.of_tokens = price + at.tokens_turn / fall
        self.price = -1 / fall


def _gap(theta: Mapping[str, Any], x: np.ndarray, log_tokens: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """ln of the marginal gain of params over that of tokens; falls through 0 at the optimum."""
    gain = np.log(theta["alpha"]) + theta["log_A"] - theta["alpha"] * x
    price = np.log(slope * theta["beta"]) + theta["log_B"] - theta["beta"] * log_tokens
    return np.asarray(gain - price)


def exponent(
    coefficients: Mapping[str, np.ndarray], log_params: np.ndarray, curve: Any, log_compute: np.ndarray
) -> np.ndarray:
    """d ln N* / d ln C at an optimum, beta / (alpha + s beta + d ln s / d ln N) if terms see N and D.

    Under C = 6ND it is beta / (alpha + beta). That of tokens is 1 - s times it.
    """
    theta = log_form(np, coefficients)
    cost, slope = curve.value_and_slope(np, log_params)
    if not changes(theta):
        turn = curve.bend(np, log_params) / slope
        return np.asarray(theta["beta"] / (theta["alpha"] + slope * theta["beta"] + turn))
    if "overfit" in theta:
        return overfitting_optimum.exponent(theta, log_params, log_compute - cost, slope, curve)
    gap = _Gap(theta, log_params, log_compute - cost, slope)
    return np.asarray(-gap.of_tokens / (gap.along + curve.bend(np, log_params) * gap.price))


def optimal_log_tokens(
    coefficients: Mapping[str, np.ndarray], log_params: np.ndarray, curve: Any
) -> np.ndarray:
    """ln D at which the given ln N is compute-optimal."""
    theta = log_form(np, coefficients)
    slope = curve.slope(np, log_params)
    plain = np.asarray(_gap(theta, log_params, np.zeros(()), slope) / -theta["beta"])
    if not changes(theta):
        return plain

    def falling(log_tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gap = _Gap(theta, log_params, log_tokens, slope)
        return -gap.value, gap.of_tokens

    plain = np.clip(plain, *TOKENS)
    found = _root(falling, plain, *_within(theta, plain, *TOKENS, 2 * WITHIN))
    if not _overfits(theta):
        return found
    return np.where(theta["overfit"] > 0, overfitting_optimum.suited(theta, log_params, plain, slope), found)


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
    if changes(theta):
        return _cheapest_effective(coefficients, loss, curve)
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
        x = moved
        slope = curve.slope(np, np.nan_to_num(moved))
    raise OptimumError("the cheapest params for that loss were not found: the cost curve is not smooth")


def _cheapest_effective(coefficients: Mapping[str, np.ndarray], loss: np.ndarray, curve: Any) -> np.ndarray:
    """By bisection of the budget: the loss at its optimum falls, with overfitting up to some budget."""
    theta = log_form(np, coefficients)

    def best(log_compute: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = optimal_log_params(coefficients, log_compute, curve)
        return x, np.exp(log_loss(np, x, log_compute - curve.value(np, x), theta))

    shape = np.broadcast_shapes(*map(np.shape, (*theta.values(), loss)))
    low, high = (np.full(shape, end) for end in COMPUTE)
    if "overfit" in theta:
        low, high = overfitting_optimum.first_below(lambda at: best(at)[1], loss, low, high)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        above = best(middle)[1] > loss
        low = np.where(above, middle, low)
        high = np.where(above, high, middle)
    x, reached = best(high)
    return np.where(reached < loss * (1 + 1e-6), x, np.nan)
