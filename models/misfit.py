"""The walks and the offsets: what they add to the law, and their likelihood with the weights integrated out.

The weights have standard normal priors; a walk's are multiplied by its scale. Given the law and normal noise,
and the law taken as straight in what is added to its terms, they are normal too and can be integrated out,
one Cholesky factor for each architecture: `marginal` finds the mode of the rest and the curvature there. The
law is taken as straight near the walks that were found there before. What is sampled is exact, for any noise
and any walks: see `drawn_weights`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from bayes_scaling.laws.drift import SCALED, WALKS, Shifts, knot_values, knots_reached

Array = Any
OFFSET = 0.01  # of ln L: recipes and seeds of one laboratory differ by some tenths of a per cent to 2%
SCALE_NAMES = tuple(f"drift_{WALKS[i].name}" for i in SCALED)
LOG_ROOT = 0.5 * np.log(2 * np.pi)
TARGETS = 3  # the params term, the tokens term, ln L: the order of `laws.drift.Shifts`


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
    degrees : float
        The Student-t whose precisions these are has so many; they are infinite before they are settled.
    """

    knots: np.ndarray
    levels: tuple[tuple[str, str], ...]
    basis: np.ndarray
    blocks: tuple[tuple[int, ...], ...]
    precision: Array
    walked: Array
    degrees: float = np.inf

    @property
    def shape(self) -> tuple[int, int]:
        """Blocks and weights of each."""
        return len(self.blocks), self.basis.shape[-1]

    @cached_property
    def of_scale(self) -> np.ndarray:
        """Whether each weight has a walk's scale, or in the last row 1: (scale + 1, weight)."""
        none = np.full(len(self.levels), -1)
        owner = np.concatenate([self.knots[:, 0], none])
        return np.asarray(owner == np.array([*SCALED, -1])[:, None], dtype=float)

    @cached_property
    def of_target(self) -> np.ndarray:
        """Whether each weight is added to each target: (target, weight)."""
        targets = np.array([WALKS[i].target for i in SCALED] + [TARGETS - 1])
        owner = targets[self.of_scale.argmax(0)]
        return np.asarray(owner == np.arange(TARGETS)[:, None], dtype=float)

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
    drift: bool,
    offsets: Mapping[tuple[str, str], np.ndarray],
) -> Misfit | None:
    """From relative logs, weights and where each offset applies, all (column, slot); None for nothing."""
    used = weight > 0
    knots = knots_reached(log_params[used], log_tokens[used]) if drift else np.zeros((0, 2), dtype=int)
    parts = [knot_values(log_params, log_tokens, knots)] if len(knots) else []
    parts += [OFFSET * np.asarray(where, dtype=float)[..., None] for where in offsets.values()]
    if not parts:
        return None
    basis = np.concatenate(parts, axis=-1)
    return Misfit(knots, tuple(offsets), basis, blocks, weight, np.zeros((2, *weight.shape)))


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

    def gains(self, xp: Any, misfit: Misfit, columns: list[int]) -> Array:
        """What each weight's target adds of itself to ln L in the columns' slots: (..., row, weight)."""
        params, tokens, loss = misfit.of_target
        of_params = _rows(xp, self.params_gain, columns)[..., None]
        of_tokens = _rows(xp, self.tokens_gain, columns)[..., None]
        return params * of_params + tokens * of_tokens + loss


def marginal(xp: Any, straight: Straight, natural: Mapping[str, Array], misfit: Misfit, counts: Array) -> Array:
    """Log density of the residuals round the law, weights integrated out, noise normal: ().

    Parameters
    ----------
    straight : Straight
    natural : mapping
        sigma (column,) and the walks' scales (), logs all.
    counts : ndarray (column,)
        Sum of the runs' weights.
    """
    square = (misfit.precision * straight.residual**2).sum(-1) * xp.exp(-2 * natural["sigma"])
    total = -0.5 * square.sum() - (counts * (natural["sigma"] + 0.5 * np.log(2 * np.pi))).sum()
    for factor, lifted in block_systems(xp, straight, natural, misfit):
        total = total + 0.5 * (lifted**2).sum() - log_diagonal(xp, factor)
    return total


def block_systems(
    xp: Any, straight: Straight, natural: Mapping[str, Array], misfit: Misfit
) -> Iterator[tuple[Array, Array]]:
    """L and L^-1 (S B^T P r) of each block, with L L^T = I + S B^T P B S, the precision of its weights.

    Shapes are (..., weight, weight) and (..., weight).
    """
    scales = misfit.scales(xp, natural)
    identity = np.eye(misfit.shape[1])
    precision = misfit.precision * xp.exp(-2 * natural["sigma"])[..., None]
    for block in misfit.blocks:
        columns = list(block)
        basis = misfit.basis[columns].reshape(-1, len(identity))
        effect = basis * straight.gains(xp, misfit, columns) * scales[..., None, :]
        weighted = _rows(xp, precision, columns)[..., None] * effect
        factor = xp.linalg.cholesky(identity + effect.swapaxes(-1, -2) @ weighted)
        scores = (weighted * _rows(xp, straight.residual, columns)[..., None]).sum(-2)
        yield factor, solve_lower(factor, scores)


