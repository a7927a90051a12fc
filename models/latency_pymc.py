"""The latency model in PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_scaling.models.draws import RawDraws, Sampling
from bayes_scaling.models.latency_density import log_terms
from bayes_scaling.models.latency_design import LatencyDesign
from bayes_scaling.models.latency_numpyro import TARGETS
from bayes_scaling.models.loss_pymc import draw_nutpie, draw_pymc, whitened_model
from bayes_scaling.models.whitening import Whitening

if TYPE_CHECKING:
    import pymc as pm


def build_pymc(design: LatencyDesign, whitening: Whitening) -> pm.Model:
    """A PyMC model of the whitened position."""
    import pytensor.tensor as pt

    return whitened_model(design.size, lambda point: log_terms(pt, whitening.vector(point), design))


def sample_nutpie(
    design: LatencyDesign, whitening: Whitening, sampling: Sampling, target: float = TARGETS[0]
) -> RawDraws:
    """NUTS by nutpie on the PyMC model, compiled by numba."""
    import nutpie

    compiled = nutpie.compile_pymc_model(build_pymc(design, whitening))
    return draw_nutpie(compiled, sampling, target)


def sample_pymc(
    design: LatencyDesign, whitening: Whitening, sampling: Sampling, target: float = TARGETS[0]
) -> RawDraws:
    """NUTS by PyMC's own sampler: no numba compilation, slower draws."""
    return draw_pymc(build_pymc(design, whitening), sampling, target)
