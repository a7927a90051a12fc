"""The latency model in NumPyro."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bayes_scaling.models.latency_density import log_terms
from bayes_scaling.models.latency_design import LatencyDesign
from bayes_scaling.models.loss_numpyro import whitened_model
from bayes_scaling.models.nuts_numpyro import NumpyroEngine, compile_nuts
from bayes_scaling.models.whitening import Whitening


def build_numpyro(design: LatencyDesign, whitening: Whitening) -> Callable[[], None]:
    """A NumPyro model of the whitened position."""
    import jax.numpy as jnp

    return whitened_model(design.size, lambda point: log_terms(jnp, whitening.vector(point), design))


def numpyro_engine(design: LatencyDesign) -> NumpyroEngine:
    """NUTS by NumPyro."""
    import jax.numpy as jnp

    def minus_log_density(point: Any, given: Any) -> Any:
        frame, _ = given
        return -sum(log_terms(jnp, Whitening(*frame).vector(point), design).values())

    size = design.size
    frame = np.zeros(size), np.eye(size), np.ones(0)
    return NumpyroEngine(compile_nuts(minus_log_density, size, (frame, ())), ())
