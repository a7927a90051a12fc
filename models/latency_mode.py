"""The latency model's posterior mode and the curvature there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bayes_scaling.models.latency_density import log_terms
from bayes_scaling.models.latency_design import LatencyDesign
from bayes_scaling.models.mode import Value, climb, compile_rows
from bayes_scaling.models.whitening import Whitening


def find_whitening(design: LatencyDesign) -> Whitening:
    """The whitening by the Hessian at the mode, with JAX whichever back end samples."""
    found = climb(compile_potential(design), design.start())
    return replace(found, scales=np.ones(0))


def compile_potential(design: LatencyDesign) -> Value:
    """Minus the log density and its gradient at positions (..., size)."""
    import jax.numpy as jnp

    def potential(position: Any) -> Any:
        return -sum(log_terms(jnp, position, design).values())

    return compile_rows(potential, design.size)
