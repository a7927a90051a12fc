"""One group of a posterior: its coefficients and its loss surface, draw by draw."""

from __future__ import annotations

from typing import Any

import xarray as xr

from bayes_scaling.laws.law import unique_of
from bayes_scaling.laws.surface import Surface
from bayes_scaling.posterior.coefficients import drift_of
from bayes_scaling.posterior.posterior import Posterior


def surface_of(
    fit: Posterior,
    theta: xr.Dataset,
    architecture: str,
    context_length: int,
    unique_tokens: float | None = None,
) -> Surface:
    """The surface of one group, from draws of `posterior.coefficients`."""
    values = group_coefficients(fit, theta, architecture, context_length) | unique_of(fit.law, unique_tokens)
    return Surface(fit.law, values, drift_of(fit, architecture))


def group_coefficients(
    fit: Posterior, theta: xr.Dataset, architecture: str, context_length: int
) -> dict[str, Any]:
    """All coefficients of one group, fixed ones too: (chain, draw, 1) or a number."""
    cell = theta.sel(architecture=architecture, context_length=context_length)
    free = {name: cell[name].transpose("chain", "draw").to_numpy()[..., None] for name in fit.law.names}
    return fit.law.complete(free)
