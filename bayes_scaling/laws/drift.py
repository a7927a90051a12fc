"""The law's structural misfit: a drift of ln L that grows away from the runs.

For each architecture ln L = ln law + f, where f is a sum over four directions in (ln params, ln tokens) of
integrated random walks that start, with value and slope 0, at the centre of the runs. The slope along a
direction turns within each box of `STEP` e-folds by a normal amount and keeps it. How much per root e-fold,
``drift_scale``, is learnt from the runs. Far from them f neither falls back to 0 nor runs off faster than a
random walk of the local exponents.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

Array = Any
HALF = float(np.sqrt(0.5))
DIRECTIONS = {"params": (1.0, 0.0), "tokens": (0.0, 1.0), "ratio": (-HALF, HALF), "compute": (HALF, HALF)}
STEP = 0.8  # e-folds
BOXES = 24  # on each side: 8 decades; beyond, the slope stays


def coordinates(log_params: Array, log_tokens: Array) -> Array:
    """Coordinates (..., direction) of relative ln params and ln tokens."""
    return np.stack([u * log_params + v * log_tokens for u, v in DIRECTIONS.values()], axis=-1)


def box_values(log_params: np.ndarray, log_tokens: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """What a weight of 1 (of ln L, per e-fold and root e-fold) in each box adds to ln L.

    Parameters
    ----------
    log_params, log_tokens : ndarray (...)
        Relative to the centre.
    boxes : ndarray of int (box, 3)
        Direction, side (0 above, 1 below the centre) and number of each.

    Returns
    -------
    ndarray (..., box)
    """
    direction, side, number = boxes.T
    x = coordinates(log_params, log_tokens)[..., direction] * np.where(side == 0, 1.0, -1.0)
    inside = np.maximum(x - number * STEP, 0.0)
    turned = np.where(inside < STEP, 0.5 * inside**2, STEP * (inside - 0.5 * STEP))
    return np.asarray(turned / np.sqrt(STEP))


def boxes_reached(log_params: np.ndarray, log_tokens: np.ndarray) -> np.ndarray:
    """The boxes (box, 3) that any of the runs reaches."""
    x = coordinates(log_params, log_tokens).reshape(-1, len(DIRECTIONS))
    far = np.stack([x.max(0), (-x).max(0)], axis=1)
    counts = np.clip(np.ceil(far / STEP), 0, BOXES).astype(int)
    return np.array(
        [(i, s, k) for i in range(len(DIRECTIONS)) for s in (0, 1) for k in range(counts[i, s])], dtype=int
    ).reshape(-1, 3)


@dataclass(frozen=True, eq=False)
class Drift:
    """Draws of f for one architecture.

    Attributes
    ----------
    weights : ndarray (chain, draw, direction, side, box)
        Turn of the slope per root e-fold.
    reference : tuple of float
        ln params and ln tokens of the centre.
    """

    weights: np.ndarray
    reference: tuple[float, float]

    def __call__(self, log_params: np.ndarray, log_tokens: np.ndarray) -> np.ndarray:
        """F at points that all draws share: (chain, draw, point)."""
        n, d = np.broadcast_arrays(log_params - self.reference[0], log_tokens - self.reference[1])
        boxes = boxes_reached(n, d)
        direction, side, number = boxes.T
        basis = box_values(n, d, boxes).astype(self.weights.dtype)
        return np.asarray(self.weights[:, :, direction, side, number] @ basis.T)

    def each(
        self, index: np.ndarray, log_params: np.ndarray, log_tokens: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """F, df / d ln params and df / d ln tokens where each draw has points of its own.

        Parameters
        ----------
        index : ndarray of int
            Of the draw, all chains in a row; broadcasts with the points.
        """
        n = log_params - self.reference[0]
        d = log_tokens - self.reference[1]
        total = np.zeros((3, *np.broadcast_shapes(np.shape(index), np.shape(n), np.shape(d))))
        for i, (u, v) in enumerate(DIRECTIONS.values()):
            value, slope, _ = self._along(i, index, np.asarray(u * n + v * d))
            for part, gain in zip(total, (value, u * slope, v * slope), strict=True):
                part += gain
        return total[0], total[1], total[2]

    def along(
        self, index: np.ndarray, log_params: np.ndarray, log_tokens: np.ndarray, rise: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Derivatives of f along lines of d ln tokens / d ln params = -rise.

        The first, the second, and that of the first with ln tokens.
        """
        n = log_params - self.reference[0]
        d = log_tokens - self.reference[1]
        total = np.zeros((3, *np.broadcast_shapes(np.shape(index), np.shape(n), np.shape(d))))
        for i, (u, v) in enumerate(DIRECTIONS.values()):
            _, slope, turn = self._along(i, index, np.asarray(u * n + v * d))
            gain = u - v * rise
            for part, more in zip(total, (slope, gain * turn, v * turn), strict=True):
                part += gain * more
        return total[0], total[1], total[2]

    def _along(
        self, direction: int, index: np.ndarray, x: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Value, slope and turn at coordinates of one direction."""
        below = x < 0
        out = np.abs(x)
        box = np.minimum(np.nan_to_num(out) * (1 / STEP), BOXES).astype(np.intp)
        at = ((index * len(DIRECTIONS) + direction) * 2 + below) * (BOXES + 1) + box
        value, slope, turn = np.moveaxis(self._tables.take(at, axis=0), -1, 0)
        inside = out - box * STEP
        outwards = slope + turn * inside
        return value + (slope + 0.5 * turn * inside) * inside, np.where(below, -outwards, outwards), turn

    @cached_property
    def _tables(self) -> np.ndarray:
        """Value, slope and turn at the inner edge of each box, outwards from the centre; one box more."""
        turns = self.weights.astype(float) / np.sqrt(STEP)
        turns = np.concatenate([turns, np.zeros((*turns.shape[:-1], 1))], axis=-1)
        slopes = np.cumsum(STEP * turns, axis=-1) - STEP * turns
        gains = STEP * slopes + 0.5 * STEP**2 * turns
        return np.stack([np.cumsum(gains, axis=-1) - gains, slopes, turns], axis=-1).reshape(-1, 3)


def all_boxes(
    boxes: np.ndarray, reached: np.ndarray, scale: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Weights (..., direction, side, box) of all boxes, from those reached; the others are the prior's.

    Parameters
    ----------
    boxes : ndarray of int (box, 3)
        Those reached.
    reached : ndarray (..., box)
    scale : ndarray (...)
        The drift's.
    """
    full = (
        rng.standard_normal((*reached.shape[:-1], len(DIRECTIONS), 2, BOXES)) * scale[..., None, None, None]
    )
    direction, side, number = boxes.T
    full[..., direction, side, number] = reached
    return full
