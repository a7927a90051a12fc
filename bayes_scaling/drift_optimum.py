"""The compute-optimal params where the law drifts, for all draws at once.

With a drift the loss at a budget may have several minima. The lowest is looked for on a grid of ln params
at fixed places, where the drift is one product of matrices; then each draw's is found to the digit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_scaling import optimum
from bayes_scaling.laws import log_form, log_loss

STEP = 0.35  # of the grid, less than a box of the drift
WITHIN = 7  # steps of the optimum that the draw's law has by itself: a factor of 11
NUDGE = 1e-4
TOLERANCE = 1e-9  # of ln params


def optimal_log_params(values: Mapping[str, Any], log_compute: np.ndarray, curve: Any) -> np.ndarray:
    """ln N that minimises the drifting loss at N and C / f(N).

    Parameters
    ----------
    values : mapping
        Coefficients (chain, draw, 1) or numbers, and ``drift``, a `bayes_scaling.drift.Drift`.
    log_compute : ndarray (budget,)
    curve : object with value_and_slope(xp, ln_params)
        As for `optimum.optimal_log_params`.

    Returns
    -------
    ndarray (chain, draw, budget)
        The lowest minimum within a factor of 11 of what the draw's law would choose without its drift (of
        two whose losses are equal to 1e-4, either); the edge of that range where there is none.
    """
    law = {name: value for name, value in values.items() if name != "drift"}
    alone = optimum.optimal_log_params(law, log_compute, curve)
    first, last = (np.floor(end / STEP).astype(int) for end in (alone.min((0, 1)), alone.max((0, 1))))
    found = np.empty(alone.shape)
    theta = log_form(np, law)
    for i, compute in enumerate(log_compute):
        grid = STEP * np.arange(first[i] - WITHIN, last[i] + WITHIN + 2)
        tokens = compute - curve.value(np, grid)
        level = log_loss(np, grid, tokens, theta) + values["drift"](grid, tokens)
        level[np.abs(grid - alone[..., i, None]) > WITHIN * STEP] = np.inf
        found[..., i] = grid[_lowered(level).argmin(-1)]
    return refine(values, np.broadcast_to(log_compute, found.shape), curve, found)


def _lowered(level: np.ndarray) -> np.ndarray:
    """The values at the lowest points of the parabolas through each three (..., point)."""
    left, middle, right = level[..., :-2], level[..., 1:-1], level[..., 2:]
    inside = (middle <= left) & (middle <= right) & np.isfinite(left + right)
    left, middle, right = (np.where(inside, side, 0.0) for side in (left, middle, right))
    dip = (right - left) ** 2 / (8 * np.where(inside, left - 2 * middle + right, 1.0))
    lowered = level.copy()
    lowered[..., 1:-1] -= dip
    return lowered


def refine(values: Mapping[str, Any], log_compute: np.ndarray, curve: Any, start: np.ndarray) -> np.ndarray:
    """The minimum next to a start, both (chain, draw, ...); the start where there is none within a step."""
    from scipy.optimize import elementwise

    slope = _Slope(values, curve, start.shape)
    x, compute, index = start.ravel(), log_compute.ravel(), slope.index.ravel()
    falling = slope(x, index, compute) < 0
    bracket = (np.where(falling, x, x - STEP), np.where(falling, x + STEP, x))
    tolerances = {"xatol": TOLERANCE, "xrtol": 0.0, "fatol": 0.0, "frtol": 0.0}
    found = elementwise.find_root(slope, bracket, args=(index, compute), tolerances=tolerances)
    return np.where(found.success, found.x, x).reshape(start.shape)


def exponent(
    values: Mapping[str, Any], log_params: np.ndarray, curve: Any, log_compute: np.ndarray
) -> np.ndarray:
    """d ln N* / d ln C at an optimum (chain, draw, budget), from the slope of ln L being 0 along it."""
    slope = _Slope(values, curve, log_params.shape)

    def at(x: np.ndarray, compute: np.ndarray) -> np.ndarray:
        return slope(x, slope.index, np.broadcast_to(compute, x.shape))

    along_compute = at(log_params, log_compute + NUDGE) - at(log_params, log_compute - NUDGE)
    along_params = at(log_params + NUDGE, log_compute) - at(log_params - NUDGE, log_compute)
    return np.asarray(-along_compute / along_params)


class _Slope:
    """d ln L / d ln N at a fixed budget, of draws by their index."""

    def __init__(self, values: Mapping[str, Any], curve: Any, shape: tuple[int, ...]) -> None:
        self.drift, self.curve = values["drift"], curve
        draws = shape[:2]
        law = {name: value for name, value in values.items() if name != "drift"}
        theta = log_form(np, law)
        self.theta = {
            name: np.broadcast_to(value, (*draws, 1)).ravel() if np.ndim(value) else value
            for name, value in theta.items()
        }
        flat = np.arange(draws[0] * draws[1]).reshape(*draws, *(1 for _ in shape[2:]))
        self.index = np.broadcast_to(flat, shape)

    def __call__(self, x: np.ndarray, index: np.ndarray, log_compute: np.ndarray) -> np.ndarray:
        theta = {name: value[index] if np.ndim(value) else value for name, value in self.theta.items()}
        cost, rise = self.curve.value_and_slope(np, x)
        log_tokens = log_compute - cost
        of_params = theta["log_A"] - theta["alpha"] * x
        of_tokens = theta["log_B"] - theta["beta"] * log_tokens
        inner = np.logaddexp(of_params, of_tokens)
        reducible = theta["gamma"] * (inner)
        weight = theta["gamma"] * np.exp(reducible - np.logaddexp(theta["log_E"], reducible))
        share = np.exp(of_params - inner)
        law = weight * ((1 - share) * rise * theta["beta"] - share * theta["alpha"])
        _, along_params, along_tokens = self.drift.each(index, x, log_tokens)
        return np.asarray(law + along_params - rise * along_tokens)
