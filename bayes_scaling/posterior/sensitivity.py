"""How far conclusions hang on the prior and on the data, by power-scaling, without refitting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.posterior.summary import posterior_cells, stack_cells

THRESHOLD = 0.05  # Kallioinen et al. 2024, section 3: the default for both sensitivities
CONCLUSIONS = ("E", "alpha", "beta", "gamma")
FINE = "data decide"
WEAK = "prior decides"
CONFLICT = "prior and data disagree"


def sensitivity(
    fit: Posterior,
    variables: Sequence[str] | None = None,
    prior: Sequence[str] | None = None,
    extra: Mapping[str, xr.DataArray] | None = None,
) -> pd.DataFrame:
    """Power-scaling sensitivity of the posterior to the prior and to the likelihood.

    Prior and likelihood are each raised to a power near one; importance weights say how far every
    marginal moves (cumulative Jensen-Shannon distance per doubling of the power). Values above 0.05
    count as sensitive.

    Parameters
    ----------
    fit : Fit
    variables : sequence of str, optional
        Posterior variables; by default E, alpha, beta and, where it is free, gamma.
    prior : sequence of str, optional
        Scale only the priors of these terms (names in the fit's ``log_prior`` group); all by default.
    extra : mapping of str to DataArray, optional
        Further quantities with dims chain and draw and any others, such as the params of a frontier.

    Returns
    -------
    DataFrame
        variable, architecture, context_length, coefficient, prior, likelihood, diagnosis. Diagnosis
        is "data decide", "prior decides" (sensitive to the prior only) or "prior and data disagree"
        (sensitive to both).

    Raises
    ------
    BayesScalingError
        An unknown variable or prior term, or draws of ``extra`` that are not the fit's.

    Notes
    -----
    Coefficients along a ridge trade off, so several can look sensitive while the loss and the
    frontier are not: ask about the quantity that is used.

    References
    ----------
    Kallioinen, Paananen, Buerkner, Vehtari 2024, doi:10.1007/s11222-023-10366-5.

    Examples
    --------
    >>> table = bs.sensitivity(fit, ["E"])
    >>> sorted(table["variable"].unique())
    ['E']
    """
    draws, table = _quantities(fit, variables, extra or {})
    table["prior"] = _sensitivity(draws, prior=_log_prior(fit, prior))
    table["likelihood"] = _sensitivity(draws, likelihood=_total(fit.idata["log_likelihood"].to_dataset()))
    table["diagnosis"] = [diagnose(*pair) for pair in zip(table["prior"], table["likelihood"], strict=True)]
    return table


def diagnose(prior: float, likelihood: float) -> str:
    """The two sensitivities in words."""
    if not prior >= THRESHOLD:
        return FINE
    return CONFLICT if likelihood >= THRESHOLD else WEAK


def _quantities(
    fit: Posterior, variables: Sequence[str] | None, extra: Mapping[str, xr.DataArray]
) -> tuple[xr.DataArray, pd.DataFrame]:
    if variables is None:
        variables = [name for name in CONCLUSIONS if name in fit.idata["posterior"]]
    parts = [posterior_cells(fit, variables)]
    parts += [stack_cells(_same_draws(fit, name, array).rename(name)) for name, array in extra.items()]
    draws = xr.concat([p[0] for p in parts], dim="cell", join="override")
    return draws, pd.concat([p[1] for p in parts], ignore_index=True)


def _same_draws(fit: Posterior, name: str, array: xr.DataArray) -> xr.DataArray:
    sizes = {d: fit.idata["posterior"].sizes[d] for d in ("chain", "draw")}
    if {d: array.sizes.get(d) for d in sizes} != sizes:
        raise BayesScalingError(
            f"{name!r} needs the fit's own chains and draws {sizes}, not {dict(array.sizes)}"
        )
    return array


def _log_prior(fit: Posterior, terms: Sequence[str] | None) -> xr.DataArray:
    dataset = fit.idata["log_prior"].to_dataset()
    unknown = [name for name in terms or () if name not in dataset]
    if unknown:
        names = ", ".join(map(str, dataset.data_vars))
        raise BayesScalingError(f"no prior term {', '.join(unknown)}; choose from {names}")
    return _total(dataset if terms is None else dataset[list(terms)])


def _total(dataset: xr.Dataset) -> xr.DataArray:
    """The sum of everything in a log density group, per draw."""
    parts = [a.sum([d for d in a.dims if d not in ("chain", "draw")]) for a in dataset.values()]
    return sum(parts[1:], start=parts[0]).transpose("chain", "draw")


def _sensitivity(draws: xr.DataArray, **component: xr.DataArray) -> Any:
    """Sensitivity of each cell to the one component given; NaN for a cell that never moves."""
    import arviz_stats as az

    (group, log_density), *_ = component.items()
    tree = xr.DataTree.from_dict(
        {
            "posterior": draws.to_dataset(name="draws"),
            f"log_{group}": log_density.to_dataset(name=group),
        }
    )
    # A constant cell divides zero by zero, and NaN is the answer wanted.
    with np.errstate(invalid="ignore"):
        return az.psense(tree, group=group)["draws"].values
