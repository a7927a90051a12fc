"""Draws of the walks: by products at points that all draws share, from cubics at each draw's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from bayes_scaling.laws.drift import KNOTS, PLAIN, STEP, TARGETS, WALKS, Shifts, knot_values, knots_reached

END = KNOTS + 2  # two knots without a turn close each side: beyond them a walk is straight


class Cubic(NamedTuple):
    """Value, slope and turn of one walk along its own coordinate, at points."""

    value: np.ndarray
    slope: np.ndarray
    turn: np.ndarray


class Axis(NamedTuple):
    """The walks of one coordinate.

    Attributes
    ----------
    along : tuple of float
        The coordinate in ln params and ln tokens.
    start : float
        The walks start at this coordinate.
    targets : tuple of int
        Each walk is added to one of `Shifts`.
    table : ndarray (draw x knot, walk x 4)
        Value, slope, turn and the turn's rate rightwards from each knot.
    """

    along: tuple[float, float]
    start: float
    targets: tuple[int, ...]
    table: np.ndarray


@dataclass(frozen=True, eq=False)
class Drift:
    """Draws of the walks of one architecture at one context length.

    Attributes
    ----------
    weights : ndarray (chain, draw, walk, knot)
        Turn of the slope per root e-fold; walks are `laws.drift.PLAIN`, knots `laws.drift.NUMBERS`.
    reference : tuple of float
        ln params and ln tokens of the centre.
    start : ndarray (walk,)
        Each of `laws.drift.WALKS` starts at this coordinate; see `laws.drift.origins`.
    """

    weights: np.ndarray
    reference: tuple[float, float]
    start: np.ndarray

    def __call__(self, log_params: np.ndarray, log_tokens: np.ndarray) -> Shifts:
        """At points (point,) that all draws share: (chain, draw, point) each."""
        n, d = np.broadcast_arrays(log_params - self.reference[0], log_tokens - self.reference[1])
        knots = knots_reached(n, d, PLAIN, self.start)
        walk = np.searchsorted(PLAIN, knots[:, 0])
        number = knots[:, 1]
        target = np.array([WALKS[i].target for i in knots[:, 0]], dtype=int)
        basis = knot_values(n, d, knots, start=self.start).astype(self.weights.dtype)
        found = []
        for own in (target == t for t in range(TARGETS)):
            chosen = self.weights[:, :, walk[own], number[own] + KNOTS]
            found.append(chosen @ basis[:, own].T)
        return Shifts(*found)

    def each(self, index: np.ndarray, log_params: np.ndarray, log_tokens: np.ndarray) -> Shifts:
        """At points of each draw's own.

        Parameters
        ----------
        index : ndarray of int
            Of the draw, all chains in a row; broadcasts with the points.
        """
        total: list[Any] = [0.0] * TARGETS
        for axis, walks in self.along(index, log_params, log_tokens):
            for target, walk in zip(axis.targets, walks, strict=True):
                total[target] = total[target] + walk.value
        return Shifts(*total)

    def along(
        self, index: np.ndarray, log_params: np.ndarray, log_tokens: np.ndarray
    ) -> Iterator[tuple[Axis, list[Cubic]]]:
        """Each coordinate, and its walks with their derivatives along it, at points of each draw's own."""
        n = log_params - self.reference[0]
        d = log_tokens - self.reference[1]
        first = index * (2 * END + 1) + END
        for axis in self._axes:
            x = np.nan_to_num(axis.along[0] * n + axis.along[1] * d - axis.start)
            knot = np.clip(np.floor(x * (1 / STEP)), -END, END).astype(np.intp)
            inside = x - knot * STEP
            rows = axis.table.take(first + knot, axis=0)
            yield axis, [_at(rows[..., 4 * i : 4 * i + 4], inside) for i in range(len(axis.targets))]

    @cached_property
    def _axes(self) -> list[Axis]:
        cubics = _cubics(self.weights.reshape(-1, *self.weights.shape[2:]))
        found = []
        walks = [WALKS[i] for i in PLAIN]
        starts = self.start[list(PLAIN)]
        for along in dict.fromkeys(walk.along for walk in walks):
            own = [i for i, walk in enumerate(walks) if walk.along == along]
            table = cubics[:, own].transpose(0, 2, 1, 3).reshape(-1, 4 * len(own))
            targets = tuple(walks[i].target for i in own)
            found.append(Axis(along, float(starts[own[0]]), targets, np.ascontiguousarray(table)))
        return found


def _at(row: np.ndarray, inside: np.ndarray) -> Cubic:
    """The cubic of a table's row (..., 4) at a distance from its knot."""
    value, slope, turn, rate = np.moveaxis(row, -1, 0)
    turned = rate * inside
    return Cubic(
        value + inside * (slope + inside * (0.5 * turn + turned / 6)),
        slope + inside * (turn + 0.5 * turned),
        turn + turned,
    )


def _cubics(weights: np.ndarray) -> np.ndarray:
    """Value, slope, turn and its rate rightwards at each knot: (draw, walk, knot, 4)."""
    turn = np.pad(weights.astype(float) / np.sqrt(STEP), [(0, 0), (0, 0), (2, 2)])
    left = turn[..., :-1]
    right = turn[..., 1:]
    slope = _from_centre(STEP * 0.5 * (left + right))
    value = _from_centre(STEP * slope[..., :-1] + STEP**2 * (left / 3 + right / 6))
    rate = np.pad((right - left) / STEP, [(0, 0), (0, 0), (0, 1)])
    return np.stack([value, slope, turn, rate], axis=-1)


def _from_centre(gains: np.ndarray) -> np.ndarray:
    """What gains from knot to knot add up to, 0 at the centre."""
    total = np.pad(np.cumsum(gains, axis=-1), [(0, 0), (0, 0), (1, 0)])
    return np.asarray(total - total[..., END : END + 1])
