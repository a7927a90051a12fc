"""The posterior mode and the curvature there, from which sampling starts.

Found with JAX whichever back end samples, so that both start in the same space.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import scipy
from threadpoolctl import threadpool_limits

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.models.density import log_approximate, pin
from bayes_scaling.models.design import Alike, Design
from bayes_scaling.models.whitening import Whitening

STEP = 1e-5
FLOOR = 1e-6  # smallest curvature over the largest: a direction the data and prior leave flat
ASCENT = {"maxiter": 100, "maxcor": 10}  # of L-BFGS, which finds the basin; Newton ends the search
PULLS = (0.0, 1e-2, 1.0, 1e2)  # towards the start, one after the other where the one before failed
Value = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Values (...) and gradients (..., size) at points (..., size)."""
Objective = Callable[[np.ndarray, Design], tuple[np.ndarray, np.ndarray]]


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
    design: Design, objective: Objective | None = None, near: np.ndarray | None = None
) -> Whitening:
    """The whitening by the Hessian at the mode.

    Parameters
    ----------
    design : Design
    objective : callable, optional
        `compile_objective` of a design that differs in losses and precisions only: nothing is compiled.
    near : ndarray (law_size,), optional
        A position near the mode, from which Newton's steps suffice. Default: a search from `start`.

    Raises
    ------
    BayesScalingError
        No mode was found.
    """
    both = objective or compile_objective(design)
    first = start(design) if near is None else near
    return climb(lambda x: both(x, design), first, far=near is None)


def climb(value_and_gradient: Value, first: np.ndarray, far: bool = True) -> Whitening:
    """The mode of minus a log density, and the whitening by the Hessian there.

    Parameters
    ----------
    value_and_gradient : callable
        See `compile_rows`.
    first : ndarray (size,)
    far : bool
        Search by Newton's steps alone and by L-BFGS before them, and take the better mode: from afar either
        may end at the lesser one.

    Raises
    ------
    BayesScalingError
        The density is not finite on any way from ``first``.
    """
    with threadpool_limits(1, "blas"):  # threads cost more than they give to vectors this short
        for pull in PULLS:
            damped = _pulled(value_and_gradient, first, pull)
            try:
                mode = _best_mode(damped, first) if far or pull else _newton(damped, first)
                if pull:
                    mode = _newton(value_and_gradient, mode)
                return _whitened_at(value_and_gradient, mode)
            except FloatingPointError:
                continue
    raise BayesScalingError(
        "the posterior's mode was not found: its density is not finite near the start. Look for runs with "
        "extreme params, tokens or losses (bayes-scaling describe), give priors that suit them, or take "
        "the simpler law chinchilla"
    )


