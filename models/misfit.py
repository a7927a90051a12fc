"""The drift and the offsets: what they add to ln L, and their likelihood with the weights integrated out.

The weights have standard normal priors; a drift's are multiplied by its scale. Given the law and normal noise
they are normal too and can be integrated out, one Cholesky factor for each architecture: `marginal` finds the
mode of the rest and the curvature there. What is sampled is exact, for any noise: see `coordinates`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayes_scaling.laws.drift import box_values, boxes_reached

Array = Any
OFFSET = 0.01  # of ln L: recipes and seeds of one laboratory differ by some tenths of a per cent to 2%


@dataclass(frozen=True)
class Misfit:
    """What the weights add to ln L, and the noise that the runs have round it.

    Attributes
    ----------
    boxes : ndarray of int (box, 3)
        Runs reach them; see `bayes_scaling.laws.drift.box_values`.
    levels : tuple of (str, str)
        Each offset has a column and a value.
    basis : ndarray (column, slot, weight)
        A weight of 1 adds this to ln L at a drift scale of 1; the boxes come first, then the offsets.
    blocks : tuple of tuple of int
        The columns of an architecture share one drift.
    precision : array (column, slot)
        A run's noise has this precision over that of its column's sigma; a free slot has 0.
    degrees : float
        The Student-t whose precisions these are has so many; they are infinite before they are settled.
    """

    boxes: np.ndarray
    levels: tuple[tuple[str, str], ...]
    basis: np.ndarray
    blocks: tuple[tuple[int, ...], ...]
    precision: Array
    degrees: float = np.inf

    @property
    def shape(self) -> tuple[int, int]:
        """Blocks and weights of each."""
        return len(self.blocks), self.basis.shape[-1]

    @property
    def drifting(self) -> np.ndarray:
        """Whether each weight is a box's: (weight,)."""
        return np.asarray(np.arange(self.basis.shape[-1]) < len(self.boxes), dtype=float)

    def scales(self, xp: Any, log_scale: Array) -> Array:
        """The drift's scale for boxes, 1 for offsets, whose size is in the basis: (..., weight)."""
        return self.drifting * xp.exp(log_scale)[..., None] + (1 - self.drifting)


def build_misfit(
    log_params: np.ndarray,
    log_tokens: np.ndarray,
    weight: np.ndarray,
    blocks: tuple[tuple[int, ...], ...],
    drift: bool,
    offsets: Mapping[tuple[str, str], np.ndarray],
) -> Misfit | None:
    """From relative logs, weights and where each offset applies, all (column, slot); None for nothing."""
    used = weight > 0
    boxes = boxes_reached(log_params[used], log_tokens[used]) if drift else np.zeros((0, 3), dtype=int)
    parts = [box_values(log_params, log_tokens, boxes)] if len(boxes) else []
    parts += [OFFSET * np.asarray(where, dtype=float)[..., None] for where in offsets.values()]
    if not parts:
        return None
    return Misfit(boxes, tuple(offsets), np.concatenate(parts, axis=-1), blocks, weight)


def log_scale(natural: Mapping[str, Array]) -> Array:
    """Log of the drift's scale (...); 0 where there are offsets only."""
    return natural.get("drift_scale", np.zeros(()))


def marginal(xp: Any, residual: Array, natural: Mapping[str, Array], misfit: Misfit, counts: Array) -> Array:
    """Log density of residuals of ln L round the law, weights integrated out, noise normal: ().

    Parameters
    ----------
    residual : array (column, slot)
    natural : mapping
        sigma (column,) and drift_scale (), logs both.
    counts : ndarray (column,)
        Sum of the runs' weights.
    """
    square = (misfit.precision * residual**2).sum(-1) * xp.exp(-2 * natural["sigma"])
    total = -0.5 * square.sum() - (counts * (natural["sigma"] + 0.5 * np.log(2 * np.pi))).sum()
    for factor, lifted in block_systems(xp, residual, natural, misfit):
        total = total + 0.5 * (lifted**2).sum() - xp.log(xp.diagonal(factor)).sum()
    return total


def block_systems(
    xp: Any, residual: Array, natural: Mapping[str, Array], misfit: Misfit
) -> Iterator[tuple[Array, Array]]:
    """L and L^-1 (S B^T P r) of each block, with L L^T = I + S B^T P B S, the precision of its weights."""
    scales = misfit.scales(xp, log_scale(natural))
    identity = np.eye(len(misfit.drifting))
    precision = misfit.precision * xp.exp(-2 * natural["sigma"])[:, None]
    for block in misfit.blocks:
        columns = list(block)
        basis = scales * misfit.basis[columns].reshape(-1, len(identity))
        weighted = precision[np.array(columns)].reshape(-1)[:, None] * basis
        factor = xp.linalg.cholesky(identity + basis.T @ weighted)
        yield factor, xp.linalg.solve(factor, weighted.T @ residual[np.array(columns)].reshape(-1))


def fitted(
    residual: np.ndarray, natural: Mapping[str, np.ndarray], misfit: Misfit
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance at every slot of what the weights add, given the law: (column, slot) each."""
    mean = np.zeros(residual.shape)
    variance = np.zeros(residual.shape)
    scales = misfit.scales(np, log_scale(natural))
    for block, (factor, lifted) in zip(
        misfit.blocks, block_systems(np, residual, natural, misfit), strict=True
    ):
        for c in block:
            rows = np.linalg.solve(factor, (scales * misfit.basis[c]).T)
            mean[c] = lifted @ rows
            variance[c] = (rows**2).sum(0)
    return mean, variance


def with_precision(misfit: Misfit | None, precision: Array, degrees: float = np.inf) -> Misfit | None:
    """The same with other precisions; None stays None."""
    return misfit and replace(misfit, precision=precision, degrees=degrees)
