"""The joint loss model in PyMC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.models.density import log_terms
from bayes_scaling.models.design import Design
from bayes_scaling.models.draws import TARGET_ACCEPTANCE, RawDraws, Sampling
from bayes_scaling.models.whitening import Whitening

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

Terms = Callable[[Any], Mapping[str, Any]]
_NUTPIE = {
    "diverging": "diverging",
    "energy": "energy",
    "n_steps": "n_steps",
    "depth": "tree_depth",
    "mean_tree_accept": "acceptance_rate",
    "step_size": "step_size",
}
_PYMC = {
    name: name for name in ("diverging", "energy", "n_steps", "tree_depth", "acceptance_rate", "step_size")
}


def build_pymc(design: Design, whitening: Whitening) -> pm.Model:
    """A PyMC model of the whitened position."""
    return whitened_model(design.size, terms_at(design, whitening))


def whitened_model(size: int, terms: Terms) -> pm.Model:
    """A PyMC model of a point (size,), one potential for each named term of its log density."""
    import pymc as pm

    with pm.Model(check_bounds=False) as model:
        add_point(size, terms)
    return model


def add_terms(design: Design, whitening: Whitening) -> None:
    """The whitened position and the potentials, in the PyMC model that is open."""
    add_point(design.size, terms_at(design, whitening))


def add_point(size: int, terms: Terms) -> None:
    """A point (size,) and the potentials of its terms, in the PyMC model that is open."""
    import pymc as pm

    for name, term in terms(pm.Flat("whitened", shape=size, initval=np.zeros(size))).items():
        pm.Potential(name, term)


def terms_at(design: Design, whitening: Whitening) -> Terms:
    """The named terms of the log density as a function of the whitened point."""
    import pytensor.tensor as pt

    return lambda point: log_terms(pt, whitening.position(point, design), design, pt.gammaln)


def sample_pymc(design: Design, whitening: Whitening, sampling: Sampling) -> RawDraws:
    """NUTS by PyMC's own sampler: no numba compilation, slower draws."""
    return draw_pymc(build_pymc(design, whitening), sampling, TARGET_ACCEPTANCE[design.spec.pooling])


def draw_pymc(model: pm.Model, sampling: Sampling, target_acceptance: float) -> RawDraws:
    """Draws of a model whose only variable is ``whitened``."""
    import pymc as pm

    with model:
        tree = pm.sample(
            draws=sampling.draws,
            tune=sampling.tune,
            chains=sampling.chains,
            random_seed=sampling.seed,
            progressbar=sampling.progress,
            nuts_sampler="pymc",
            target_accept=target_acceptance,
            compute_convergence_checks=False,
        )
    return _raw(tree, _PYMC)


def sample_nutpie(design: Design, whitening: Whitening, sampling: Sampling) -> RawDraws:
    """NUTS by nutpie on the PyMC model, compiled by numba."""
    import nutpie

    compiled = nutpie.compile_pymc_model(build_pymc(design, whitening))
    return draw_nutpie(compiled, sampling, TARGET_ACCEPTANCE[design.spec.pooling])


def draw_nutpie(compiled: Any, sampling: Sampling, target_acceptance: float) -> RawDraws:
    """Draws of a compiled model."""
    import nutpie

    tree = nutpie.sample(
        compiled,
        draws=sampling.draws,
        tune=sampling.tune,
        chains=sampling.chains,
        seed=sampling.seed,
        progress_bar=sampling.progress,
        save_warmup=False,
        adaptation="low_rank",  # costs nothing where whitening suffices, helps where it does not
        target_accept=target_acceptance,
    )
    return _raw(tree, _NUTPIE)


def _raw(tree: xr.DataTree, names: dict[str, str]) -> RawDraws:
    stats = {ours: tree["sample_stats"][theirs].to_numpy() for theirs, ours in names.items()}
    return RawDraws(tree["posterior"]["whitened"].to_numpy(), stats)
