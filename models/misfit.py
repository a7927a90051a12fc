"""The drift and the offsets in the likelihood: their weights integrated out, the noise made robust.

Given the law and the noise scales, both are normal and so are the losses round the law: the weights of the
boxes that runs reach and of the offsets are integrated out exactly, one Cholesky factor for each
architecture. The noise is normal with a precision for each run, that of a Student-t at the mode
(`settling.settle`): outliers count for little, as they do in the Student-t itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayes_scaling.drift import BOXES, DIRECTIONS, box_values, boxes_reached

Array = Any
OFFSET = 0.01  # of ln L: recipes and seeds of one laboratory differ by some tenths of a per cent to 2%


@dataclass(frozen=True)
class Misfit:
    """Constants of the marginal likelihood.

    Attributes
    ----------
    boxes : ndarray of int (box, 3)
        Those that runs reach; see `bayes_scaling.drift.box_values`.
    levels : tuple of (str, str)
        Column and value of each offset.
    basis : ndarray (column, slot, weight)
        What a weight of 1 adds to ln L: the boxes', then the offsets'.
    blocks : tuple of tuple of int
        Columns that share one drift: an architecture's.
    precision : ndarray (column, slot)
        Of a run's noise over that of its column's sigma; 0 in a free slot.
    degrees : float
        Of the Student-t whose precisions these are; infinite before they are settled.
    weighted : ndarray (column, slot, box)
        Precision times basis.
    gram : ndarray (column, box, box)
        Basis, precision, basis.
    """

    boxes: np.ndarray
    levels: tuple[tuple[str, str], ...]
    basis: np.ndarray
    blocks: tuple[tuple[int, ...], ...]
    precision: Array
    degrees: float
    weighted: Array
    gram: Array

    def with_precision(self, xp: Any, precision: Array, degrees: float = np.inf) -> Misfit:
        """The same with other precisions."""
        weighted = precision[..., None] * self.basis
        gram = xp.einsum("csi,csj->cij", weighted, self.basis)
        return replace(self, precision=precision, degrees=degrees, weighted=weighted, gram=gram)


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
    basis = np.concatenate(parts, axis=-1)
    empty = Misfit(boxes, tuple(offsets), basis, blocks, weight, np.inf, basis, np.zeros(()))
    return empty.with_precision(np, weight)


def marginal(xp: Any, residual: Array, log_sigma: Array, misfit: Misfit, counts: np.ndarray) -> Array:
    """Log density of the residuals of ln L round the law, the drift integrated out: (...).

    Parameters
    ----------
    residual : array (..., column, slot)
    log_sigma : array (..., column)
    counts : ndarray (column,)
        Sum of the runs' weights.
    """
    inverse = xp.exp(-2 * log_sigma)
    square = ((misfit.precision * residual**2).sum(-1) * inverse).sum(-1)
    total = -0.5 * square - (counts * (log_sigma + 0.5 * np.log(2 * np.pi))).sum(-1)
    for kernel, score in block_systems(xp, residual, inverse, misfit):
        factor = xp.linalg.cholesky(kernel)
        gain = (score * xp.linalg.solve(kernel, score[..., None])[..., 0]).sum(-1)
        total = total + 0.5 * gain - xp.log(xp.diagonal(factor, axis1=-2, axis2=-1)).sum(-1)
    return total


def block_systems(xp: Any, residual: Array, inverse: Array, misfit: Misfit) -> list[tuple[Array, Array]]:
    """For each block the precision of its weights (..., box, box) and its scores (..., box)."""
    scores = (misfit.weighted * residual[..., None]).sum(-2) * inverse[..., None]
    systems = []
    for block in misfit.blocks:
        columns = list(block)
        kernel = np.eye(misfit.basis.shape[-1])
        for c in columns:
            kernel = kernel + inverse[..., c, None, None] * misfit.gram[c]
        systems.append((kernel, sum(scores[..., c, :] for c in columns)))
    return systems


def draw_weights(
    residual: np.ndarray, log_sigma: np.ndarray, misfit: Misfit, rng: np.random.Generator
) -> np.ndarray:
    """Weights of the reached boxes given the law and sigma, exactly: (..., block, box)."""
    drawn = []
    for kernel, score in block_systems(np, residual, np.exp(-2 * log_sigma), misfit):
        upper = np.linalg.cholesky(kernel).swapaxes(-1, -2)
        mean = np.linalg.solve(kernel, score[..., None])
        noise = np.linalg.solve(upper, rng.standard_normal((*score.shape, 1)))
        drawn.append((mean + noise)[..., 0])
    return np.stack(drawn, axis=-2)


def added(weights: np.ndarray, misfit: Misfit) -> np.ndarray:
    """f at every slot of weights (..., block, box): (..., column, slot)."""
    found = np.empty((*weights.shape[:-2], *misfit.basis.shape[:2]))
    for b, block in enumerate(misfit.blocks):
        for c in block:
            found[..., c, :] = weights[..., b, :] @ misfit.basis[c].T
    return found


def all_boxes(weights: np.ndarray, misfit: Misfit, rng: np.random.Generator) -> np.ndarray:
    """Weights (..., block, direction, side, box) of all boxes; those no run reaches are the prior's."""
    full = rng.standard_normal((*weights.shape[:-1], len(DIRECTIONS), 2, BOXES))
    direction, side, number = misfit.boxes.T
    full[..., direction, side, number] = weights[..., : len(misfit.boxes)]
    return full


def fitted(residual: np.ndarray, log_sigma: np.ndarray, misfit: Misfit) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of f at every slot given the law and sigma: (column, slot) each."""
    mean, variance = np.zeros(residual.shape), np.zeros(residual.shape)
    for block, (kernel, score) in zip(
        misfit.blocks, block_systems(np, residual, np.exp(-2 * log_sigma), misfit), strict=True
    ):
        weights, cover = np.linalg.solve(kernel, score), np.linalg.inv(kernel)
        for c in block:
            mean[c] = misfit.basis[c] @ weights
            variance[c] = np.einsum("si,ij,sj->s", misfit.basis[c], cover, misfit.basis[c])
    return mean, variance
