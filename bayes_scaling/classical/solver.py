"""Robust least squares from many starts at once: damped Newton steps, in JAX.

The curvature of a step is that of the runs whose residual is within delta, Newton's, which ends in a few
steps, plus damping times that of all runs with weights delta / |residual|, whose sum of squares bounds
the objective from above: with enough damping a step cannot fail. A box keeps what the data do not
determine from running off to where numbers overflow.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize

from bayes_scaling.laws.law import get_law, log_loss

ORDER = ("log_E", "log_A", "log_B", "alpha", "beta")
BLOCK = 500  # starts solved together: as much as the processor's cache holds
ROUNDED = 64  # runs are filled up to a multiple of that with weight 0, so that few programs are compiled
DAMPING, RIDGE = 0.1, 1e-2  # at the start; share of the curvature's diagonal in what is damped
SETTLED, STALLED = 1e-10, 8  # relative gain of a step that counts as none, and how many of them end it
FLOOR = 30.0  # E is at least e^-30 of the mean loss: none at all, to all digits
TERMS, EXPONENT, LOG_GAMMA = 60.0, 5.0, 3.0  # bounds of |ln A|, |ln B|; |alpha|, |beta|; |ln gamma|


class Problem(NamedTuple):
    """What is fitted.

    Attributes
    ----------
    log_params, log_tokens : ndarray (run,)
        Relative to the data's reference sizes.
    log_loss : ndarray (run,)
    law : str
    delta : float
        Where Huber's function turns from square to linear, in ln L.
    """

    log_params: np.ndarray
    log_tokens: np.ndarray
    log_loss: np.ndarray
    law: str
    delta: float

    @property
    def data(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The arrays."""
        return self.log_params, self.log_tokens, self.log_loss

    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest value of each coefficient as `residuals` takes them."""
        centre = self.log_loss.mean()
        bounds = [TERMS, TERMS, EXPONENT, EXPONENT]
        if "gamma" not in get_law(self.law).fixed:
            bounds.append(LOG_GAMMA)
        high = np.array(bounds)
        return np.array([centre - FLOOR, *-high]), np.array([centre + FLOOR, *high])


class Found(NamedTuple):
    """Points (start, coefficient), objectives (start,) and whether the last steps gained nothing (start,)."""

    points: np.ndarray
    values: np.ndarray
    settled: np.ndarray


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


def huber(xp: Any, residual: Any, delta: Any) -> Any:
    """Huber's function of each residual."""
    size = xp.abs(residual)
    return xp.where(size <= delta, 0.5 * residual**2, delta * (size - 0.5 * delta))


def solve_many(starts: np.ndarray, problem: Problem, counts: np.ndarray, steps: int) -> Found:
    """Minimise sum(counts * huber) from each start.

    Parameters
    ----------
    starts : ndarray (start, coefficient)
    problem : Problem
    counts : ndarray (run,) or (start, run)
        Weight of each run, the same for all starts or each start's own.
    steps : int
        At most; a start that gains nothing any more stops earlier.
    """
    import jax

    data, counts = _padded(problem.data, np.broadcast_to(counts, (len(starts), np.shape(counts)[-1])))
    parts = []
    with jax.enable_x64(True):
        solve = _solver(problem.law)
        for at in range(0, len(starts), BLOCK):
            block = _filled(starts[at : at + BLOCK])
            rows = _filled(counts[at : at + BLOCK])
            found = solve(block, rows, data, problem.delta, *problem.box(), steps)
            parts.append([np.asarray(part)[: min(BLOCK, len(starts) - at)] for part in found])
    return Found(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _filled(block: np.ndarray) -> np.ndarray:
    """A whole block, its last row repeated."""
    return np.concatenate([block, np.repeat(block[-1:], BLOCK - len(block), axis=0)])


def _padded(data: tuple[np.ndarray, ...], counts: np.ndarray) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Data and counts (..., run) with runs of weight 0 at the end."""
    extra = -counts.shape[-1] % ROUNDED
    filled = tuple(np.append(values, np.full(extra, values.mean())) for values in data)
    return filled, np.concatenate([counts, np.zeros((*counts.shape[:-1], extra))], axis=-1)


@cache
def _solver(law: str) -> Callable[..., Any]:
    import jax

    jnp = jax.numpy

    def one(start: Any, count: Any, data: Any, delta: Any, low: Any, high: Any, steps: Any) -> Any:
        def objective(x: Any) -> Any:
            return (count * huber(jnp, residuals(jnp, x, data, law), delta)).sum()

        def go_on(state: Any) -> Any:
            return (state[0] < steps) & (state[4] < STALLED)

        def step(state: Any) -> Any:
            done, x, value, damping, stalled = state
            residual = residuals(jnp, x, data, law)
            slope = jax.jacfwd(lambda at: residuals(jnp, at, data, law))(x)
            size = jnp.abs(residual)
            weight = count * jnp.minimum(1.0, delta / jnp.maximum(size, 1e-300))
            bound = slope.T @ (weight[:, None] * slope)
            newton = slope.T @ ((count * (size <= delta))[:, None] * slope)
            curvature = newton + damping * (bound + RIDGE * jnp.diag(jnp.diag(bound)))
            tiny = 1e-14 * jnp.eye(len(x))
            moved = x - jnp.linalg.solve(curvature + tiny, slope.T @ (weight * residual))
            moved = jnp.clip(moved, low, high)
            found = objective(moved)
            better = found < value
            stalled = jnp.where(better & (found < value * (1 - SETTLED)), 0, stalled + 1)
            damping = jnp.clip(jnp.where(better, 0.3 * damping, 4.0 * damping), 1e-10, 1e10)
            x = jnp.where(better, moved, x)
            value = jnp.where(better, found, value)
            return done + 1, x, value, damping, stalled

        start = jnp.clip(start, low, high)
        state = jax.lax.while_loop(go_on, step, (0, start, objective(start), DAMPING, 0))
        value = jnp.where(jnp.isfinite(state[2]), state[2], jnp.inf)
        return state[1], value, state[4] >= STALLED

    return jax.jit(jax.vmap(one, (0, 0, None, None, None, None, None)))


def polish(start: np.ndarray, problem: Problem, counts: np.ndarray) -> tuple[np.ndarray, float]:
    """The last digits by L-BFGS-B with exact gradients, then by a simplex over the kinks."""
    import jax

    bounds = optimize.Bounds(*problem.box())
    data, counts = _padded(problem.data, counts)
    with jax.enable_x64(True):
        gradient = _gradient(problem.law)

        def call(x: np.ndarray) -> tuple[float, np.ndarray]:
            value, slope = gradient(x, counts, data, problem.delta)
            return float(value), np.asarray(slope)

        options: dict[str, float] = {"ftol": 1e-15, "gtol": 1e-9}
        best = optimize.minimize(call, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        simplex = optimize.minimize(
            lambda x: call(x)[0],
            best.x,
            method="Nelder-Mead",
            bounds=bounds,
            options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000, "maxfev": 4000},
        )
    found = simplex if simplex.fun <= best.fun else best
    return np.asarray(found.x), float(found.fun) * problem.delta


@cache
def _gradient(law: str) -> Callable[..., Any]:
    """Value and gradient of the objective over delta, which the search finds well scaled."""
    import jax

    jnp = jax.numpy

    def objective(x: Any, counts: Any, data: Any, delta: Any) -> Any:
        return (counts * huber(jnp, residuals(jnp, x, data, law), delta)).sum() / delta

    return jax.jit(jax.value_and_grad(objective))
