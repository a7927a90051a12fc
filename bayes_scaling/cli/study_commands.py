"""Commands that set classical estimates and the study's figures beside the posterior."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.cli.arguments import Cost, FitFile, Json, RunsFile, choices, numbers
from bayes_scaling.cli.reading import PLAIN, Reading, reads_runs
from bayes_scaling.errors import SpecError

METHODS = ("isoflop", "huber", "slopes", "hull", "envelope")


@reads_runs
def classical(
    file: RunsFile,
    method: Annotated[
        str,
        typer.Option(
            help="isoflop: parabolas; huber: the law by Huber loss; slopes: lines of fixed tokens per "
            "param; hull, envelope: the lowest losses.",
            **choices(*METHODS),
        ),
    ] = "isoflop",
    law: Annotated[
        str, typer.Option(help="The law that --method huber fits.", **choices("chinchilla", "gamma"))
    ] = "chinchilla",
    compute: Annotated[
        list[str] | None,
        typer.Option("--compute", metavar="FLOPS", help="Optima at these budgets instead of the fit."),
    ] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of the budgets, with --method isoflop.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=0, help="Bootstrap fits.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    reading: Reading = PLAIN,
    json: Json = False,
) -> None:
    """Classical point estimates with bootstrap intervals."""
    from bayes_scaling.cli.running.studies import show_classical

    if method not in METHODS:
        raise SpecError(f"--method {method!r}: choose one of {', '.join(METHODS)}")
    budgets = numbers(compute, "--compute")
    options = {"resamples": resamples, "seed": seed}
    show_classical(file, reading, method, law, budget, budgets, options, json)


@reads_runs
def figures(
    fit: FitFile,
    runs: Annotated[
        str | None,
        typer.Argument(metavar="[RUNS]", help="Runs of the classical estimates. Default: the fit's."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the figures go.")
    ] = Path("figures"),
    cost: Cost = "6ND",
    formats: Annotated[
        str, typer.Option("--format", metavar="FORMATS", help="png, pdf and svg, or several: pdf,png.")
    ] = "png",
    reading: Reading = PLAIN,
    json: Json = False,
) -> None:
    """Draw the figures of a study, the posterior beside classical estimates."""
    from bayes_scaling.cli.running.figures import draw_figures

    kinds = [kind.strip() for kind in formats.split(",")]
    draw_figures(fit, runs, reading, output, cost, kinds, json)
