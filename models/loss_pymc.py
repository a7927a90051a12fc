"""The joint loss model in PyMC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from bayes_scaling.models.density import log_terms
from bayes_scaling.models.design import Alike, Design
from bayes_scaling.models.nuts_pymc import Model, NutpieEngine, PymcEngine
from bayes_scaling.models.whitening import Whitening

Terms = Callable[[Any], Mapping[str, Any]]


def build_pymc(design: Design, whitening: Whitening) -> Model:
    """A PyMC model of the whitened position."""
    import pytensor.tensor as pt

    return whitened_model(
        design.size, lambda point: log_terms(pt, whitening.position(point, design), design, pt.gammaln)
    )


def whitened_model(size: int, terms: Terms) -> Model:
    """A PyMC model of a point (size,), one potential for each named term of its log density."""
    import pymc as pm

    with pm.Model(check_bounds=False) as model:
        add_point(size, terms)
    return model


def add_point(size: int, terms: Terms) -> None:
    """A point (size,) and the potentials of its terms, in the PyMC model that is open."""
    import pymc as pm

    for name, term in terms(pm.Flat("whitened", shape=size, initval=np.zeros(size))).items():
        pm.Potential(name, term)


def nutpie_engine(design: Design) -> NutpieEngine:
    """NUTS by nutpie, compiled by numba, on a settled design; compiled once for designs that are alike."""
    compiled, names = _compiled(Alike(design))
    data = _data(design)
    return NutpieEngine(compiled, names, {name: data[name] for name in data if name in names})


def pymc_engine(design: Design) -> PymcEngine:
    """NUTS by PyMC's own sampler: no numba compilation, slower draws."""
    return PymcEngine(*model_with_data(design))


@lru_cache(maxsize=8)
def _compiled(alike: Alike) -> tuple[Any, tuple[str, ...]]:
    import nutpie

    model, names = model_with_data(alike.design)
    return nutpie.compile_pymc_model(model, freeze_model=False), names


def model_with_data(design: Design) -> tuple[Model, tuple[str, ...]]:
    """The PyMC model whose losses, whitening and settled misfit are data, and the names of those it uses."""
    import pymc as pm
    import pytensor.tensor as pt
    from pytensor.graph.traversal import ancestors

    law = design.law_size
    with pm.Model(check_bounds=False) as model:
        frame = Whitening(
            pm.Data("center", np.zeros(law)),
            pm.Data("factor", np.eye(law)),
            pm.Data("scales", np.ones(design.size - law)),
        )
        values = {name: pm.Data(name, value) for name, value in _data(design).items()}
        log_loss = values.pop("log_loss")
        misfit = design.misfit and design.misfit.with_settled(**values)
        changed = replace(design, log_loss=log_loss, misfit=misfit)
        add_point(
            design.size, lambda point: log_terms(pt, frame.position(point, design), changed, pt.gammaln)
        )
    used = {variable.name for variable in ancestors(model.potentials)}
    return model, tuple(variable.name for variable in model.data_vars if variable.name in used)


def _data(design: Design) -> dict[str, Any]:
    """What differs between designs that are alike: the losses, and where the misfit is settled."""
    settled = design.misfit.settled if design.misfit else {}
    return {"log_loss": design.log_loss} | settled
