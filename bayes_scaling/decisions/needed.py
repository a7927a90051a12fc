"""The tokens that params need for a loss, followed from the cheapest training run, for all draws at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bayes_scaling.surface import Surface

STEP = 0.15  # e-folds of params
SMALLER, LARGER = 34, 4  # steps from the cheapest run
ITERATIONS, TOLERANCE = 8, 1e-9  # of ln loss
NUDGE, JUMP = 1e-4, 1.0  # e-folds of tokens
MOST = float(np.log(1e30))


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
        Round it, sorted by params; ln tokens are infinite where the params are too few for the loss.
    """

    surface: Surface
    loss: float
    cheapest: np.ndarray
    cheapest_tokens: np.ndarray
    log_params: np.ndarray
    log_tokens: np.ndarray

    def around(self, log_params: np.ndarray, start: np.ndarray, step: float) -> Contour:
        """A finer contour, five points ``step`` apart, round ln params (draw,), tokens next to a start."""
        points = log_params[:, None] + step * np.arange(-2, 3)
        tokens = [self.tokens_at(x, start) for x in points.T]
        return replace(self, log_params=points, log_tokens=np.stack(tokens, axis=-1))

    def tokens_at(self, log_params: np.ndarray, start: np.ndarray) -> np.ndarray:
        """ln tokens (draw,) that ln params need, next to a start."""
        return needed(self.surface, self.loss, log_params, start)


def contour(surface: Surface, loss: float, curve: object) -> Contour:
    """Runs of a loss, from 160 times fewer to 1.8 times more params than the cheapest training has."""
    x, d = (part.reshape(-1) for part in surface.cheapest(np.array([loss]), curve))
    d = needed(surface, loss, x, d)
    down, up = ([d], [d])
    for found, side, count in ((down, -1, SMALLER), (up, 1, LARGER)):
        for i in range(1, count + 1):
            found.append(needed(surface, loss, x + side * i * STEP, _guess(found)))
    offsets = STEP * np.arange(-SMALLER, LARGER + 1)
    tokens = np.stack([*down[:0:-1], *up], axis=-1)
    return Contour(surface, loss, x, d, x[:, None] + offsets, tokens)


def _guess(found: list[np.ndarray]) -> np.ndarray:
    """The straight way on from the last two; infinite where the last is."""
    with np.errstate(invalid="ignore"):
        guess = 2 * found[-1] - found[max(len(found) - 2, 0)]
    return np.where(np.isfinite(found[-1]), guess, found[-1])


def needed(surface: Surface, loss: float, log_params: np.ndarray, start: np.ndarray) -> np.ndarray:
    """ln tokens (draw,) at which ln params reach a loss, by Newton's method from a start.

    Infinite where the loss no longer falls on the way, or only beyond 1e30 tokens.
    """
    d, lost = start.copy(), ~np.isfinite(start)
    d[lost] = 0.0
    gap = np.full(d.shape, np.inf)
    for _ in range(ITERATIONS):
        gap, slope = _gap(surface, loss, log_params, d)
        lost |= ~(slope < 0) & (gap > TOLERANCE)
        open_ = ~lost & (np.abs(gap) > TOLERANCE)
        if not open_.any():
            break
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.clip(np.where(slope < 0, -gap / slope, 0.0), -JUMP, JUMP)
        d = np.where(open_, np.minimum(d + step, MOST), d)
    reached = np.abs(gap) < np.sqrt(TOLERANCE)
    return np.where(np.isnan(log_params), np.nan, np.where(reached & ~lost, d, np.inf))


def _gap(surface: Surface, loss: float, x: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ln of the loss over the one wanted, and its slope with ln tokens."""
    at = np.stack([d, d + NUDGE], axis=-1)
    shape = np.broadcast_shapes(*(np.shape(value) for value in surface.values.values()))[:2]
    points = (part.reshape(*shape, 2) for part in (np.broadcast_to(x[:, None], at.shape), at))
    level = np.log(surface.loss(*map(np.exp, points))).reshape(-1, 2) - np.log(loss)
    return level[:, 0], (level[:, 1] - level[:, 0]) / NUDGE
