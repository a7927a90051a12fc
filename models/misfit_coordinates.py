"""Coordinates in which the weights of a misfit are nearly standard normal, whatever the law is.

Sampled as they are, the weights mix badly: what the runs say of them changes with the law. Given the law,
taken as straight in what is added to its terms, and normal noise, the weights v in units of the scales S that
the mode has would have the precision D^-2 + S B^T P B S, with B what a weight adds to ln L, P the noise's
precisions and D the scales over those of the mode. In the eigenvectors Q of S B^T P B S that is nearly
diagonal. So a position holds z, and the weights are

    v = Q u,    u = (delta + tau Lambda)^-1 tau Q^T S B^T P r + (delta + tau Lambda)^(-1/2) z

with r the residuals from the law, Lambda the eigenvalues, tau the factor of the noise's precision since the
mode, and delta the diagonal of Q^T D^-2 Q. The map is exact for any noise, walks and scales: it shapes the
way, not the density.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_scaling.laws.drift import Shifts
from bayes_scaling.models.misfit import Misfit, Straight, log_scales

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
    portion : array (block, walk + 1, weight)
        Each eigenvector has so much of its square in the weights of each scale.
    parts : array (target, column, slot, weight)
        Each eigenvector adds this to each target, at the mode's scales.
    gain : array (column, slot, weight)
        Each eigenvector adds this to ln L, times the noise's precision, all at the mode.
    walked, gains : array (2, column, slot)
        The terms' walks at the mode, and what a walk adds of itself to ln L there.
    log_sigma : array (column,)
        The mode has it.
    log_scale : array (walk,)
        The walks have them at the mode.
    """

    rotation: Array
    eigenvalue: Array
    portion: Array
    parts: Array
    gain: Array
    walked: Array
    gains: Array
    log_sigma: Array
    log_scale: Array


def coordinates_at(straight: Straight, natural: Mapping[str, np.ndarray], misfit: Misfit) -> Coordinates:
    """The map for the law's natural coefficients at the mode, and the law taken as straight there."""
    scales = misfit.scales(np, natural)
    precision = (misfit.precision * np.exp(-2 * natural["sigma"])[:, None])[..., None]
    rotation = np.empty((*misfit.shape, misfit.shape[1]))
    eigenvalue = np.empty(misfit.shape)
    portion = np.empty((misfit.shape[0], *misfit.of_scale.shape))
    parts = np.empty((len(misfit.of_target), *misfit.basis.shape))
    gain = np.empty(misfit.basis.shape)
    for b, block in enumerate(misfit.blocks):
        columns = list(block)
        scaled = misfit.basis[columns] * scales
        effect = scaled * np.stack([straight.gains(misfit, c) for c in block])
        gram = np.einsum("csi,csj->ij", precision[columns] * effect, effect)
        values, rotation[b] = np.linalg.eigh(gram)
        eigenvalue[b] = np.maximum(values, 0)
        portion[b] = misfit.of_scale @ rotation[b] ** 2
        gain[columns] = precision[columns] * (effect @ rotation[b])
        for part, own in zip(parts, misfit.of_target, strict=True):
            part[columns] = (scaled * own) @ rotation[b]
    return Coordinates(
        rotation,
        eigenvalue,
        portion,
        parts,
        gain,
        misfit.walked,
        np.stack([straight.params_gain, straight.tokens_gain]),
        natural["sigma"],
        np.array(log_scales(natural)),
    )


def turned_weights(
    xp: Any, residual: Array, natural: Mapping[str, Array], misfit: Misfit, at: Coordinates
) -> tuple[list[Array], Array]:
    """Weights of each block along its eigenvectors (..., weight), and their log prior.

    In units of the mode's scales. The map's Jacobian is in the prior.

    Parameters
    ----------
    xp : module
        Array namespace.
    residual : array (..., column, slot)
        ln L differs by it from the law, taken as straight in what is added to its terms.
    natural : mapping
        sigma (..., column), the walks' scales (...) and the coordinates z: ``drift`` (..., block, weight).
    """
    stretch = _stretch(natural, at)
    scores = product(residual, at.gain)
    spread = sum(
        (own.sum() * log for own, log in zip(misfit.of_scale, stretch, strict=False)), start=np.zeros(())
    )  # ln of the scales' factors, of all weights
    found = []
    density = 0.0
    for b, block in enumerate(misfit.blocks):
        columns = np.array(block)
        sharper = xp.exp(-2 * (natural["sigma"][..., columns] - at.log_sigma[columns]).mean(-1))[..., None]
        shrunk = [xp.exp(-2 * log)[..., None] for log in stretch]
        delta = at.portion[b][-1] + sum(s * at.portion[b][k] for k, s in enumerate(shrunk))
        precision = delta + sharper * at.eigenvalue[b]
        mean = sharper * scores[..., columns, :].sum(-2) / precision
        turned = mean + natural["drift"][..., b, :] / xp.sqrt(precision)
        whole = product(turned, at.rotation[b].swapaxes(-1, -2)) ** 2
        weight = misfit.of_scale[-1] + sum(s * misfit.of_scale[k] for k, s in enumerate(shrunk))
        density = density - (0.5 * weight * whole + 0.5 * xp.log(precision) + LOG_ROOT).sum(-1) - spread
        found.append(turned)
    return found, density


def _stretch(natural: Mapping[str, Array], at: Coordinates) -> list[Array]:
    """ln of each walk's scale over that of the mode: (...) each."""
    return [log - at.log_scale[k] for k, log in enumerate(log_scales(natural))]


def added(xp: Any, turned: list[Array], misfit: Misfit, at: Coordinates) -> Shifts:
    """What the weights add to the two terms and to ln L at every slot: (..., column, slot) each."""
    owner = {c: b for b, block in enumerate(misfit.blocks) for c in block}
    found = []
    for target in range(len(misfit.of_target)):
        rows = [product(turned[owner[c]], at.parts[target][c].swapaxes(-1, -2)) for c in sorted(owner)]
        found.append(xp.stack(rows, axis=-2))
    return Shifts(*found)


def product(rows: Array, matrix: Array) -> Array:
    """Rows (..., k) times matrices (..., k, m), (..., m).

    PyTensor's numba code compiles several times faster for products that are written out, XLA's runs several
    times faster for those that are not.
    """
    if hasattr(rows, "owner"):
        return (rows[..., None] * matrix).sum(-2)
    return (rows[..., None, :] @ matrix)[..., 0, :]


def weights(turned: list[np.ndarray], misfit: Misfit, at: Coordinates) -> np.ndarray:
    """Weights (..., block, weight): a knot's with its walk's scale in it, an offset's standard."""
    found = np.stack([u @ q.T for u, q in zip(turned, at.rotation, strict=True)], axis=-2)
    scale = np.exp(np.append(at.log_scale, 0.0)) @ misfit.of_scale
    return np.asarray(found * scale)
