"""Coordinates in which the weights of a misfit are nearly standard normal, whatever the law is.

Sampled as they are, the weights mix badly: what the runs say of them changes with the law. Given the law and
normal noise their precision would be I + S B^T P B S, with B what a weight adds to ln L, S their scales and P
the noise's precisions. In the eigenvectors of S B^T P B S at the mode that is diagonal, and it stays so, but
for a factor, when the scales of drift and noise change. So a position holds z, and the weights are

    v = Q u,    u = rho^(1/2) tau^(1/2) (1 + rho Lambda)^-1 Q^T S B^T P r + (1 + rho Lambda)^(-1/2) z

with r the residuals from the law, tau the factor of the noise's precision and rho that of tau and the drift's
variance. The map is exact for any noise: it shapes the way, not the density.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_scaling.models.misfit import Misfit, log_scale

Array = Any
LOG_ROOT = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True)
class Coordinates:
    """Constants of the map, from the mode.

    Attributes
    ----------
    rotation : array (block, weight, weight)
        Q has the eigenvectors in columns.
    eigenvalue : array (block, weight)
        Lambda has the eigenvalues of S B^T P B S.
    drifts, offsets : array (column, slot, weight)
        The drift's part and the offsets' part of each eigenvector add this to ln L, at the mode's scale.
    gain : array (column, slot, weight)
        It is the sum of both, times the noise's precision at the mode.
    log_sigma : array (column,)
        The mode has it.
    log_scale : array ()
        The drift has it at the mode.
    """

    rotation: Array
    eigenvalue: Array
    drifts: Array
    offsets: Array
    gain: Array
    log_sigma: Array
    log_scale: Array


def coordinates_at(natural: Mapping[str, np.ndarray], misfit: Misfit) -> Coordinates:
    """The map for the law's natural coefficients at the mode."""
    scale = np.asarray(log_scale(natural))
    scaled = misfit.basis * misfit.scales(np, scale)
    precision = (misfit.precision * np.exp(-2 * natural["sigma"])[:, None])[..., None]
    rotation = np.empty((*misfit.shape, misfit.shape[1]))
    eigenvalue = np.empty(misfit.shape)
    turned = np.empty((2, *scaled.shape))
    for b, block in enumerate(misfit.blocks):
        columns = list(block)
        gram = np.einsum("csi,csj->ij", precision[columns] * scaled[columns], scaled[columns])
        values, rotation[b] = np.linalg.eigh(gram)
        eigenvalue[b] = np.maximum(values, 0)
        for part, kept in zip(turned, (misfit.drifting, 1 - misfit.drifting), strict=True):
            part[columns] = (scaled[columns] * kept) @ rotation[b]
    return Coordinates(
        rotation, eigenvalue, turned[0], turned[1], precision * turned.sum(0), natural["sigma"], scale
    )


def turned_weights(
    xp: Any, residual: Array, natural: Mapping[str, Array], misfit: Misfit, at: Coordinates
) -> tuple[list[Array], Array]:
    """Standard weights of each block along its eigenvectors (..., weight), and their log prior.

    With the map's Jacobian in it.

    Parameters
    ----------
    xp : module
        Array namespace.
    residual : array (..., column, slot)
        ln L differs by it from the law.
    natural : mapping
        sigma (..., column), drift_scale (...) and the coordinates z: ``drift`` (..., block, weight).
    """
    stretch = log_scale(natural) - at.log_scale
    scores = product(residual, at.gain)
    found = []
    density = 0.0
    for b, block in enumerate(misfit.blocks):
        columns = np.array(block)
        sharper = -2 * (natural["sigma"][..., columns] - at.log_sigma[columns]).mean(-1)
        shrunk = 1 / (1 + xp.exp(2 * stretch + sharper)[..., None] * at.eigenvalue[b])
        mean = xp.exp(stretch + sharper)[..., None] * shrunk * scores[..., columns, :].sum(-2)
        turned = mean + xp.sqrt(shrunk) * natural["drift"][..., b, :]
        density = density + (0.5 * xp.log(shrunk) - 0.5 * turned**2 - LOG_ROOT).sum(-1)
        found.append(turned)
    return found, density


def added(
    xp: Any, turned: list[Array], natural: Mapping[str, Array], misfit: Misfit, at: Coordinates
) -> Array:
    """What the weights add to ln L at every slot: (..., column, slot)."""
    stretch = xp.exp(log_scale(natural) - at.log_scale)[..., None, None]
    owner = {c: b for b, block in enumerate(misfit.blocks) for c in block}
    rows = []
    for c in sorted(owner):
        basis = at.drifts[c] if not misfit.levels else stretch * at.drifts[c] + at.offsets[c]
        rows.append(product(turned[owner[c]], basis.swapaxes(-1, -2)))
    total = xp.stack(rows, axis=-2)
    return total if misfit.levels else stretch * total


def product(rows: Array, matrix: Array) -> Array:
    """Rows (..., k) times matrices (..., k, m), (..., m).

    PyTensor's numba code compiles several times faster for products that are written out, XLA's runs several
    times faster for those that are not.
    """
    if hasattr(rows, "owner"):
        return (rows[..., None] * matrix).sum(-2)
    return (rows[..., None, :] @ matrix)[..., 0, :]


def weights(
    turned: list[np.ndarray], natural: Mapping[str, np.ndarray], misfit: Misfit, at: Coordinates
) -> np.ndarray:
    """Weights (..., block, weight): a box's with the drift's scale in it, an offset's standard."""
    standard = np.stack([u @ q.T for u, q in zip(turned, at.rotation, strict=True)], axis=-2)
    return np.asarray(standard * misfit.scales(np, np.asarray(log_scale(natural)))[..., None, :])
