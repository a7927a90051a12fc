"""One group of a posterior: its coefficients and its loss surface, draw by draw."""

from __future__ import annotations

from typing import Any

import xarray as xr

from bayes_scaling.errors import BudgetError
from bayes_scaling.laws.effective_sizes import UNLIMITED
from bayes_scaling.laws.law import DATA_LIMITED, OVERFITTING_LAW, Law
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
    """The surface of one group, from draws of `posterior.coefficients` and unique tokens of `unique_of`."""
    values = group_coefficients(fit, theta, architecture, context_length)
    if unique_tokens is not None:
        values["unique_tokens"] = unique_tokens
    return Surface(fit.law, values, drift_of(fit, architecture, context_length))


def group_coefficients(
    fit: Posterior, theta: xr.Dataset, architecture: str, context_length: int
) -> dict[str, Any]:
    """All coefficients of a group, fixed ones and values of covariates too: (chain, draw, 1) or a number."""
    cell = theta.sel(architecture=architecture, context_length=context_length)
    free = {name: cell[name].transpose("chain", "draw").to_numpy()[..., None] for name in fit.law.names}
    return fit.law.complete(free | fit.conditions)


def unique_of(law: Law, unique_tokens: float | None) -> float | None:
    """The different tokens that runs can draw from; None for no limit.

    Raises
    ------
    BudgetError
        Not a positive number, or the law knows no repetition.
    """
    if unique_tokens is None:
        return None
    if not law.repeats:
        others = f"{DATA_LIMITED.name!r} or {OVERFITTING_LAW.name!r}"
        raise BudgetError(f"law {law.name!r} knows no unique_tokens: fit law {others}")
    if not 1 <= unique_tokens <= UNLIMITED:
        raise BudgetError(f"unique_tokens {unique_tokens!r}: give a number of tokens such as 3e11")
    return float(unique_tokens)
