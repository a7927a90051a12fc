"""The law alone: the same runs and priors without a discrepancy, a second estimator beside the default.

It is its own fit, not the default's draws with their drift left out: there the law's coefficients have made
room for the drift. `law_sampled` samples it; nothing here needs a sampler.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr

from bayes_scaling.laws.law import fitted_laws
from bayes_scaling.models.compiled_code import kept_compiled
from bayes_scaling.models.design import Design, build_design
from bayes_scaling.models.draws import RawDraws
from bayes_scaling.models.misfit_precisions import settle
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.models.whitening import Whitening
from bayes_scaling.posterior.idata import posterior_dataset
from bayes_scaling.posterior.posterior import Posterior

GROUP = "law_alone"
NONE = "none"
DRAWS = 500  # from the normal at the mode
SEED = 17
NORMAL, SAMPLED = "normal", "sampled"


def law_alone(fit: Posterior) -> Posterior | None:
    """The posterior of the law alone; the fit itself where it has no discrepancy.

    The draws stay with the fit, in memory and, once it is saved, on disk. Where none are there, they come
    from a normal at the mode, in a second or two: close for one group, too narrow for a hierarchy, enough to
    tell whether sampling is worth while.

    Parameters
    ----------
    fit : Posterior

    Returns
    -------
    Posterior or None
        None for a stack of models, which is no law that can be fitted.

    Raises
    ------
    BayesScalingError
        The law alone has no mode.
    """
    spec = spec_alone(fit)
    if spec is None or spec == fit.spec:
        return None if spec is None else fit
    draws = _kept(fit)
    if draws is None:
        with kept_compiled():
            design, whitening = settle(build_design(fit.runs, spec))
        points = np.random.default_rng(SEED).standard_normal((1, DRAWS, design.size))
        draws = keep(fit, RawDraws(points, {}), whitening, design, NORMAL)
    return replace(fit, idata=xr.DataTree.from_dict({"posterior": draws}), spec=spec)


def spec_alone(fit: Posterior) -> ModelSpec | None:
    """The spec of the law alone; None for a stack."""
    if fit.spec.law not in fitted_laws():
        return None
    return replace(fit.spec, discrepancy=NONE)


def is_sampled(fit: Posterior) -> bool:
    """Whether the draws of the law alone that a fit keeps were sampled, or need not be."""
    kept = _kept(fit)
    return fit.spec.discrepancy == NONE or (kept is not None and kept.attrs["how"] == SAMPLED)


def keep(fit: Posterior, raw: RawDraws, whitening: Whitening, design: Design, how: str) -> xr.Dataset:
    """Draws of the law alone in users' units, kept with the fit."""
    draws = posterior_dataset(raw, whitening, design, fit.runs, SEED)
    chains, count = raw.whitened.shape[:2]
    draws = draws.assign_coords(chain=np.arange(chains), draw=np.arange(count))
    draws = draws.assign_attrs(runs=fit.runs.data_hash, how=how)
    fit.idata[GROUP] = xr.DataTree(draws)
    return draws


def _kept(fit: Posterior) -> xr.Dataset | None:
    """The draws that stay with a fit; None where there are none of these runs."""
    if GROUP not in fit.idata.children:
        return None
    found = fit.idata[GROUP].to_dataset()
    return found if found.attrs.get("runs") == fit.runs.data_hash else None
