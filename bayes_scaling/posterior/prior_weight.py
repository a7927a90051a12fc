"""Does the prior move a conclusion: optimal params, the loss there and E, were its weight doubled."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_scaling.accounting import get_cost
from bayes_scaling.posterior.coefficients import coefficients
from bayes_scaling.posterior.groups import surface_of
from bayes_scaling.posterior.posterior import Posterior

DRAWS = 1000
MOVED = 0.5  # posterior standard deviations for a doubling of the prior's weight: a conclusion has moved


def conclusions(fit: Posterior) -> tuple[pd.DataFrame, np.ndarray]:
    """What users conclude, for each group with runs: ln E, ln of optimal params and of the loss there.

    At the largest compute of the group's runs, under 6 FLOPs per param and token.

    Returns
    -------
    labels : DataFrame
        variable, architecture, context_length; one row a quantity.
    draws : ndarray (draw, quantity)
        Of the draws of `thinning`.
    """
    chosen = thinning(fit)
    labels = []
    columns = []
    frame = fit.runs.frame
    theta = coefficients(fit)
    for (architecture, context), part in frame.groupby(["architecture", "context_length"], observed=True):
        name = str(architecture)
        length = int(str(context))
        curve = get_cost("6ND").curve(1.0, "")
        log_compute = np.log(np.atleast_1d(float(part["flops"].max())))
        surface = surface_of(fit, theta, name, length)
        log_params = surface.optimal_log_params(log_compute, curve)
        loss = surface.loss(np.exp(log_params), np.exp(log_compute - curve.value(np, log_params)))
        found = {"optimal params": log_params, "optimal loss": np.log(loss)}
        if np.all(surface.values["E"] > 0):  # Kaplan's law has none, nor have its draws in a mixture
            found["E"] = np.log(surface.values["E"])
        for variable, values in found.items():
            labels.append((variable, name, length))
            columns.append(np.reshape(values, -1)[chosen])
    return pd.DataFrame(labels, columns=["variable", "architecture", "context_length"]), np.stack(columns, 1)


def thinning(fit: Posterior) -> np.ndarray:
    """Positions of some `DRAWS` draws, all chains in a row."""
    sizes = fit.posterior.sizes
    total = int(sizes["chain"] * sizes["draw"])
    return np.unique(np.linspace(0, total - 1, min(DRAWS, total)).astype(int))


def prior_shifts(fit: Posterior) -> pd.DataFrame:
    """How far doubling the prior's weight would move each conclusion.

    Raised to the power a, the prior moves a mean by the covariance of the quantity with the log prior for
    each unit of ln a; the shift is that for a doubling. No importance weights are needed, which fail where
    the prior has much to say.

    Returns
    -------
    DataFrame
        variable, architecture, context_length, shift (posterior standard deviations per doubling); NaN
        where a draw is not finite.

    Raises
    ------
    OptimumError
        A draw has no optimum.

    References
    ----------
    Kallioinen, Paananen, Buerkner, Vehtari 2024, doi:10.1007/s11222-023-10366-5, section 2.

    Examples
    --------
    >>> prior_shifts(fit)["shift"].abs().max()  # doctest: +SKIP
    """
    with np.errstate(invalid="ignore"):
        labels, draws = conclusions(fit)
    prior = _log_prior(fit)[thinning(fit)]
    away = draws - draws.mean(0)
    covariance = (prior - prior.mean()) @ away / (len(draws) - 1)
    sd = draws.std(0, ddof=1)
    shift = np.log(2) * covariance / np.where(sd > 0, sd, np.inf)
    return labels.assign(shift=shift)


def _log_prior(fit: Posterior) -> np.ndarray:
    """Log prior of all terms, (draw,)."""
    dataset = fit.idata["log_prior"].to_dataset()
    parts = [array.sum([d for d in array.dims if d not in ("chain", "draw")]) for array in dataset.values()]
    total = sum(parts[1:], start=parts[0]).transpose("chain", "draw")
    return np.asarray(total.to_numpy()).reshape(-1)
