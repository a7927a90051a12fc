"""One command from a table of runs to an answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.arguments import (
    Architectures,
    Compute,
    ContextLengths,
    Cost,
    Extrapolate,
    Json,
    RunsFile,
    names,
    numbers,
    required_numbers,
)
from bayes_scaling.cli.failures import CHECKS_FAILED, note
from bayes_scaling.cli.kept_fit import kept_or_fitted, place_of_fit
from bayes_scaling.cli.output import print_json
from bayes_scaling.cli.reading import PLAIN, Reading, RowsAreRuns, fittable_runs, reads_runs
from bayes_scaling.cli.verdict import open_fit

if TYPE_CHECKING:
    from bayes_scaling.posterior.fit import Fit
    from bayes_scaling.questions.query import Query


@reads_runs
def answer(
    file: RunsFile,
    compute: Compute,
    context_length: ContextLengths = None,
    architecture: Architectures = None,
    cost: Cost = "6ND",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FIT", help="Where the fit is kept. Default: beside FILE."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="PAGE", help="Write the page too (.html, .md).")
    ] = None,
    offset: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Runs alike in it share a shift of the loss. Repeatable."),
    ] = None,
    draws: Annotated[int, typer.Option(help="Draws of each chain at least.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the sampler.")] = 0,
    extrapolate: Extrapolate = False,
    rows_are_runs: RowsAreRuns = False,
    reading: Reading = PLAIN,
    json: Json = False,
) -> None:
    """From a table of runs to what to train at each budget: reads, fits, answers."""
    from bayes_scaling.models.spec import ModelSpec
    from bayes_scaling.questions.query import Query
    from bayes_scaling.report.writing import check_report

    budgets = required_numbers(compute, "--compute")
    lengths = numbers(context_length, "--context-length")
    if report is not None:
        check_report(report)
    model = ModelSpec(offsets=tuple(offset or ()))
    runs = fittable_runs(file, reading, rows_are_runs or bool(offset))
    place = place_of_fit(file, output)
    kept_or_fitted(runs, model, place, {"draws": draws, "seed": seed})
    fit = open_fit(place, json)
    query = Query.of(fit, budgets, lengths, names(architecture), cost, None, extrapolate)
    _print(fit, query, json)
    if report is not None:
        _report(fit, query, report)
    if fit.checks().status == "FAIL":
        raise typer.Exit(CHECKS_FAILED)


def _print(fit: Fit, query: Query, json: bool) -> None:
    """The answer as a table beside the classical one, or as records."""
    from bayes_scaling.decisions.decide import decision_of
    from bayes_scaling.decisions.limits import Limits
    from bayes_scaling.decisions.preference import Preference
    from bayes_scaling.printing.answer import print_answer
    from bayes_scaling.questions.estimators import beside_classical
    from bayes_scaling.questions.frontier import frontier_of

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
    from bayes_scaling.report.writing import make_page, save_page

    asked: dict[str, Any] = {"cost": query.cost.name, "extrapolate": True}
    page = make_page(fit, list(query.compute), list(query.context_length), **asked)
    note(f"Saved {save_page(page, path)}")