def drawn_weights(
    xp: Any, straight: Straight, natural: Mapping[str, Array], misfit: Misfit
) -> tuple[list[Array], Array]:
    """Standard weights of each block (..., weight) at standard coordinates, and their log prior (...).

    Given the law, taken as straight, and normal noise the weights v are normal with precision L L^T, so that
    v = L^-T (L^-1 S B^T P r + z) makes draws of them from standard normal z. The map is exact for any noise
    and any walks, as the prior of v and the map's Jacobian are in the density: it shapes the way alone.

    Parameters
    ----------
    xp : module
        Array namespace.
    straight : Straight
    natural : mapping
        sigma (..., column), the walks' scales (...) and the coordinates z: ``drift`` (..., block, weight).
    """
    found = []
    density = 0.0
    for b, (factor, lifted) in enumerate(block_systems(xp, straight, natural, misfit)):
        standard = solve_lower(factor, lifted + natural["drift"][..., b, :], transposed=True)
        density = density - (0.5 * standard**2 + LOG_ROOT).sum(-1) - log_diagonal(xp, factor)
        found.append(standard)
    return found, density


def added(xp: Any, standard: list[Array], natural: Mapping[str, Array], misfit: Misfit) -> Shifts:
    """What standard weights of each block add at every slot: (..., column, slot) each."""
    scales = misfit.scales(xp, natural)
    owner = {c: b for b, block in enumerate(misfit.blocks) for c in block}
    found = []
    for own in misfit.of_target:
        used = np.flatnonzero(own)
        steps = [(scales * standard[owner[c]])[..., used] for c in sorted(owner)]
        rows = [product(step, misfit.basis[c][:, used].T) for c, step in enumerate(steps)]
        found.append(xp.stack(rows, axis=-2))
    return Shifts(*found)


def product(rows: Array, matrix: Array) -> Array:
    """Rows (..., k) times a matrix (k, m), (..., m).

    PyTensor's numba code compiles several times faster for products that are written out, XLA's runs several
    times faster for those that are not.
    """
    if hasattr(rows, "owner"):
        return (rows[..., None] * matrix).sum(-2)
    return rows @ matrix


def log_diagonal(xp: Any, factor: Array) -> Array:
    """ln of the determinant of lower factors (..., weight, weight): (...)."""
    size = factor.shape[-1] if isinstance(factor, np.ndarray) else None
    diagonal = factor[..., np.arange(size), np.arange(size)] if size else xp.diagonal(factor)
    return xp.log(diagonal).sum(-1)


def solve_lower(factor: Array, right: Array, transposed: bool = False) -> Array:
    """L^-1 b, or L^-T b, of a lower factor (..., k, k) and b (..., k)."""
    if isinstance(factor, np.ndarray):
        matrix = factor.swapaxes(-1, -2) if transposed else factor
        return np.linalg.solve(matrix, right[..., None])[..., 0]
    if hasattr(factor, "owner"):
        from pytensor.tensor.linalg import solve_triangular
    else:
        from jax.scipy.linalg import solve_triangular
    return solve_triangular(factor, right, trans=int(transposed), lower=True)


def _rows(xp: Any, table: Array, columns: list[int]) -> Array:
    """Some columns of a table (..., column, slot) in a row: (..., row)."""
    return xp.concatenate([table[..., c, :] for c in columns], axis=-1)


class Fitted(NamedTuple):
    """What the weights add, given the law.

    Attributes
    ----------
    mean, variance : ndarray (column, slot)
        Of what is added to ln L in all.
    walked : ndarray (2, column, slot)
        Mean of what is added to the logs of the two terms.
    """

    mean: np.ndarray
    variance: np.ndarray
    walked: np.ndarray


def fitted(straight: Straight, natural: Mapping[str, np.ndarray], misfit: Misfit) -> Fitted:
    """Mean and variance at every slot of what the weights add, given the law."""
    shape = straight.residual.shape
    mean = np.zeros(shape)
    variance = np.zeros(shape)
    scales = misfit.scales(np, natural)
    standard = []
    systems = block_systems(np, straight, natural, misfit)
    for block, (factor, lifted) in zip(misfit.blocks, systems, strict=True):
        columns = list(block)
        effect = scales * misfit.basis[columns].reshape(-1, len(scales)) * straight.gains(np, misfit, columns)
        rows = np.linalg.solve(factor, effect.T)
        mean[columns] = (lifted @ rows).reshape(len(columns), -1)
        variance[columns] = (rows**2).sum(0).reshape(len(columns), -1)
        standard.append(solve_lower(factor, lifted, transposed=True))
    shifts = added(np, standard, natural, misfit)
    return Fitted(mean, variance, np.stack([shifts.params_term, shifts.tokens_term]))


def settled_at(
    misfit: Misfit | None, precision: Array, walked: Array, degrees: float = np.inf
) -> Misfit | None:
    """The same with other precisions and walks; None stays None."""
    return misfit and replace(misfit, precision=precision, walked=walked, degrees=degrees)
