"""One command from a table of runs to an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
from bayes_scaling.cli.reading import PLAIN, Reading, RowsAreRuns, reads_runs


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
        typer.Option(
            metavar="COLUMN", help="Runs with one value in COLUMN share one offset in loss. Repeatable."
        ),
    ] = None,
    draws: Annotated[int, typer.Option(help="Draws of each chain at least.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the sampler.")] = 0,
    extrapolate: Extrapolate = False,
    rows_are_runs: RowsAreRuns = False,
    reading: Reading = PLAIN,
    json: Json = False,
) -> None:
    """From a table of runs to what to train at each budget: reads, fits, answers."""
    from bayes_scaling.cli.running.answer import show_answer

    question = {
        "compute": required_numbers(compute, "--compute"),
        "context_length": numbers(context_length, "--context-length"),
        "architecture": names(architecture),
        "cost": cost,
        "extrapolate": extrapolate,
    }
    sampling = {"draws": draws, "seed": seed}
    offsets = tuple(offset or ())
    show_answer(file, reading, rows_are_runs, offsets, output, sampling, question, report, json)
