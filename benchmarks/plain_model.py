"""The baseline: the same hierarchy as a textbook writes it, every level sampled, raw coefficients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.laws.law import log_loss
from bayes_scaling.models.design import build_design
from bayes_scaling.models.hierarchy import (
    DEVIATION,
    LOG_SPREAD,
    SLOPE_SHARED,
    center,
    context_coordinate,
    deviation_kernel,
)
from bayes_scaling.models.spec import ModelSpec

if TYPE_CHECKING:
    import pymc as pm

    from bayes_scaling.runs.table import Runs

NAMES = ("E", "R", "share", "slope_params", "slope_tokens", "gamma", "sigma")


def plain_model(runs: Runs, law: str) -> pm.Model:
    """Means, effects, slopes and scaled deviations of each coefficient, non-centred, in PyMC.

    The default priors, except that a scale is log-normal instead of taking one of five values of it.
    """
    import pymc as pm
    import pytensor.tensor as pt

    spec = ModelSpec(law)
    design = build_design(runs, spec)
    names, index = np.unique(design.groups.architecture, return_inverse=True)
    c = context_coordinate(design.groups)
    smooth = np.linalg.cholesky(deviation_kernel(design.groups))
    row = design.slots.column
    with pm.Model() as model:
        z = {name: _coefficient(spec, name, len(names), index, c, smooth) for name in design.hierarchy.names}
        nu = 2 + pm.LogNormal("nu", np.log(spec.prior("nu").median), spec.prior("nu").scale)
        gamma = pt.exp(z["gamma"])[row] if "gamma" in z else 1.0
        share = z["share"][row]
        theta = {
            "log_E": z["E"][row],
            "log_A": z["R"][row] / gamma - pt.log1pexp(-share),
            "log_B": z["R"][row] / gamma - pt.log1pexp(share),
            "alpha": pt.exp(z["slope_params"])[row] / gamma,
            "beta": pt.exp(z["slope_tokens"])[row] / gamma,
            "gamma": gamma,
        }
        n, d, y = (design.slots.gather(a) for a in (design.log_params, design.log_tokens, design.log_loss))
        sd = np.zeros(len(runs)) if design.relative_sd is None else design.slots.gather(design.relative_sd)
        scale = pt.sqrt(pt.exp(2 * z["sigma"])[row] + sd**2)
        pm.StudentT("loss", nu=nu, mu=log_loss(pt, n, d, theta), sigma=scale, observed=y)
    return model


def _coefficient(
    spec: ModelSpec, name: str, architectures: int, index: np.ndarray, c: np.ndarray, smooth: np.ndarray
):
    """One coefficient over the groups on its log (logit) scale."""
    import pymc as pm

    prior = spec.prior(name)
    mean = pm.Normal(f"{name}_mean", center(prior), prior.scale)
    tau_a = pm.LogNormal(f"{name}_tau_architecture", np.log(prior.group_scale), LOG_SPREAD)
    tau_c = pm.LogNormal(f"{name}_tau_context", np.log(prior.group_scale), LOG_SPREAD)
    effect = pm.Normal(f"{name}_effect", size=architectures)
    slope, own = pm.Normal(f"{name}_slope"), pm.Normal(f"{name}_slopes", size=architectures)
    deviation = smooth @ pm.Normal(f"{name}_deviation", size=len(c))
    along = (np.sqrt(SLOPE_SHARED) * slope + np.sqrt(1 - SLOPE_SHARED) * own[index]) * c
    value = mean + tau_a * effect[index] + tau_c * (along + DEVIATION * deviation)
    return pm.Deterministic(f"z_{name}", value)
