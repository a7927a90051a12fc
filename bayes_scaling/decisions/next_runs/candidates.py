"""Runs that could be made next, with what each costs."""

from __future__ import annotations

import warnings
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import DecisionError, RunsWarning
from bayes_scaling.numbers.positive import are_positive
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.questions.frontier import frontier_of
from bayes_scaling.questions.query import Query

BUDGETS = 6  # number of the grid's
FURTHEST = 3.0  # times the most compute of the runs: the largest of them
SIZES = (0.25, 0.5, 1.0, 2.0, 4.0)  # times the optimal params
COLUMNS = ("architecture", "context_length", "params", "tokens", "price")


def grid_candidates(fit: Fit, query: Query, largest: float | None = None) -> pd.DataFrame:
    """Runs at budgets from the fit's least to three times its most, at and round the optimal params.

    Parameters
    ----------
    fit : Fit
    query : Query
        Its architectures, context lengths and cost; the budgets are the grid's.
    largest : float, optional
        Dearest run, in the cost's unit.

    Returns
    -------
    DataFrame
        architecture, context_length, params, tokens, price (the budget).
    """
    known = query.cost.from_flops(fit.runs.frame["flops"].to_numpy(dtype=float))
    most = FURTHEST * known.max() if largest is None else largest
    if most < known.min():
        raise DecisionError(
            f"largest {most:.4g} is below the runs' least compute {known.min():.4g}: give more"
        )
    budgets = np.geomspace(known.min(), most, BUDGETS)
    median = frontier_of(fit, query.at(budgets), edges=False).draws["params"].median(("chain", "draw"))
    parts = []
    for name, length in product(query.architecture, query.context_length):
        curve = query.curve(name, length)
        best = median.sel(architecture=name, context_length=length).to_numpy()
        params = (best[:, None] * np.array(SIZES)).ravel()
        price = np.repeat(budgets, len(SIZES))
        tokens = query.cost.to_flops(price) / np.exp(curve.value(np, np.log(params)))
        columns = {"architecture": name, "context_length": length, "params": params, "tokens": tokens}
        parts.append(pd.DataFrame(columns | {"price": price}))
    return pd.concat(parts, ignore_index=True)


def listed_candidates(fit: Fit, candidates: Any, query: Query) -> pd.DataFrame:
    """The user's runs; those without a column ``price`` cost their training.

    Raises
    ------
    RunsError
        A table that is not valid.
    DecisionError
        An architecture that was not fitted, a price that is not positive, or a covariate of another value
        than the question's.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)  # these are no runs yet
        frame = load_runs(candidates, need_loss=False).frame
    unknown = [str(name) for name in frame["architecture"].unique() if str(name) not in fit.architectures]
    if unknown:
        known = ", ".join(fit.architectures)
        raise DecisionError(f"candidates of architecture {unknown[0]!r}: this fit has {known}")
    _check_covariates(fit, frame)
    table = frame[[name for name in COLUMNS if name in frame]].copy()
    table["architecture"] = table["architecture"].astype(str)
    if "price" not in table:
        table["price"] = [_training(row, query) for row in table.to_dict("records")]
    _check_prices(table)
    return table[list(COLUMNS)]


def _check_covariates(fit: Fit, frame: pd.DataFrame) -> None:
    for name, values in fit.law.of_runs(frame, optional=True).items():
        other = np.flatnonzero(~np.isclose(values, fit.conditions.get(name, values)))
        if other.size:
            raise DecisionError(
                f"candidate {other[0]} has {name} {values[other[0]]:g}, and the question is about "
                f"{fit.conditions[name]:g}: ask fit.at({name}={values[other[0]]:g})"
            )


def _training(row: dict[Any, Any], query: Query) -> float:
    curve = query.curve(str(row["architecture"]), int(row["context_length"]))
    return float(query.cost.from_flops(np.exp(curve.value(np, np.log(row["params"]))) * row["tokens"]))


def _check_prices(table: pd.DataFrame) -> None:
    try:
        prices = table["price"].to_numpy(dtype=float)
    except (TypeError, ValueError):
        raise DecisionError("the column price holds text: give each candidate a positive number") from None
    bad = np.flatnonzero(~are_positive(prices))
    if bad.size:
        raise DecisionError(f"candidate {bad[0]} has price {prices[bad[0]]}: give a positive number")
