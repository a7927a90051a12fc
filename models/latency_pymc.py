"""The latency model in PyMC."""

from __future__ import annotations

import numpy as np

from bayes_scaling.models.latency_density import log_terms
from bayes_scaling.models.latency_design import LatencyDesign
from bayes_scaling.models.loss_pymc import add_point, whitened_model
from bayes_scaling.models.nuts_pymc import Model, NutpieEngine, PymcEngine
from bayes_scaling.models.whitening import Whitening

FRAME = ("center", "factor")


def build_pymc(design: LatencyDesign, whitening: Whitening) -> Model:
    """A PyMC model of the whitened position."""
    import pytensor.tensor as pt

    return whitened_model(design.size, lambda point: log_terms(pt, whitening.vector(point), design))


def nutpie_engine(design: LatencyDesign) -> NutpieEngine:
    """NUTS by nutpie, compiled by numba."""
    import nutpie

    compiled = nutpie.compile_pymc_model(model_with_data(design), freeze_model=False)
    return NutpieEngine(compiled, FRAME, {})


def pymc_engine(design: LatencyDesign) -> PymcEngine:
    """NUTS by PyMC's own sampler: no numba compilation, slower draws."""
    return PymcEngine(model_with_data(design), FRAME)


def model_with_data(design: LatencyDesign) -> Model:
    """The PyMC model whose whitening is data."""
    import pymc as pm
    import pytensor.tensor as pt

    with pm.Model(check_bounds=False) as model:
        center = pm.Data("center", np.zeros(design.size))
        frame = Whitening(center, pm.Data("factor", np.eye(design.size)))
        add_point(design.size, lambda point: log_terms(pt, frame.vector(point), design))
    return model
