"""Robust least squares from many starts at once: Levenberg-Marquardt with iterated weights, in JAX.

The Huber objective is bounded from above by a weighted sum of squares that touches it at the current
point, so a step that lowers the sum lowers the objective; damping guards the step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from scipy import optimize

from bayes_scaling.laws import get_law, log_loss

ORDER = ("log_E", "log_A", "log_B", "alpha", "beta")
BLOCK = 500  # starts solved together: as much as the processor's cache holds


def residuals(xp: Any, x: Any, data: tuple[Any, Any, Any], law: str) -> Any:
    """ln L_hat - ln L of each run.

    Parameters
    ----------
    x : array (coefficient,)
        ln E, ln A, ln B, alpha, beta[, ln gamma], A and B relative to the data's reference sizes.
    data : tuple of array (run,)
        ln params and ln tokens relative to the reference sizes, ln loss.
    """
    log_params, log_tokens, log_observed = data
    fixed = get_law(law).fixed
    theta = {name: x[i] for i, name in enumerate(ORDER)}
    theta["gamma"] = fixed["gamma"] if "gamma" in fixed else xp.exp(x[len(ORDER)])
    return log_loss(xp, log_params, log_tokens, theta) - log_observed


def huber(xp: Any, residual: Any, delta: float) -> Any:
    """Huber's function of each residual."""
    size = xp.abs(residual)
    return xp.where(size <= delta, 0.5 * residual**2, delta * (size - 0.5 * delta))


def solve_many(
    starts: np.ndarray, data: tuple[np.ndarray, ...], counts: np.ndarray, law: str, delta: float, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Minimise sum(counts * huber) from each start.

    Parameters
    ----------
    starts : ndarray (start, coefficient)
    data : tuple of ndarray (run,)
    counts : ndarray (run,) or (start, run)
        Weight of each run, the same for all starts or each start's own.
    law : str
    delta : float
    steps : int

    Returns
    -------
    tuple of ndarray
        Points (start, coefficient) and objectives (start,).
    """
    import jax

    counts = np.broadcast_to(counts, (len(starts), counts.shape[-1]))
    points, values = [], []
    with jax.enable_x64(True):
        solve = _solver(law, delta, steps)
        for at in range(0, len(starts), BLOCK):
            block, rows = (_filled(a[at : at + BLOCK]) for a in (starts, counts))
            point, value = solve(block, rows, data)
            size = min(BLOCK, len(starts) - at)
            points.append(np.asarray(point)[:size])
            values.append(np.asarray(value)[:size])
    return np.concatenate(points), np.concatenate(values)


def _filled(block: np.ndarray) -> np.ndarray:
    """Blocks of few sizes, so that few programs are compiled."""
    size = BLOCK if len(block) > 50 else 50
    return np.concatenate([block, np.repeat(block[-1:], size - len(block), axis=0)])


@cache
def _solver(law: str, delta: float, steps: int) -> Callable[..., Any]:
    import jax
    import jax.numpy as jnp

    def one(start: Any, count: Any, data: Any) -> Any:
        def objective(x: Any) -> Any:
            return (count * huber(jnp, residuals(jnp, x, data, law), delta)).sum()

        def step(_: int, state: Any) -> Any:
            x, value, damping = state
            residual = residuals(jnp, x, data, law)
            slope = jax.jacfwd(lambda at: residuals(jnp, at, data, law))(x)
            weight = count * jnp.minimum(1.0, delta / jnp.maximum(jnp.abs(residual), 1e-300))
            curvature = slope.T @ (weight[:, None] * slope)
            ridge = damping * jnp.diag(jnp.diag(curvature)) + 1e-14 * jnp.eye(len(x))
            moved = x - jnp.linalg.solve(curvature + ridge, slope.T @ (weight * residual))
            found = objective(moved)
            better = found < value
            damping = jnp.clip(jnp.where(better, 0.3 * damping, 4.0 * damping), 1e-10, 1e10)
            return jnp.where(better, moved, x), jnp.where(better, found, value), damping

        first = objective(start)
        x, value, _ = jax.lax.fori_loop(0, steps, step, (start, first, 1e-2))
        return x, jnp.where(jnp.isfinite(value), value, jnp.inf)

    return jax.jit(jax.vmap(one, (0, 0, None)))


def polish(
    start: np.ndarray, data: tuple[np.ndarray, ...], counts: np.ndarray, law: str, delta: float
) -> tuple[np.ndarray, float]:
    """The last digits by BFGS with exact gradients, then by a simplex over the kinks."""
    import jax

    with jax.enable_x64(True):
        gradient = _gradient(law, delta)

        def call(x: np.ndarray) -> tuple[float, np.ndarray]:
            value, slope = gradient(x, counts, data)
            return float(value), np.asarray(slope)

        best = optimize.minimize(call, start, jac=True, method="BFGS", options={"gtol": 1e-9})
        simplex = optimize.minimize(
            lambda x: call(x)[0],
            best.x,
            method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000, "maxfev": 4000},
        )
    found = simplex if simplex.fun <= best.fun else best
    return np.asarray(found.x), float(found.fun)


@cache
def _gradient(law: str, delta: float) -> Callable[..., Any]:
    """Value and gradient of the objective over delta, which BFGS finds well scaled."""
    import jax
    import jax.numpy as jnp

    def objective(x: Any, counts: Any, data: Any) -> Any:
        return (counts * huber(jnp, residuals(jnp, x, data, law), delta)).sum() / delta

    return jax.jit(jax.value_and_grad(objective))
