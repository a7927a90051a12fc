"""The misfit's weights: integrated out of the likelihood, drawn from coordinates, and what they add.

Given the law and normal noise, and the law taken as straight in what is added to its terms, standard weights
are normal, with one Cholesky factor for each architecture. `marginal` finds the mode of the rest and the
curvature there; `drawn_weights` makes the coordinates that are sampled, exact for any noise and any walks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from bayes_scaling.laws.drift import Shifts
from bayes_scaling.models.misfit import Misfit, Straight, by_weight, slots_in_a_row

Array = Any
FEW = 400  # runs (with free slots) up to which the sums over them are made anew at every step
LOG_ROOT = 0.5 * np.log(2 * np.pi)


def marginal(
    xp: Any, straight: Straight, natural: Mapping[str, Array], misfit: Misfit, counts: Array
) -> Array:
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
        weighted = slots_in_a_row(xp, precision, columns)[..., None] * effect
        factor = xp.linalg.cholesky(identity + effect.swapaxes(-1, -2) @ weighted)
        scores = (weighted * slots_in_a_row(xp, straight.residual, columns)[..., None]).sum(-2)
        yield factor, solve_lower(xp, factor, scores)


def drawn_weights(
    xp: Any, straight: Straight, natural: Mapping[str, Array], misfit: Misfit
) -> tuple[list[Array], Array]:
    """Standard weights of each block (..., weight) at standard coordinates, and their log prior (...).

    Given the law, taken as straight, and normal noise the weights v are normal with precision L L^T, so that
    v = L^-T (L^-1 S B^T P r + z) makes draws of them from standard normal z. The map is exact for any noise,
    any walks and any L, as the prior of v and the map's Jacobian are in the density: it shapes the way alone.
    So L may come from sums that were made before, see `settled_systems`: of many runs they are far quicker,
    and many runs hold the law near where the sums were made. Of few, exact sums cost little, and the way is
    good wherever the law goes.

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
    slots = misfit.basis.shape[0] * misfit.basis.shape[1]
    systems = block_systems if slots <= FEW else settled_systems
    for b, (factor, lifted) in enumerate(systems(xp, straight, natural, misfit)):
        standard = solve_lower(xp, factor, lifted + natural["drift"][..., b, :], transposed=True)
        density = density - (0.5 * standard**2 + LOG_ROOT).sum(-1) - log_diagonal(xp, factor)
        found.append(standard)
    return found, density


def settled_systems(
    xp: Any, straight: Straight, natural: Mapping[str, Array], misfit: Misfit
) -> Iterator[tuple[Array, Array]]:
    """As `block_systems`, from the misfit's `Systems`: a gain counts as a multiple of the settled one.

    Exact where the gains of each term are that in each column; no sum over runs by weights squared is left.
    """
    factors = _factors(xp, straight, natural, misfit)
    precision = xp.exp(-2 * natural["sigma"])
    for block in misfit.blocks:
        inner: Array = np.eye(misfit.shape[1])
        scores: Array = 0.0
        for c in block:
            factor = factors[..., c, :]
            scaled = factor * precision[..., c, None]
            inner = inner + scaled[..., :, None] * misfit.systems.gram[c] * factor[..., None, :]
            scores = scores + scaled * product(straight.residual[..., c, :], misfit.systems.scores[c])
        lower = xp.linalg.cholesky(inner)
        yield lower, solve_lower(xp, lower, scores)


def _factors(xp: Any, straight: Straight, natural: Mapping[str, Array], misfit: Misfit) -> Array:
    """What a standard weight adds, over what a weight of 1 did when settled: (..., column, weight)."""
    references = misfit.systems.reference
    of_params, of_tokens = ((references[i] * gain).sum(-1) for i, gain in enumerate(straight.terms))
    gains = by_weight(misfit.of_target, of_params, of_tokens)
    return gains * misfit.scales(xp, natural)[..., None, :]


def added(xp: Any, standard: list[Array], natural: Mapping[str, Array], misfit: Misfit) -> Shifts:
    """What standard weights of each block add at every slot: (..., column, slot) each."""
    scales = misfit.scales(xp, natural)
    return shifts_of(xp, [scales * weights for weights in standard], misfit)


def shifts_of(xp: Any, weights: list[Array], misfit: Misfit) -> Shifts:
    """What weights of each block (..., weight), their scales in them, add: (..., column, slot) each."""
    owner = {c: b for b, block in enumerate(misfit.blocks) for c in block}
    found = []
    for own in misfit.of_target:
        used = np.flatnonzero(own)
        rows = [product(weights[owner[c]][..., used], misfit.basis[c][:, used].T) for c in sorted(owner)]
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


def solve_lower(xp: Any, factor: Array, right: Array, transposed: bool = False) -> Array:
    """L^-1 b, or L^-T b, of a lower factor (..., k, k) and b (..., k)."""
    if isinstance(factor, np.ndarray):
        matrix = factor.swapaxes(-1, -2) if transposed else factor
        return np.linalg.solve(matrix, right[..., None])[..., 0]
    if hasattr(xp.linalg, "solve_triangular"):  # PyTensor's namespace has it, JAX's has it elsewhere
        return xp.linalg.solve_triangular(factor, right, trans=int(transposed), lower=True)
    from jax.scipy.linalg import solve_triangular

    return solve_triangular(factor, right, trans=int(transposed), lower=True)


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
        standard.append(solve_lower(np, factor, lifted, transposed=True))
    shifts = added(np, standard, natural, misfit)
    return Fitted(mean, variance, np.stack([shifts.params_term, shifts.tokens_term]))
