"""The joint loss model in PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.models.density import log_terms
from bayes_scaling.models.design import Design
from bayes_scaling.models.draws import TARGET_ACCEPTANCE, RawDraws, Sampling
from bayes_scaling.models.whitening import Whitening

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

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
    """A PyMC model of the whitened position, one potential for each named term of the log density."""
    import pymc as pm

    with pm.Model(check_bounds=False) as model:
        add_terms(design, whitening)
    return model


def add_terms(design: Design, whitening: Whitening) -> None:
    """The whitened position and the potentials, in the PyMC model that is open."""
    import pymc as pm
    import pytensor.tensor as pt

    whitened = pm.Flat("whitened", shape=design.size, initval=np.zeros(design.size))
    position = whitening.position(whitened, design)
    for name, term in log_terms(pt, position, design, pt.gammaln).items():
        pm.Potential(name, term)


def sample_pymc(design: Design, whitening: Whitening, sampling: Sampling) -> RawDraws:
    """NUTS by PyMC's own sampler: no numba compilation, slower draws."""
    import pymc as pm

    with build_pymc(design, whitening):
        tree = pm.sample(
            draws=sampling.draws,
            tune=sampling.tune,
            chains=sampling.chains,
            random_seed=sampling.seed,
            progressbar=sampling.progress,
            nuts_sampler="pymc",
            target_accept=TARGET_ACCEPTANCE[design.spec.pooling],
            compute_convergence_checks=False,
        )
    return _raw(tree, _PYMC)


def sample_nutpie(design: Design, whitening: Whitening, sampling: Sampling) -> RawDraws:
    """NUTS by nutpie on the PyMC model, compiled by numba."""
    import nutpie

    return draw_nutpie(nutpie.compile_pymc_model(build_pymc(design, whitening)), design, sampling)


def draw_nutpie(compiled: Any, design: Design, sampling: Sampling) -> RawDraws:
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
        target_accept=TARGET_ACCEPTANCE[design.spec.pooling],
    )
    return _raw(tree, _NUTPIE)


def _raw(tree: xr.DataTree, names: dict[str, str]) -> RawDraws:
    stats = {ours: tree["sample_stats"][theirs].to_numpy() for theirs, ours in names.items()}
    return RawDraws(tree["posterior"]["whitened"].to_numpy(), stats)
