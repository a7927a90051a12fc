"""The work of `decide`: what to train, what would settle it, and the runs to make next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import typer

from bayes_scaling.cli.asked import Asked
from bayes_scaling.cli.failures import CHECKS_FAILED
from bayes_scaling.cli.running.drawing import draw
from bayes_scaling.cli.running.opening import open_fit
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.cli.running.serving import open_serving
from bayes_scaling.decisions.clarity import Settling, settling_run
from bayes_scaling.decisions.decide import Decision, decide
from bayes_scaling.decisions.limits import as_limits
from bayes_scaling.decisions.next_runs.next_runs import Design, design_runs
from bayes_scaling.decisions.serving_limits import Serving
from bayes_scaling.errors import DecisionError
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.printing.decisions import print_decision
from bayes_scaling.printing.estimators import estimator_remarks
from bayes_scaling.printing.planning import print_design
from bayes_scaling.printing.table import print_heading, print_line
from bayes_scaling.questions.query import Query
from bayes_scaling.report.estimators import verified_disagreements


@dataclass(frozen=True)
class _Keeping:
    """What a decision must keep to, as keywords of Python."""

    limits: dict[str, Any]
    latency: Serving | None

    def keywords(self, asked: Asked) -> dict[str, Any]:
        return {
            "limits": self.limits,
            "cost": asked.cost,
            "latency": self.latency,
            "extrapolate": asked.extrapolate,
        }


def show_decision(
    asked: Asked, limits: dict[str, Any], latency: Path | None, preference: dict[str, Any], next_runs: int
) -> None:
    """Print what to train; leave with 1 where nothing keeps to the limits.

    Parameters
    ----------
    asked : Asked
        Its values are budgets.
    limits : dict
    latency : Path, optional
        A saved latency fit, for limits of serving.
    preference : dict
        Utility, tolerance and confidence, as for `bayes_scaling.decide`.
    next_runs : int
        How many runs to choose as well.

    Raises
    ------
    DecisionError
        As for `bayes_scaling.decide`, or runs are wanted for more than one budget and context length.
    """
    keeping = _Keeping(limits, open_serving(latency, asked.json))
    loaded = open_fit(asked.fit, asked.json)
    found = decide(
        loaded,
        asked.values,
        asked.context_length,
        asked.architecture,
        **keeping.keywords(asked),
        **preference,
    )
    table = found.table(full=True)
    more = _next_runs(loaded, table, next_runs, asked, keeping) if next_runs else None
    if asked.json:
        print_json(table if more is None else _beside(table, more.table(full=True)))
    else:
        query = _query(loaded, asked, limits)
        print_decision(found, None if next_runs else _settling(loaded, query, found, keeping))
        for remark in estimator_remarks(verified_disagreements(loaded, query)):
            print_line(f"Note: {remark}")
        if more is not None:
            print_heading("Runs to make next")
            print_design(more)
    draw(found, asked.figure)
    if not table.groupby(["context_length", "compute"])["feasible"].any().all():
        raise typer.Exit(CHECKS_FAILED)


def _next_runs(fit: Fit, table: pd.DataFrame, runs: int, asked: Asked, keeping: _Keeping) -> Design | None:
    """The runs that teach most about a decision; None where nothing is feasible."""
    questions = table[["context_length", "compute"]].drop_duplicates()
    if len(questions) > 1:
        raise DecisionError(f"--next is for one budget and one context length, not {len(questions)}")
    if not table["feasible"].any():
        return None
    row = questions.iloc[0]
    budget = float(row["compute"])
    length = int(row["context_length"])
    return design_runs(fit, budget, length, asked.architecture, runs=runs, **keeping.keywords(asked))


def _settling(fit: Fit, query: Query, found: Decision, keeping: _Keeping) -> Settling | None:
    """The run that would settle what is not clear."""
    return settling_run(fit, query, found.table(full=True), as_limits(keeping.limits), keeping.latency)


def _query(fit: Fit, asked: Asked, limits: dict[str, Any]) -> Query:
    """The question of a decision, which was checked."""
    unique = as_limits(limits).unique_tokens
    where = (asked.context_length, asked.architecture)
    return Query.of(fit, asked.values, *where, asked.cost, unique, extrapolate=True)


def _beside(table: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """The first of the runs as further columns of a decision."""
    first = runs.iloc[0]
    kept = ("architecture", "context_length", "params", "tokens", "price", "nats", "refit")
    return table.assign(**{f"next_{name}": first[name] for name in kept})
