"""The posterior mode and the curvature there: the sampler walks in the whitened space.

The coordinates of a misfit's weights are nearly standard normal as they are (`coordinates`).

Found with JAX whichever back end samples, so that both walk the same space.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import optimize

from bayes_scaling.models.density import log_approximate, pin
from bayes_scaling.models.design import Design
from bayes_scaling.models.misfit import with_precision

STEP = 1e-5
Objective = Callable[[np.ndarray, Design], tuple[float, np.ndarray]]
FLOOR = 1e-6  # smallest curvature over the largest: a direction the data and prior leave flat


@dataclass(frozen=True)
class Whitening:
    """law's part of a position = mode + factor @ that of the whitened point; the rest is the same in both.

    Attributes
    ----------
    mode : ndarray (law_size,)
    factor : ndarray (law_size, law_size)
        Square root of the inverse of the negative log density's Hessian.
    """

    mode: np.ndarray
    factor: np.ndarray

    def position(self, whitened: Any, design: Design) -> dict[str, Any]:
        """Positions by name of whitened points (..., size).

        Coefficients (..., column), scalars (...), and ``drift`` (..., block, weight) with a misfit.
        """
        law = self.law(whitened[..., : design.law_size], design)
        if design.misfit is None:
            return law
        rest = whitened[..., design.law_size :]
        return law | {"drift": rest.reshape((*tuple(rest.shape[:-1]), *design.misfit.shape))}

    def law(self, whitened: Any, design: Design) -> dict[str, Any]:
        """The law's part by name, of points (..., law_size)."""
        columns, names = design.columns, design.hierarchy.names
        found = {
            name: self._block(whitened, slice(i * columns, (i + 1) * columns)) for i, name in enumerate(names)
        }
        for row, name in enumerate(design.scalars, start=len(names) * columns):
            found[name] = self.mode[row] + (self.factor[row] * whitened).sum(-1)
        return found

    def _block(self, law: Any, rows: slice) -> Any:
        return self.mode[rows] + (self.factor[rows] * law[..., None, :]).sum(-1)

    def vector(self, whitened: Any) -> Any:
        """Positions (..., size) of whitened points (..., size)."""
        return self._block(whitened, slice(None))


def start(design: Design) -> np.ndarray:
    """A position to search from: prior medians, the loss of each group at its mean."""
    h = design.hierarchy
    natural = {name: np.full(design.columns, mean) for name, mean in zip(h.names, h.mean, strict=True)}
    loss = np.exp(np.average(design.log_loss, axis=1, weights=design.weight))
    natural["R"] = np.log(loss)
    if "E" in natural:
        natural["E"] = np.minimum(natural["E"], np.log(0.6 * loss))
        natural["R"] = np.log(loss - np.exp(natural["E"]))
    return np.concatenate([*pin(np, natural).values(), design.centers])


def find_whitening(
    design: Design, objective: Objective | None = None, start_at: np.ndarray | None = None
) -> Whitening:
    """Newton to the mode, eigenvalues of the Hessian there kept above a floor.

    Parameters
    ----------
    design : Design
    objective : callable, optional
        `compile_objective` of a design that differs in losses and precisions only: nothing is compiled.
    start_at : ndarray (law_size,), optional
        Where the search starts; default `start`.
    """
    both = objective or compile_objective(design)

    return climb(lambda x: both(x, design), start(design) if start_at is None else start_at)


def climb(
    value_and_gradient: Callable[[np.ndarray], tuple[float, np.ndarray]], first: np.ndarray
) -> Whitening:
    """Newton from ``first`` to the mode of minus a log density, and the whitening there."""

    def hessian(x: np.ndarray) -> np.ndarray:
        return _difference_hessian(lambda y: value_and_gradient(y)[1], x)

    found = optimize.minimize(value_and_gradient, first, jac=True, hess=hessian, method="trust-exact")
    curvature, axes = np.linalg.eigh(hessian(found.x))
    curvature = np.maximum(np.abs(curvature), FLOOR * curvature.max())
    return Whitening(found.x, (axes / np.sqrt(curvature)) @ axes.T)


def _difference_hessian(gradient: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """Central differences: compiling the exact Hessian would take longer than the whole search."""
    steps = STEP * np.eye(len(x))
    rows = np.array([gradient(x + h) - gradient(x - h) for h in steps]) / (2 * STEP)
    return 0.5 * (rows + rows.T)


def compile_objective(design: Design) -> Objective:
    """Minus the approximate log density and its gradient at the law's part of a position (law_size,).

    For this design and any that differs from it in its losses and in the precisions of its noise.
    """
    import jax
    import jax.numpy as jnp
    from jax.scipy.special import gammaln

    identity = Whitening(np.zeros(design.law_size), np.eye(design.law_size))

    @jax.jit
    @jax.value_and_grad
    def potential(x: Any, log_loss: Any, precision: Any) -> Any:
        misfit = with_precision(design.misfit, precision)
        changed = replace(design, log_loss=log_loss, misfit=misfit)
        return -log_approximate(jnp, identity.law(x, design), changed, gammaln)

    def call(x: np.ndarray, changed: Design) -> tuple[float, np.ndarray]:
        precision = changed.misfit.precision if changed.misfit else 0.0
        with jax.enable_x64(True):
            value, gradient = potential(x, changed.log_loss, precision)
            return float(value), np.asarray(gradient)

    return call
