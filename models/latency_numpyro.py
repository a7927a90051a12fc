"""The latency model in NumPyro."""

from __future__ import annotations

from collections.abc import Callable

from bayes_scaling.models.draws import RawDraws, Sampling
from bayes_scaling.models.latency_density import log_terms
from bayes_scaling.models.latency_design import LatencyDesign
from bayes_scaling.models.loss_numpyro import draw_numpyro, whitened_model
from bayes_scaling.models.whitening import Whitening

TARGETS = (0.97, 0.99, 0.998)  # of acceptance: the next where the one before did not suffice


def build_numpyro(design: LatencyDesign, whitening: Whitening) -> Callable[[], None]:
    """A NumPyro model of the whitened position."""
    import jax.numpy as jnp

    return whitened_model(design.size, lambda point: log_terms(jnp, whitening.vector(point), design))


def sample_numpyro(
    design: LatencyDesign, whitening: Whitening, sampling: Sampling, target: float = TARGETS[0]
) -> RawDraws:
    """NUTS by NumPyro."""
    model = build_numpyro(design, whitening)
    return draw_numpyro(model, design.size, sampling, target, dense=True)
