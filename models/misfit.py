"""The walks and the offsets: which weights they have, and what a weight adds where.

The weights have standard normal priors; a walk's are multiplied by its scale. `weights` integrates
them out and draws them; for that the law is taken as straight near the walks that were found before. Draws
need a Cholesky factor at each step of the sampler, of sums over all runs that change with the law only by how
much either term adds to ln L. `Systems` holds the sums where that was settled; a step scales them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from bayes_scaling.laws.drift import LEARNT, LOSS, TARGETS, WALKS, knot_values, knots_reached

Array = Any
OFFSET = 0.01  # of ln L: recipes and seeds of one laboratory differ by some tenths of a per cent to 2%
SCALE_NAMES = tuple(f"drift_{WALKS[i].name}" for i in LEARNT)


class Systems(NamedTuple):
    """Sums over the runs of each column, from which the weights' normal equations are made.

    They are taken at gains g, the walks' scales and sigma 1, with P the runs' precisions and B what weights
    of 1 add to ln L.

    Attributes
    ----------
    reference : array (2, column, slot)
        P g / sum(P g^2) of either term: the sum of its product with other gains says how many times g they
        are, by least squares.
    scores : array (column, slot, weight)
        P B: a residual's product with it is B^T P r.
    gram : array (column, weight, weight)
        B^T P B.
    """

    reference: Array
    scores: Array
    gram: Array


@dataclass(frozen=True)
class Misfit:
    """What the weights add, and the noise that the runs have round it.

    Attributes
    ----------
    knots : ndarray of int (knot, 2)
        Runs reach them; see `bayes_scaling.laws.drift.knot_values`.
    levels : tuple of (str, str)
        Each offset has a column and a value.
    basis : ndarray (column, slot, weight)
        A weight of 1 adds this to its target at a scale of 1; the knots come first, then the offsets.
    blocks : tuple of tuple of int
        The columns of an architecture share their walks.
    precision : array (column, slot)
        A run's noise has this precision over that of its column's sigma; a free slot has 0.
    walked : array (2, column, slot)
        The terms' walks near which the law is taken as straight; 0 before they are settled.
    systems : Systems
        At the gains that the law had when they were settled; at gains of 1 before.
    degrees : float
        The Student-t whose precisions these are has so many; they are infinite before they are settled.
    """

    knots: np.ndarray
    levels: tuple[tuple[str, str], ...]
    basis: np.ndarray
    blocks: tuple[tuple[int, ...], ...]
    precision: Array
    walked: Array
    systems: Systems
    degrees: float = np.inf

    @property
    def shape(self) -> tuple[int, int]:
        """Blocks and weights of each."""
        return len(self.blocks), self.basis.shape[-1]

    @property
    def settled(self) -> dict[str, Array]:
        """What is settled before sampling and sampling needs, by name: data of what is compiled."""
        return {"walked": self.walked} | self.systems._asdict()

    def with_settled(self, walked: Array, **systems: Array) -> Misfit:
        """The same with other arrays for `settled`."""
        return replace(self, walked=walked, systems=Systems(**systems))

    @cached_property
    def of_scale(self) -> np.ndarray:
        """Whether each weight has a walk's scale, or in the last row 1: (scale + 1, weight)."""
        none = np.full(len(self.levels), -1)
        owner = np.concatenate([self.knots[:, 0], none])
        return np.asarray(owner == np.array([*LEARNT, -1])[:, None], dtype=float)

    @cached_property
    def of_target(self) -> np.ndarray:
        """Whether each weight is added to each target: (target, weight)."""
        return _of_target(self.knots, self.levels)

    def scales(self, xp: Any, natural: Mapping[str, Array]) -> Array:
        """A walk's scale for its knots, 1 for offsets, whose size is in the basis: (..., weight)."""
        logs = log_scales(natural)
        walks = sum(own * xp.exp(log)[..., None] for own, log in zip(self.of_scale, logs, strict=False))
        return walks + self.of_scale[-1]


