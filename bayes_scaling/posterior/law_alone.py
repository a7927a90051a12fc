"""The law alone: the same runs and priors without a discrepancy, a second estimator beside the default.

It is its own fit, not the default's draws with their drift left out: there the law's coefficients have made
room for the drift.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr

from bayes_scaling.laws.law import fitted_laws
from bayes_scaling.models.compiled_code import kept_compiled
from bayes_scaling.models.design import Design, build_design
from bayes_scaling.models.draws import TARGET_ACCEPTANCE, RawDraws, Sampling
from bayes_scaling.models.misfit_precisions import settle
from bayes_scaling.models.refit import accept, engine_of
from bayes_scaling.models.rounds import Silence, sample_in_rounds
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.models.whitening import Whitening
from bayes_scaling.posterior.idata import posterior_dataset
from bayes_scaling.posterior.posterior import Posterior

GROUP = "law_alone"
NONE = "none"
DRAWS = 500  # from the normal at the mode
SHORT = Sampling(draws=150, tune=200, chains=4, seed=17, max_draws=150)
NORMAL, SAMPLED = "normal", "sampled"


def law_alone(fit: Posterior, sampled: bool = False) -> Posterior | None:
    """The posterior of the law alone; the fit itself where it has no discrepancy.

    The draws stay with the fit, in memory and, once it is saved, on disk.

    Parameters
    ----------
    fit : Posterior
    sampled : bool
        Sample it, some seconds. Otherwise what is there is good enough, and where nothing is, a normal at the
        mode, a second or two: close for one group, too narrow for a hierarchy, enough to tell whether
        sampling is worth while.

    Returns
    -------
    Posterior or None
        None for a stack of models, which is no law that can be fitted.

    Raises
    ------
    BayesScalingError
        The law alone has no mode.
    """
    spec = fit.spec
    if spec.discrepancy == NONE:
        return fit
    if spec.law not in fitted_laws():
        return None
    alone = replace(spec, discrepancy=NONE)
    draws = _kept(fit)
    if draws is None or (sampled and draws.attrs["how"] != SAMPLED):
        draws = _draws(fit, alone, sampled)
        fit.idata[GROUP] = xr.DataTree(draws)
    return replace(fit, idata=xr.DataTree.from_dict({"posterior": draws}), spec=alone)


def is_sampled(fit: Posterior) -> bool:
    """Whether the draws of the law alone that a fit keeps were sampled, or need not be."""
    kept = _kept(fit)
    return fit.spec.discrepancy == NONE or (kept is not None and kept.attrs["how"] == SAMPLED)


def _kept(fit: Posterior) -> xr.Dataset | None:
    """The draws that stay with a fit; None where there are none of these runs."""
    if GROUP not in fit.idata.children:
        return None
    found = fit.idata[GROUP].to_dataset()
    return found if found.attrs.get("runs") == fit.runs.data_hash else None


def _draws(fit: Posterior, spec: ModelSpec, sampled: bool) -> xr.Dataset:
    """Draws in users' units."""
    with kept_compiled():
        design, whitening = settle(build_design(fit.runs, spec))
        raw, whitening = _sampled(design, whitening) if sampled else (_normal(design), whitening)
    draws = posterior_dataset(raw, whitening, design, fit.runs, SHORT.seed)
    chains, count = raw.whitened.shape[:2]
    about = {"runs": fit.runs.data_hash, "how": SAMPLED if sampled else NORMAL}
    return draws.assign_coords(chain=np.arange(chains), draw=np.arange(count)).assign_attrs(about)


def _normal(design: Design) -> RawDraws:
    """Points of the normal at the mode."""
    rng = np.random.default_rng([SHORT.seed, 0])
    return RawDraws(rng.standard_normal((1, DRAWS, design.size)), {})


def _sampled(design: Design, whitening: Whitening) -> tuple[RawDraws, Whitening]:
    """Points of short chains, and their whitening."""
    engine = engine_of(design, "numpyro")
    target = TARGET_ACCEPTANCE[design.spec.pooling]
    found = sample_in_rounds(engine, whitening, design.size, SHORT, target, accept, Silence())
    return found.raw, found.whitening
