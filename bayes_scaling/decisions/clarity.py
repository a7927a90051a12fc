"""Is a choice clear, and which run would settle one that is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bayes_scaling.accounting import Cost
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.decisions.next_runs.next_runs import design_runs
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.questions.query import Query

QUESTION = ["context_length", "compute"]


@dataclass(frozen=True)
class Settling:
    """The run that would tell most about a choice that is not clear.

    Attributes
    ----------
    context_length : int
    compute : float
        Of the choice.
    run : mapping
        architecture, context_length, params, tokens and price of the run.
    goal : {"difference", "regret"}
        What it lowers: the variance of the difference of the two likeliest architectures, or the expected
        regret.
    share : float
        Of that, how much the run would take away.
    """

    context_length: int
    compute: float
    run: Mapping[str, Any]
    goal: str
    share: float


def unclear(table: pd.DataFrame) -> pd.DataFrame:
    """The chosen rows of a decision's table whose choice is not clear, the largest budget last."""
    return table[table["chosen"] & ~table["clear"]].sort_values(QUESTION[::-1], kind="stable")


def rivals(table: pd.DataFrame, row: Mapping[Any, Any]) -> pd.DataFrame:
    """All that can be done for the question of one row, the likeliest best first."""
    same = (table[QUESTION] == [row[name] for name in QUESTION]).all(axis=1)
    return table[same & table["feasible"]].sort_values("best_probability", ascending=False, kind="stable")


def settling_run(
    fit: Fit, query: Query, table: pd.DataFrame, limits: Limits, latency: Any
) -> Settling | None:
    """The run that would settle the largest question of a decision that is not clear.

    None where all are clear, or where no run takes away enough to matter.

    Of runs up to three times the most compute of the fitted ones, the one worth most.

    Parameters
    ----------
    fit : Fit
    query : Query
    table : DataFrame
        `bayes_scaling.decisions.decide.Decision.table` of that query.
    limits : Limits
    latency : LatencyFit or None
    """
    open_ = unclear(table)
    if open_.empty:
        return None
    row = open_.iloc[-1].to_dict()
    names = list(rivals(table, row)["architecture"].head(2))
    cost: Cost = query.cost
    asked: dict[str, Any] = {"limits": limits, "cost": cost, "latency": latency, "extrapolate": True}
    goal = "difference" if len(names) > 1 else "regret"
    compute, length = float(row["compute"]), int(row["context_length"])
    design = design_runs(fit, compute, length, names, runs=1, goal=goal, by="value", **asked)
    if design.runs.empty:
        return None
    run = {str(name): value for name, value in design.runs.iloc[0].items()}
    share = float(run["value"]) / design.now if design.now > 0 else 0.0
    return Settling(length, compute, run, goal, share)