def build_misfit(
    log_params: np.ndarray,
    log_tokens: np.ndarray,
    weight: np.ndarray,
    blocks: tuple[tuple[int, ...], ...],
    context: np.ndarray | None,
    offsets: Mapping[tuple[str, str], np.ndarray],
) -> Misfit | None:
    """From relative logs, weights and where each offset applies, all (column, slot); None for nothing.

    ``context`` (column,) is c, None without walks.
    """
    used = weight > 0
    knots = np.zeros((0, 2), dtype=int)
    parts = []
    if context is not None:
        walks = [i for i in LEARNT if context.any() or not WALKS[i].by_context]
        knots = knots_reached(log_params[used], log_tokens[used], walks)
        parts.append(knot_values(log_params, log_tokens, knots, context[:, None]))
    parts += [OFFSET * np.asarray(where, dtype=float)[..., None] for where in offsets.values()]
    if not parts:
        return None
    basis = np.concatenate(parts, axis=-1)
    none = np.zeros((2, *weight.shape))
    systems = _systems(basis, _of_target(knots, tuple(offsets)), weight, none + 1)
    return Misfit(knots, tuple(offsets), basis, blocks, weight, none, systems)


def _systems(basis: np.ndarray, of_target: np.ndarray, precision: np.ndarray, gains: np.ndarray) -> Systems:
    in_all = basis * by_weight(of_target, gains[0], gains[1])
    scores = precision[..., None] * in_all
    squares = (precision * gains**2).sum(-1, keepdims=True)
    reference = precision * gains / np.where(squares > 0, squares, 1.0)
    return Systems(reference, scores, scores.swapaxes(-1, -2) @ in_all)


def _of_target(knots: np.ndarray, levels: tuple[tuple[str, str], ...]) -> np.ndarray:
    targets = np.array([WALKS[i].target for i in knots[:, 0]] + [LOSS] * len(levels))
    return np.asarray(targets == np.arange(TARGETS)[:, None], dtype=float)


def by_weight(of_target: np.ndarray, of_params: Array, of_tokens: Array) -> Array:
    """What each weight's target counts (...) for, (..., weight): either term's number, and 1 for ln L."""
    params, tokens, loss = of_target
    return params * of_params[..., None] + tokens * of_tokens[..., None] + loss


def log_scales(natural: Mapping[str, Array]) -> list[Array]:
    """Logs of the walks' scales (...), in their order; 0 where there are offsets only."""
    return [natural.get(name, np.zeros(())) for name in SCALE_NAMES]


class Straight(NamedTuple):
    """The law taken as straight in what is added to its terms: (column, slot) each.

    Attributes
    ----------
    residual : array
        ln L differs by it from the law without walks.
    params_gain, tokens_gain : array
        What is added to either term adds this much of itself to ln L.
    """

    residual: Array
    params_gain: Array
    tokens_gain: Array

    @property
    def terms(self) -> tuple[Array, Array]:
        """The gains of the two terms."""
        return self.params_gain, self.tokens_gain

    def gains(self, xp: Any, misfit: Misfit, columns: list[int]) -> Array:
        """What each weight's target adds of itself to ln L in the columns' slots: (..., row, weight)."""
        of_params = slots_in_a_row(xp, self.params_gain, columns)
        of_tokens = slots_in_a_row(xp, self.tokens_gain, columns)
        return by_weight(misfit.of_target, of_params, of_tokens)


def slots_in_a_row(xp: Any, table: Array, columns: list[int]) -> Array:
    """Some columns of a table (..., column, slot) in a row: (..., row)."""
    return xp.concatenate([table[..., c, :] for c in columns], axis=-1)


def settled_at(
    misfit: Misfit,
    precision: np.ndarray,
    walked: np.ndarray,
    gains: np.ndarray,
    degrees: float = np.inf,
) -> Misfit:
    """The same, settled at other precisions, walks and gains of the two terms (2, column, slot)."""
    systems = _systems(misfit.basis, misfit.of_target, precision, gains)
    return replace(misfit, precision=precision, walked=walked, systems=systems, degrees=degrees)
