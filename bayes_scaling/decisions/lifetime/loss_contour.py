"""The params that tokens need for a loss, followed from the cheapest training run, for all draws at once.

Runs of one loss are followed along their tokens. Along their params they could not be: near the fewest that
reach the loss at all the tokens rise without end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bayes_scaling.laws.surface import Surface

STEP = 0.2  # e-folds of tokens
FEWER, MORE = 2, 100  # steps from the cheapest run
ITERATIONS = 10
TOLERANCE = 1e-10  # of ln loss
NUDGE = 1e-4  # e-folds of params, for a slope
JUMP = 1.0  # e-folds of params that a step may take at most


@dataclass(frozen=True, eq=False)
class Contour:
    """Runs that reach a loss.

    Attributes
    ----------
    surface : Surface
    loss : float
    cheapest, cheapest_tokens : ndarray (draw,)
        ln params and ln tokens of the cheapest training; NaN where none reaches the loss.
    log_params, log_tokens : ndarray (draw, point)
        Round it, sorted by tokens; ln params are infinite where the tokens are too few for the loss.
    """

    surface: Surface
    loss: float
    cheapest: np.ndarray
    cheapest_tokens: np.ndarray
    log_params: np.ndarray
    log_tokens: np.ndarray

    def around(self, log_tokens: np.ndarray, start: np.ndarray, offsets: np.ndarray) -> Contour:
        """The contour at offsets (point,) from ln tokens (draw,), params next to a start."""
        points = log_tokens[:, None] + offsets
        params = [needed(self.surface, self.loss, d, start) for d in points.T]
        return replace(self, log_tokens=points, log_params=np.stack(params, axis=-1))


def contour(surface: Surface, loss: float, curve: object) -> Contour:
    """Runs of a loss, from 1.5 times fewer to 500 million times more tokens than the cheapest has."""
    log_params, log_tokens = surface.cheapest(np.array([loss]), curve)
    d = log_tokens.reshape(-1)
    x = needed(surface, loss, d, log_params.reshape(-1))
    fewer = [x]
    more = [x]
    for found, side, count in ((fewer, -1, FEWER), (more, 1, MORE)):
        for i in range(1, count + 1):
            found.append(needed(surface, loss, d + side * i * STEP, _guess(found)))
    offsets = STEP * np.arange(-FEWER, MORE + 1)
    params = np.stack([*fewer[:0:-1], *more], axis=-1)
    return Contour(surface, loss, x, d, params, d[:, None] + offsets)


def _guess(found: list[np.ndarray]) -> np.ndarray:
    """The straight way on from the last two; infinite where the last is."""
    with np.errstate(invalid="ignore"):
        guess = 2 * found[-1] - found[max(len(found) - 2, 0)]
    return np.where(np.isfinite(found[-1]), guess, found[-1])


def needed(surface: Surface, loss: float, log_tokens: np.ndarray, start: np.ndarray) -> np.ndarray:
    """ln params (draw,) with which ln tokens reach a loss, by Newton's method from a start.

    Infinite where the loss no longer falls on the way.
    """
    x = start.copy()
    lost = ~np.isfinite(start)
    x[lost] = 0.0
    gap = np.full(x.shape, np.inf)
    for _ in range(ITERATIONS):
        gap, slope = _gap(surface, loss, x, log_tokens)
        lost |= ~(slope < 0) & (gap > TOLERANCE)
        open_ = ~lost & (np.abs(gap) > TOLERANCE)
        if not open_.any():
            break
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.clip(np.where(slope < 0, -gap / slope, 0.0), -JUMP, JUMP)
        x = np.where(open_, x + step, x)
    reached = np.abs(gap) < np.sqrt(TOLERANCE)
    return np.where(np.isnan(log_tokens), np.nan, np.where(reached & ~lost, x, np.inf))


def _gap(surface: Surface, loss: float, x: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ln of the loss over the one wanted, and its slope with ln params."""
    at = np.stack([x, x + NUDGE], axis=-1)
    draws = np.broadcast_shapes(*(np.shape(value) for value in surface.values.values()))[:2]
    params = np.exp(at.reshape(*draws, 2))
    tokens = np.exp(np.broadcast_to(d[:, None], at.shape).reshape(*draws, 2))
    level = np.log(surface.loss(params, tokens)).reshape(-1, 2) - np.log(loss)
    return level[:, 0], (level[:, 1] - level[:, 0]) / NUDGE
