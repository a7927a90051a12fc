"""The latency model's posterior mode and the curvature there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bayes_scaling.models.latency_density import log_terms
from bayes_scaling.models.latency_design import LatencyDesign
from bayes_scaling.models.mode import climb
from bayes_scaling.models.whitening import Whitening


def find_whitening(design: LatencyDesign) -> Whitening:
    """The whitening by the Hessian at the mode, with JAX whichever back end samples."""
    found = climb(compile_potential(design), design.prior()[0])
    return replace(found, scales=np.ones(0))


def compile_potential(design: LatencyDesign) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Minus the log density and its gradient at a position (size,)."""
    import jax
    import jax.numpy as jnp

    @jax.jit
    @jax.value_and_grad
    def potential(position: jax.Array) -> jax.Array:
        return -sum(log_terms(jnp, position, design).values())  # type: ignore[return-value]

    def call(position: np.ndarray) -> tuple[float, np.ndarray]:
        with jax.enable_x64(True):
            value, gradient = potential(position)
            return float(value), np.asarray(gradient)

    return call
