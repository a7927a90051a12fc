"""The optimum by three estimators side by side: the default, the law alone, the classical fit."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.accounting import Cost
from bayes_scaling.classical.huber import huber_fit
from bayes_scaling.errors import BayesScalingError, RunsWarning
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.law_alone import NORMAL, SAMPLED, is_sampled, law_alone
from bayes_scaling.posterior.moved_optimum import APART, gap
from bayes_scaling.questions.frontier import frontier_of
from bayes_scaling.questions.query import Query

KEYS = ["architecture", "context_length", "compute"]
QUANTITIES = ("params", "loss")
ENDS = ("q05", "median", "q95")
ALONE, HUBER = "alone", "huber"
STARTS, RESAMPLES = 100, 20  # of the classical fit
MATTERS = 0.01  # nats per token; less is no difference of losses


def estimators(
    fit: Fit,
    compute: Any,
    context_length: Any = None,
    architecture: Any = None,
    cost: str | Cost = "6ND",
    unique_tokens: float | None = None,
    extrapolate: bool = False,
) -> pd.DataFrame:
    """Optimal params and the loss there by the default, the law alone and the classical fit.

    The law alone is a posterior of its own, without a discrepancy: the draws that the fit keeps, or a normal
    at its mode; `bayes_scaling.posterior.law_sampled.sample_law_alone` samples it. The classical fit is
    Chinchilla's law by a Huber loss, each group by itself, with 20 bootstrap resamples.

    Parameters
    ----------
    fit, compute, context_length, architecture, cost, unique_tokens, extrapolate
        As for `bayes_scaling.frontier`.

    Returns
    -------
    DataFrame
        One row for each architecture, context length and budget: ``params_*`` and ``loss_*`` of the default,
        ``alone_params_*`` and ``alone_loss_*``, ``huber_params_*`` and ``huber_loss_*``, each with q05,
        median and q95; NaN where an estimator has no answer. ``alone_params_gap`` and the like: the distance
        from the default in widths of the wider interval; above 1 each median lies outside the other's 90%
        interval. The classical median is the fit of all runs. ``alone_how``: "sampled" or "normal".

    Raises
    ------
    BayesScalingError
        As for `bayes_scaling.frontier`; the law alone cannot be fitted.

    References
    ----------
    Hoffmann et al. 2022, section 3.3 (the classical fit).

    Examples
    --------
    >>> table = estimators(fit, 1e21, 8192)  # doctest: +SKIP
    >>> table[["params_median", "alone_params_median", "huber_params_median"]]  # doctest: +SKIP
    """
    query = Query.of(fit, compute, context_length, architecture, cost, unique_tokens, extrapolate)
    return estimators_of(fit, query)


def estimators_of(fit: Fit, query: Query, default: pd.DataFrame | None = None) -> pd.DataFrame:
    """The answer of `estimators`; ``default`` is the frontier's own table, where it is made already."""
    table = _with_alone(fit, query, default)
    return _beside(table, _classical(fit, query, table), HUBER)


def beside_classical(fit: Fit, query: Query, default: pd.DataFrame) -> pd.DataFrame:
    """A frontier's table with the classical fit beside it, as in `estimators`, and its ``huber_tokens``."""
    classical = _classical(fit, query, default)
    joined = _beside(default, classical, HUBER)
    if classical is None:
        return joined.assign(huber_tokens=np.nan)
    tokens = classical[[*KEYS, "tokens_estimate"]].rename(columns={"tokens_estimate": f"{HUBER}_tokens"})
    return joined.merge(tokens, on=KEYS, how="left")


def disagreements(fit: Fit, query: Query, default: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows of `estimators` in which the default and the law alone differ; quick where none does.

    The classical fit is made for the groups that differ. ``default`` is as for `estimators_of`.
    """
    table = _with_alone(fit, query, default)
    found = table[apart(table)].reset_index(drop=True)
    return _beside(found, _classical(fit, query, found), HUBER) if len(found) else found


def apart(table: pd.DataFrame, other: str = ALONE) -> pd.Series:
    """Whether params or losses of the default and another estimator differ by more than both intervals."""
    params = table[f"{other}_params_gap"] > APART
    nats = (table[f"{other}_loss_median"] - table["loss_median"]).abs()
    return params | ((table[f"{other}_loss_gap"] > APART) & (nats > MATTERS))


def _with_alone(fit: Fit, query: Query, default: pd.DataFrame | None) -> pd.DataFrame:
    """Rows of the default with those of the law alone beside them."""
    if default is None:
        default = frontier_of(fit, query, edges=False).table(full=True)
    columns = [*KEYS, "cost", *(f"{name}_{end}" for name in QUANTITIES for end in ENDS)]
    table = default[columns]
    alone = law_alone(fit)
    if alone is None:
        return _beside(table, None, ALONE).assign(alone_how="")
    found = frontier_of(Fit(alone.idata, alone.runs, alone.spec, alone.given), query, edges=False).table(
        full=True
    )
    return _beside(table, found, ALONE).assign(alone_how=SAMPLED if is_sampled(fit) else NORMAL)


def _beside(table: pd.DataFrame, other: pd.DataFrame | None, name: str) -> pd.DataFrame:
    """The table with another estimator's medians and intervals, and how far it is apart."""
    columns = [f"{quantity}_{end}" for quantity in QUANTITIES for end in ENDS]
    if other is None:
        other = table[KEYS].assign(**dict.fromkeys(columns, np.nan))
    kept = other[[*KEYS, *columns]].rename(columns={column: f"{name}_{column}" for column in columns})
    joined = table.merge(kept, on=KEYS, how="left")
    for quantity in QUANTITIES:
        both = [
            joined[[f"{prefix}{quantity}_{end}" for end in ENDS]].to_numpy(dtype=float).T
            for prefix in ("", f"{name}_")
        ]
        joined[f"{name}_{quantity}_gap"] = gap(*both)
    return joined


def _classical(fit: Fit, query: Query, table: pd.DataFrame) -> pd.DataFrame | None:
    """The classical frontier of the groups of a table; None where no group has one."""
    if query.unique_tokens is not None or query.asked_at:
        return None  # it takes all runs for fresh tokens and dense models
    groups = table[KEYS[:2]].drop_duplicates()
    frame = fit.runs.frame[KEYS[:2]].astype({"architecture": str})
    wanted = frame.merge(groups.assign(wanted=True), on=KEYS[:2], how="left")["wanted"].notna().to_numpy()
    if not wanted.any():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)  # groups that are too small have no answer
        try:
            found = huber_fit(
                fit.runs.subset(wanted), starts=STARTS, resamples=RESAMPLES, progress=False
            ).frontier(query.compute, query.cost)
        except BayesScalingError:
            return None
    estimates = {f"{name}_median": found[f"{name}_estimate"] for name in QUANTITIES}
    return found.assign(**estimates)
