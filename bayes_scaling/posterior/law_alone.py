"""The law alone: the same runs and priors without a discrepancy, as a posterior beside the default one.

It is its own fit, not the default's draws with their drift left out: there the law's coefficients have made
room for the drift.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr

from bayes_scaling.laws.law import fitted_laws
from bayes_scaling.models.compiled_code import kept_compiled
from bayes_scaling.models.design import build_design
from bayes_scaling.models.draws import RawDraws
from bayes_scaling.models.misfit_precisions import settle
from bayes_scaling.posterior.idata import posterior_dataset
from bayes_scaling.posterior.posterior import Posterior

GROUP = "law_alone"
HASH = "runs"
DRAWS = 500
NONE = "none"


def law_alone(fit: Posterior) -> Posterior | None:
    """The posterior of the law alone, normal at its mode; the fit itself where it has no discrepancy.

    It takes a second or two, once: the draws stay with the fit, in memory and on disk.

    Parameters
    ----------
    fit : Posterior

    Returns
    -------
    Posterior or None
        One chain of `DRAWS` draws. None for a stack of models, which is no law that can be fitted.

    Raises
    ------
    BayesScalingError
        The law alone has no mode.

    Notes
    -----
    Not sampled: draws of a normal with the curvature at the mode, in the coordinates that sampling starts
    from. Good enough to say whether two estimators differ; for its own numbers fit with
    ``discrepancy="none"``.
    """
    spec = fit.spec
    if spec.discrepancy == NONE:
        return fit
    if spec.law not in fitted_laws():
        return None
    alone = replace(spec, discrepancy=NONE)
    draws = _kept(fit)
    if draws is None:
        draws = _drawn(fit, alone)
        fit.idata[GROUP] = xr.DataTree(draws)
    return replace(fit, idata=xr.DataTree.from_dict({"posterior": draws}), spec=alone)


def _kept(fit: Posterior) -> xr.Dataset | None:
    """The draws that stay with a fit; None where there are none of these runs."""
    if GROUP not in fit.idata.children:
        return None
    found = fit.idata[GROUP].to_dataset()
    return found if found.attrs.get(HASH) == fit.runs.data_hash else None


def _drawn(fit: Posterior, spec: object) -> xr.Dataset:
    """Draws from the normal at the mode, in users' units."""
    with kept_compiled():
        design, whitening = settle(build_design(fit.runs, spec))
    points = np.random.default_rng([0, 17]).standard_normal((1, DRAWS, design.size))
    draws = posterior_dataset(RawDraws(points, {}), whitening, design, fit.runs, 0)
    coords = {"chain": np.arange(1), "draw": np.arange(DRAWS)}
    return draws.assign_coords(coords).assign_attrs({HASH: fit.runs.data_hash})
