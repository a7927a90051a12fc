"""The work of `answer`: from a table of runs to what to train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from bayes_scaling.cli.failures import CHECKS_FAILED, note
from bayes_scaling.cli.reading import Reading
from bayes_scaling.cli.running.kept_fit import kept_or_fitted, place_of_fit
from bayes_scaling.cli.running.opening import open_fit
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.cli.running.tables import fittable_runs
from bayes_scaling.decisions.decide import decision_of
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.decisions.preference import Preference
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.statuses import FAIL
from bayes_scaling.printing.answer import print_answer
from bayes_scaling.questions.estimators import beside_classical
from bayes_scaling.questions.frontier import frontier_of
from bayes_scaling.questions.query import Query
from bayes_scaling.report.writing import check_report, make_page, save_page


def show_answer(
    file: str,
    reading: Reading,
    rows_are_runs: bool,
    offsets: tuple[str, ...],
    output: Path | None,
    sampling: dict[str, Any],
    question: dict[str, Any],
    report: Path | None,
    json: bool,
) -> None:
    """Fit a table, or take the fit kept of it, and print what to train; leave with 1 where its checks failed.

    Parameters
    ----------
    file : str
        Runs, or the name of a data set.
    reading : Reading
    rows_are_runs : bool
        Whether rows that look like checkpoints are fitted as they are.
    offsets : tuple of str
        Columns; runs alike in one share a shift of the loss.
    output : Path, optional
        Where the fit is kept; beside the file where it is missing.
    sampling : dict
        Further keywords of `bayes_scaling.fit`.
    question : dict
        Keywords of `Query.of`.
    report : Path, optional
        Where the page goes.
    json : bool

    Raises
    ------
    BayesScalingError
        Bad runs, a bad question, or a place where nothing can be written.
    """
    if report is not None:
        check_report(report)
    model = ModelSpec(offsets=offsets)
    runs = fittable_runs(file, reading, rows_are_runs or bool(offsets))
    place = place_of_fit(file, output)
    kept_or_fitted(runs, model, place, sampling)
    fit = open_fit(place, json)
    query = Query.of(fit, **question)
    _print(fit, query, json)
    if report is not None:
        _report(fit, query, report)
    if fit.checks().status == FAIL:
        raise typer.Exit(CHECKS_FAILED)


def _print(fit: Fit, query: Query, json: bool) -> None:
    """The answer as a table beside the classical one, or as records."""
    table = beside_classical(fit, query, frontier_of(fit, query).table(full=True))
    decision = decision_of(fit, query, Preference(), Limits(), None)
    if json:
        keys = ["architecture", "context_length", "compute"]
        chosen = decision.table(full=True)[[*keys, "chosen", "clear", "best_probability"]]
        print_json(table.merge(chosen, on=keys))
        return
    print_answer(fit, table, decision)


def _report(fit: Fit, query: Query, path: Path) -> None:
    """The page of the same question."""
    asked: dict[str, Any] = {"cost": query.cost.name, "extrapolate": True}
    page = make_page(fit, list(query.compute), list(query.context_length), **asked)
    note(f"Saved {save_page(page, path)}")
