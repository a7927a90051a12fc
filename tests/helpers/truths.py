"""How many truths of simulated runs lie inside their posterior intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.data.truth import Truth
from bayes_scaling.laws.law import get_law
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.summary import summarise
from bayes_scaling.questions.frontier import frontier

BUDGETS = (1e19, 1e20, 1e21, 1e22)
QUANTITIES = ("params", "tokens", "loss")
NOMINAL = 0.9


def truth_coverage(fit: Fit, truth: Truth, compute: tuple[float, ...] = BUDGETS) -> pd.DataFrame:
    """How many truths lie inside their 90% posterior intervals.

    Parameters
    ----------
    fit : Fit
    truth : Truth
        Of the same law and groups.
    compute : tuple of float
        Budgets (FLOPs) at which the optimum is compared.

    Returns
    -------
    DataFrame
        One row a coefficient (over groups) or quantity of the optimum (over groups and budgets), and
        the totals of both: quantity, inside, of, share, nominal.
    """
    coefficients = _coefficients_inside(fit, truth)
    optima = _optima_inside(fit, true_optima(truth, compute))
    rows = [
        *coefficients.items(),
        ("all coefficients", [hit for hits in coefficients.values() for hit in hits]),
        *((f"optimal {name}" if name != "loss" else "loss there", hits) for name, hits in optima.items()),
        ("all optima", [hit for hits in optima.values() for hit in hits]),
    ]
    records = [
        {"quantity": name, "inside": int(sum(hits)), "of": len(hits), "share": sum(hits) / len(hits)}
        for name, hits in rows
    ]
    return pd.DataFrame(records).assign(nominal=NOMINAL)


def true_optima(truth: Truth, compute: Any) -> pd.DataFrame:
    """The true optimum under 6ND: architecture, context_length, compute, params, tokens, loss."""
    law, budgets = get_law(truth.law), np.asarray(compute, dtype=float)
    parts = []
    for record in truth.coefficients.to_dict("records"):
        row = {str(name): value for name, value in record.items()}
        params, tokens = law.optimum(np, budgets, row)
        columns = {"compute": budgets, "params": params, "tokens": tokens}
        where = {key: row[key] for key in ("architecture", "context_length")}
        parts.append(pd.DataFrame({**where, **columns, "loss": law.loss(np, params, tokens, row)}))
    return pd.concat(parts, ignore_index=True)


def _coefficients_inside(fit: Fit, truth: Truth) -> dict[str, list[bool]]:
    """For each coefficient, whether each group's truth is inside."""
    table = summarise(fit, variables=fit.law.names).merge(
        truth.coefficients, on=["architecture", "context_length"], suffixes=("", "_true")
    )
    hits: dict[str, list[bool]] = {name: [] for name in fit.law.names}
    for row in table.to_dict("records"):
        hits[row["variable"]].append(row["q05"] <= row[row["variable"]] <= row["q95"])
    return hits


def _optima_inside(fit: Fit, optima: pd.DataFrame) -> dict[str, list[bool]]:
    """For params, tokens and loss, whether each true optimum is inside."""
    keys = ["architecture", "context_length", "compute"]
    table = frontier(fit, optima["compute"].unique()).table(full=True).merge(optima, on=keys)
    return {
        name: table[name].between(table[f"{name}_q05"], table[f"{name}_q95"]).tolist() for name in QUANTITIES
    }
