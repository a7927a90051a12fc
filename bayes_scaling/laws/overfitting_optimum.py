"""Optima of laws that overfit: the loss at a budget may have several minima, a larger budget may be worse.

The plain law's optimum, without repetition, is where the search begins; it goes some e-folds to either side
in steps, and the lowest place is then found to the digit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bayes_scaling.laws.law import log_loss
from bayes_scaling.laws.law_rates import law_rates
from bayes_scaling.laws.roots import bracketed_root

WITHIN = 6.0  # of ln params or ln tokens, on either side of the plain law's
STEP = 0.4
REACHED = WITHIN - STEP  # an optimum beyond lies at the end of its search
PLACES = 40  # tried between the ends of ln tokens
BUDGETS = 0.6  # of ln compute, between the budgets that are tried for a loss
THIRDS = 30  # to 1e-5 of ln compute
ONCE = 1e-7  # of ln tokens, within which they are the unique ones
TOLERANCE = 1e-10  # of ln params and ln tokens
FLAT = 1e-8  # slope of ln L, below which the loss is as good as flat
Theta = Mapping[str, Any]


def lowest(theta: Theta, plain: np.ndarray, log_compute: np.ndarray, curve: Any) -> np.ndarray:
    """ln N of the lowest loss at a budget within `WITHIN` of the plain law's.

    Parameters
    ----------
    theta : mapping
        Of `bayes_scaling.laws.law.log_form`.
    plain, log_compute : ndarray
    curve : object with value_and_slope(xp, ln_params)
    """
    best = plain
    level = np.full(plain.shape, np.inf)
    for move in np.arange(-WITHIN, WITHIN + STEP / 2, STEP):
        x = plain + move
        found = log_loss(np, x, log_compute - curve.value(np, x), theta)
        best = np.where(found < level, x, best)
        level = np.minimum(found, level)

    def slope(x: np.ndarray, here: Theta, compute: np.ndarray) -> np.ndarray:
        cost, rise = curve.value_and_slope(np, x)
        return np.asarray(law_rates(here, x, compute - cost, rise).along)

    return _root(slope, theta, best - STEP, best + STEP, log_compute)


def _root(
    rising: Callable[..., np.ndarray],
    theta: Theta,
    low: np.ndarray,
    high: np.ndarray,
    *others: np.ndarray,
) -> np.ndarray:
    """Where something that rises between two ends becomes 0, by Chandrupatla's method; else the nearer end.

    ``rising`` gets places, the coefficients and the values of ``others`` there, all flat. It may jump.
    """
    flat = {
        name: np.broadcast_to(value, low.shape).ravel() if np.ndim(value) else value
        for name, value in theta.items()
    }
    beside = [np.broadcast_to(other, low.shape).ravel() for other in others]

    def at(x: np.ndarray, index: np.ndarray) -> np.ndarray:
        here = {name: value[index] if np.ndim(value) else value for name, value in flat.items()}
        return rising(x, here, *(other[index] for other in beside))

    ends = low.ravel(), high.ravel()
    index = np.arange(low.size)
    tolerances = {"xatol": TOLERANCE, "xrtol": 0.0, "fatol": 0.0}
    found = bracketed_root(at, *ends, (index,), tolerances)
    first = at(ends[0], index)
    last = at(ends[1], index)
    inside = (first < 0) & (last > 0)
    edge = np.where(last <= 0, ends[1], ends[0])
    return np.asarray(np.where(inside, found.x, edge)).reshape(low.shape)


def exponent(
    theta: Theta, log_params: np.ndarray, log_tokens: np.ndarray, rise: np.ndarray, curve: Any
) -> np.ndarray:
    """d ln N* / d ln C, from the slope of ln L being 0 along it.

    Where the optimum sees each token once, and a second look would harm, it goes on to do so.
    """
    law = law_rates(theta, log_params, log_tokens, rise)
    smooth = -law.turn / (law.bend - curve.bend(np, log_params) * law.of_tokens)
    once = np.abs(log_tokens - theta["log_unique"]) < ONCE
    return np.asarray(np.where(once, 1 / rise, smooth))


def suited(theta: Theta, log_params: np.ndarray, plain: np.ndarray, rise: np.ndarray) -> np.ndarray:
    """ln D of the least budget at which ln N is optimal; NaN where none is, or ln N is none."""
    known = np.isfinite(log_params)
    log_params = np.where(known, log_params, 0.0)
    plain = np.where(known, plain, 0.0)
    rise = np.where(known, rise, 1.0)

    def past(log_tokens: np.ndarray, here: Theta, x: np.ndarray, slope: np.ndarray) -> np.ndarray:
        return -np.asarray(law_rates(here, x, log_tokens, slope).along)

    shape = np.broadcast_shapes(*map(np.shape, (*theta.values(), log_params)))
    low = np.minimum(plain, theta["log_unique"]) - WITHIN
    step = (plain + WITHIN - low) / PLACES
    first = np.full(shape, np.nan)
    for place in range(PLACES + 1):
        at = np.broadcast_to(low + place * step, shape)
        first = np.where(np.isnan(first) & (past(at, theta, log_params, rise) >= -FLAT), at, first)
    lost = np.isnan(first) | ~known
    end = np.where(lost, plain, first)
    return np.where(lost, np.nan, _root(past, theta, end - step, end, log_params, rise))


def first_below(
    best: Callable[[np.ndarray], np.ndarray], loss: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """ln budgets round the least one whose best loss comes down to a loss; else the best."""
    under = low
    over = high
    found = np.zeros(low.shape, dtype=bool)
    place = low
    level = np.full(low.shape, np.inf)
    for at in np.arange(float(low.min()), float(high.max()) + BUDGETS, BUDGETS):
        budget = np.full(low.shape, at)
        here = best(budget)
        new = ~found & (here <= loss)
        under = np.where(new, budget - BUDGETS, under)
        over = np.where(new, budget, over)
        found |= new
        place = np.where(here < level, budget, place)
        level = np.minimum(here, level)
    if found.all():
        return under, over
    lowest_at = _narrowed(best, place - BUDGETS, place + BUDGETS)
    return np.where(found, under, lowest_at - BUDGETS), np.where(found, over, lowest_at)


def _narrowed(best: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where something with one minimum between two ends is least, by thirds."""
    for _ in range(THIRDS):
        left = low + (high - low) / 3
        right = high - (high - low) / 3
        falls = best(left) > best(right)
        low = np.where(falls, left, low)
        high = np.where(falls, high, right)
    return 0.5 * (low + high)
