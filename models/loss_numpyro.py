"""The joint loss model in NumPyro."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from bayes_scaling.models.density import log_terms
from bayes_scaling.models.design import Alike, Design
from bayes_scaling.models.nuts_numpyro import NumpyroEngine, Transitions, compile_nuts
from bayes_scaling.models.whitening import Whitening


def build_numpyro(design: Design, whitening: Whitening) -> Callable[[], None]:
    """A NumPyro model of the whitened position."""
    import jax.numpy as jnp
    from jax.scipy.special import gammaln

    return whitened_model(
        design.size, lambda point: log_terms(jnp, whitening.position(point, design), design, gammaln)
    )


def whitened_model(size: int, terms: Callable[[Any], Mapping[str, Any]]) -> Callable[[], None]:
    """A NumPyro model of a point (size,), one factor for each named term of its log density."""
    import numpyro
    from numpyro import distributions as dist

    def model() -> None:
        space = dist.ImproperUniform(dist.constraints.real_vector, (), (size,))
        for name, term in terms(numpyro.sample("whitened", space)).items():
            numpyro.factor(name, term)

    return model


def numpyro_engine(design: Design) -> NumpyroEngine:
    """NUTS by NumPyro on a settled design; compiled once in a process for designs that are alike."""
    return NumpyroEngine(_compiled(Alike(design)), _data(design))


def _data(design: Design) -> tuple[Any, dict[str, Any]]:
    """What differs between designs that are alike: the losses, and where the misfit is settled."""
    settled = design.misfit.settled if design.misfit else {}
    return design.log_loss, settled


@lru_cache(maxsize=8)
def _compiled(alike: Alike) -> Transitions:
    import jax.numpy as jnp
    from jax.scipy.special import gammaln

    design = alike.design

    def minus_log_density(point: Any, given: Any) -> Any:
        frame, (log_loss, settled) = given
        misfit = design.misfit and design.misfit.with_settled(**settled)
        changed = replace(design, log_loss=log_loss, misfit=misfit)
        position = Whitening(*frame).position(point, design)
        return -sum(term.sum() for term in log_terms(jnp, position, changed, gammaln).values())

    law = design.law_size
    frame = np.zeros(law), np.eye(law), np.ones(design.size - law)
    return compile_nuts(minus_log_density, design.size, (frame, _data(design)))
