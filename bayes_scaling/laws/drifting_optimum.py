"""The compute-optimal params where the law drifts, for all draws at once.

With a drift the loss at a budget may have several minima. The lowest is looked for on a grid of ln params
at fixed places, where the drift is one product of matrices; then each draw's is found to the digit. Between
budgets close to each other the optimum is followed (`frontier_nodes`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bayes_scaling.laws import optimum
from bayes_scaling.laws.drift import Shifts, drifted_log_loss
from bayes_scaling.laws.drift_draws import Drift
from bayes_scaling.laws.drift_line import Line
from bayes_scaling.laws.frontier_nodes import follow, nodes
from bayes_scaling.laws.ladder import rung_before
from bayes_scaling.laws.law import log_form
from bayes_scaling.laws.roots import bracketed_root

STEP = 0.3  # of the grid, less than the way between the knots beyond an edge
MOST = 0.7  # of the budgets are nodes, or all are
WITHIN = 8  # steps of the optimum that the draw's law has by itself: a factor of 11
AT_ONCE = 16  # budgets
CLOSE = 1e-7  # of ln compute, to which a budget is searched
Values = Mapping[str, Any]
Falling = Callable[[Line, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def optimal_log_params(values: Values, log_compute: np.ndarray, curve: Any) -> np.ndarray:
    """ln N that minimises the drifting loss at N and C / f(N).

    Parameters
    ----------
    values : mapping
        Coefficients (chain, draw, 1) or numbers, and ``drift``, a `bayes_scaling.laws.drift_draws.Drift`.
    log_compute : ndarray (budget,)
    curve : object with value_and_slope(xp, ln_params)
        As for `optimum.optimal_log_params`.

    Returns
    -------
    ndarray (chain, draw, budget)
        The lowest minimum within a factor of 11 of what the draw's law would choose without its drift (of
        two whose losses are equal to 1e-4, either); the edge of that range where there is none. Among
        budgets that lie close to each other, some are searched so and the others lie between them.
    """
    node = nodes(log_compute)
    if len(node) > MOST * len(log_compute):
        return _searched(values, log_compute, curve)
    return follow(values, log_compute, curve, node, _searched)


def _searched(values: Values, log_compute: np.ndarray, curve: Any) -> np.ndarray:
    """By the grid, for each budget by itself."""
    law = {name: value for name, value in values.items() if name != "drift"}
    alone = optimum.optimal_log_params(law, log_compute, curve)
    theta = {name: np.asarray(value, np.float32)[..., None] for name, value in log_form(np, law).items()}
    parts = [slice(i, i + AT_ONCE) for i in range(0, len(log_compute), AT_ONCE)]
    found = [_search(theta, values["drift"], alone[..., i], log_compute[i], curve) for i in parts]
    return refine(values, log_compute, curve, np.concatenate(found, axis=-1))


def refine(values: Values, log_compute: np.ndarray, curve: Any, start: np.ndarray) -> np.ndarray:
    """The minimum next to a start (chain, draw, ...); the start where there is none within a step."""
    line = Line(values, curve)
    index = line.index(start.shape).ravel()
    compute = np.broadcast_to(log_compute, start.shape).ravel()
    return np.asarray(line.lowest(start.ravel(), index, compute, STEP)).reshape(start.shape)


def where_it_falls(
    line: Line, log_ladder: np.ndarray, optima: np.ndarray, falling: Falling, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The least budget at which something that falls along the frontier comes down to a target.

    Parameters
    ----------
    line : Line
    log_ladder : ndarray (rung,)
        ln compute.
    optima : ndarray (chain, draw, rung)
        ln N* there.
    falling : callable(line, log_params, index, log_compute) -> ndarray (point,)
        Of an optimum, flat.
    target : ndarray (chain, draw, target)

    Returns
    -------
    log_compute, log_params : ndarray (chain, draw, target)
        NaN params where no rung reaches the target; the first rung where it is already below.
    """
    index = line.index(optima.shape)
    compute = np.broadcast_to(log_ladder, optima.shape)
    level = falling(line, optima.ravel(), index.ravel(), compute.ravel()).reshape(optima.shape)
    rung = rung_before(level[..., None, :], target)
    left = np.take_along_axis(optima, rung, axis=-1).ravel()
    right = np.take_along_axis(optima, rung + 1, axis=-1).ravel()

    def lowest(log_compute: np.ndarray, index: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """The lower of the minima next to those of the rungs on either side."""
        first = line.lowest(left, index, log_compute, STEP)
        return line.lower_of(first, right, index, log_compute, STEP)

    def gap(log_compute: np.ndarray, index: np.ndarray, *rest: np.ndarray) -> np.ndarray:
        *starts, target = rest
        return falling(line, lowest(log_compute, index, *starts), index, log_compute) - target

    points = line.index(target.shape).ravel()
    low = log_ladder[rung].ravel()
    high = log_ladder[rung + 1].ravel()
    beside = (points, left, right, target.ravel())
    root = bracketed_root(gap, low, high, beside, {"xatol": CLOSE, "xrtol": 0.0})
    below, above = root.f_bracket
    nearest = np.where(np.abs(below) < np.abs(above), low, high)  # where both ends have one sign
    log_compute = np.where(np.isfinite(root.x), root.x, nearest)
    found = lowest(log_compute, points, left, right)
    reached = (level.min(-1, keepdims=True) <= target).ravel()
    found = np.where(reached, found, np.nan)
    return log_compute.reshape(target.shape), found.reshape(target.shape)


def _search(theta: Values, drift: Drift, alone: np.ndarray, log_compute: np.ndarray, curve: Any) -> Any:
    """Where the loss is lowest on the grid (single precision), and between its points by a parabola."""
    first = np.floor(alone.min((0, 1)) / STEP).astype(int)
    last = np.floor(alone.max((0, 1)) / STEP).astype(int)
    steps = np.arange((last - first).max() + 2 * WITHIN + 2) - WITHIN
    grid = STEP * (first[:, None] + steps)
    tokens = log_compute[:, None] - curve.value(np, grid)
    n = grid.astype(np.float32)
    d = tokens.astype(np.float32)
    shape = (*drift.weights.shape[:2], *grid.shape)
    shifts = Shifts(*(part.reshape(shape) for part in drift(grid.ravel(), tokens.ravel())))
    level = drifted_log_loss(np, n, d, theta, shifts)
    level[np.abs(n - alone[..., None].astype(np.float32)) > WITHIN * STEP] = np.inf
    return _vertex(grid, level)


def _vertex(grid: np.ndarray, level: np.ndarray) -> np.ndarray:
    """The lowest point (chain, draw, budget) of the parabolas through each three (..., budget, point)."""
    left = level[..., :-2]
    middle = level[..., 1:-1]
    right = level[..., 2:]
    inside = (middle <= left) & (middle <= right) & np.isfinite(left + right)
    left = np.where(inside, left, 0)
    middle = np.where(inside, middle, 0)
    right = np.where(inside, right, 0)
    bend = np.where(inside, left - 2 * middle + right, 1)
    bend = np.where(bend > 0, bend, 1)
    lowered = level.copy()
    shift = np.zeros_like(level)
    lowered[..., 1:-1] -= (right - left) ** 2 / (8 * bend)
    shift[..., 1:-1] = (left - right) / (2 * bend)
    at = lowered.argmin(-1)
    return np.asarray(
        grid[np.arange(len(grid)), at] + STEP * np.take_along_axis(shift, at[..., None], -1)[..., 0]
    )