def _pulled(value_and_gradient: Value, first: np.ndarray, pull: float) -> Value:
    """The objective with a quadratic that holds it near ``first``."""

    def call(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value, gradient = value_and_gradient(x)
        away = x - first
        return value + 0.5 * pull * (away**2).sum(-1), gradient + pull * away

    return call


def _guarded(value_and_gradient: Value) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """At one point: infinite, and level, where it is not finite. A search shortens its step there."""

    def call(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = value_and_gradient(x)
        if np.isfinite(value) and np.isfinite(gradient).all():
            return float(value), gradient
        return np.inf, np.zeros_like(x)

    return call


def _best_mode(value_and_gradient: Value, first: np.ndarray) -> np.ndarray:
    """The best of the modes that Newton's steps reach from the start and from where L-BFGS ends."""
    modes = []
    for begin in (first, _ascend(value_and_gradient, first)):
        with suppress(FloatingPointError):
            modes.append(_newton(value_and_gradient, begin))
    if not modes:
        raise FloatingPointError("no mode was reached")
    return min(modes, key=lambda mode: value_and_gradient(mode)[0])


def _ascend(value_and_gradient: Value, first: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # differences of infinite values
        found = scipy.optimize.minimize(
            _guarded(value_and_gradient), first, jac=True, method="L-BFGS-B", options=ASCENT
        )
    return np.asarray(found.x) if np.isfinite(found.fun) else first


def _newton(value_and_gradient: Value, first: np.ndarray) -> np.ndarray:
    """Newton's steps in a region of trust.

    Raises
    ------
    FloatingPointError
        The value or the Hessian is not finite.
    """
    if not np.isfinite(value_and_gradient(first)[0]):
        raise FloatingPointError("the density is not finite at the start")
    found = scipy.optimize.minimize(
        _guarded(value_and_gradient),
        first,
        jac=True,
        hess=lambda x: _difference_hessian(value_and_gradient, x),
        method="trust-exact",
    )
    return np.asarray(found.x)


def _whitened_at(value_and_gradient: Value, mode: np.ndarray) -> Whitening:
    curvature, axes = np.linalg.eigh(_difference_hessian(value_and_gradient, mode))
    curvature = np.maximum(np.abs(curvature), FLOOR * curvature.max())
    return Whitening(mode, (axes / np.sqrt(curvature)) @ axes.T)


def _difference_hessian(value_and_gradient: Value, x: np.ndarray) -> np.ndarray:
    """Central differences: compiling the exact Hessian would take longer than the whole search."""
    steps = STEP * np.eye(len(x))
    _, gradients = value_and_gradient(x + np.stack([steps, -steps]))
    rows = gradients[0] - gradients[1]
    hessian = 0.5 * (rows + rows.T) / (2 * STEP)
    if not np.isfinite(hessian).all():
        raise FloatingPointError("the Hessian is not finite")
    return np.asarray(hessian)


def compile_objective(design: Design) -> Objective:
    """Minus the approximate log density and its gradient at the law's part of positions (..., law_size).

    See `compile_rows`. For this design and any that differs from it in its losses and in the precisions of
    its noise. It is compiled once in a process for designs that are alike.
    """
    return _compiled(Alike(design))


@lru_cache(maxsize=8)
def _compiled(alike: Alike) -> Objective:
    import jax.scipy.special

    design = alike.design
    identity = Whitening(np.zeros(design.law_size), np.eye(design.law_size))

    def potential(x: Any, log_loss: Any, precision: Any, walked: Any) -> Any:
        misfit = design.misfit and replace(design.misfit, precision=precision, walked=walked)
        changed = replace(design, log_loss=log_loss, misfit=misfit)
        return -log_approximate(jax.numpy, identity.law(x, design), changed, jax.scipy.special.gammaln)

    rows = compile_rows(potential, design.law_size)

    def call(points: np.ndarray, changed: Design) -> tuple[np.ndarray, np.ndarray]:
        misfit = changed.misfit
        given = (misfit.precision, misfit.walked) if misfit else (0.0, 0.0)
        return rows(points, changed.log_loss, *given)

    return call


def compile_rows(potential: Callable[..., Any], size: int) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """A potential's values and gradients at one point or at the points of a difference Hessian.

    Parameters
    ----------
    potential : callable
        It takes a point (size,) and further arrays, and is written for JAX.
    size : int

    Returns
    -------
    callable
        It takes points (..., size), at most twice ``size``, and the further arrays, and gives values (...)
        and gradients.
    """
    import jax

    jnp = jax.numpy
    at_one = jax.value_and_grad(potential)

    @jax.jit
    def rows(points: Any, count: Any, *given: Any) -> Any:
        def step(i: Any, found: Any) -> Any:
            values, gradients = found
            value, gradient = at_one(points[i], *given)
            return values.at[i].set(value), gradients.at[i].set(gradient)

        empty = jnp.zeros(len(points)), jnp.zeros_like(points)
        return jax.lax.fori_loop(0, count, step, empty)

    def call(points: np.ndarray, *given: Any) -> tuple[np.ndarray, np.ndarray]:
        flat = points.reshape(-1, size)
        padded = np.zeros((2 * size, size))
        padded[: len(flat)] = flat
        with jax.enable_x64(True):
            values, gradients = rows(padded, len(flat), *given)
        values = np.asarray(values)[: len(flat)]
        gradients = np.asarray(gradients)[: len(flat)]
        return values.reshape(points.shape[:-1]), gradients.reshape(points.shape)

    return call
