"""The space the sampler walks in: a linear map of a position's law, and a scale for each of its weights.

The map starts from the curvature at the mode (`mode`) and is turned by the draws of pilots: near the mode a
mixture over the hierarchy's scales is ruled by its narrowest part, and one step size must serve all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_scaling.models.design import Design

Array = Any


@dataclass(frozen=True)
class Whitening:
    """The law's part of a position is center + factor @ point, the weights' part is scales * point.

    Attributes
    ----------
    center : array (law_size,)
    factor : array (law_size, law_size)
        It is a square root of the law's covariance.
    scales : array (size - law_size,) or float
        The coordinates of a misfit's weights have these standard deviations.
    """

    center: Array
    factor: Array
    scales: Array = 1.0

    def position(self, whitened: Array, design: Design) -> dict[str, Array]:
        """Positions by name of whitened points (..., size).

        Coefficients (..., column), scalars (...), and ``drift`` (..., block, weight) with a misfit.
        """
        law = self.law(whitened[..., : design.law_size], design)
        if design.misfit is None:
            return law
        rest = self.scales * whitened[..., design.law_size :]
        return law | {"drift": rest.reshape((*tuple(rest.shape[:-1]), *design.misfit.shape))}

    def law(self, whitened: Array, design: Design) -> dict[str, Array]:
        """The law's part by name, of points (..., law_size)."""
        columns = design.columns
        names = design.hierarchy.names
        found = {
            name: self._block(whitened, slice(i * columns, (i + 1) * columns)) for i, name in enumerate(names)
        }
        for row, name in enumerate(design.scalars, start=len(names) * columns):
            found[name] = self.center[row] + (self.factor[row] * whitened).sum(-1)
        return found

    def _block(self, law: Array, rows: slice) -> Array:
        return self.center[rows] + (self.factor[rows] * law[..., None, :]).sum(-1)

    def vector(self, whitened: Array) -> Array:
        """Positions (..., size) of whitened points (..., size) where all of it is the law's."""
        return self._block(whitened, slice(None))

    def rewhitened(self, whitened: np.ndarray, other: Whitening) -> np.ndarray:
        """Points (..., size) of another whitening at the positions of this one's points."""
        size = len(self.center)
        law = self.vector(whitened[..., :size]) - other.center
        rest = whitened[..., size:] * (self.scales / other.scales)
        return np.concatenate([np.linalg.solve(other.factor, law[..., None])[..., 0], rest], axis=-1)


def turned(whitening: Whitening, pilot: np.ndarray) -> Whitening:
    """The whitening by the covariance of a pilot's points (draw, size).

    The covariance of the law's part, taken in the present coordinates, is shrunk towards its diagonal, the
    more the fewer points there are; the scales take the points' standard deviations.
    """
    count = len(pilot)
    size = len(whitening.center)
    law = pilot[:, :size]
    mean = law.mean(0)
    covariance = np.atleast_2d(np.cov(law, rowvar=False))
    shrink = 0.5 * (size + 1) / (count + size + 1)
    shrunk = (1 - shrink) * covariance + shrink * np.diag(np.diag(covariance))
    values, axes = np.linalg.eigh(shrunk)
    root = (axes * np.sqrt(values)) @ axes.T
    scales = whitening.scales
    if pilot.shape[1] > size:
        scales = scales * pilot[:, size:].std(0)
    return Whitening(whitening.vector(mean), whitening.factor @ root, scales)
