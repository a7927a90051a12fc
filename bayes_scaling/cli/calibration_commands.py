"""Commands that ask whether intervals hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.cli.arguments import (
    DISCREPANCIES,
    ERRORS,
    LAWS,
    POOLINGS,
    Backends,
    Json,
    RunsFile,
    check_output,
    choices,
    numbers,
)
from bayes_scaling.cli.decision_arguments import OwnFigure, check_figure
from bayes_scaling.cli.reading import PLAIN, Reading, reads_runs


@reads_runs
def sbc(
    file: RunsFile,
    replicates: Annotated[int, typer.Option(min=1, help="Simulated tables, each fitted.")] = 200,
    law: Annotated[str, typer.Option(help="The law.", **choices(*LAWS))] = "gamma",
    pooling: Annotated[
        str, typer.Option(help="How groups inform each other.", **choices(*POOLINGS))
    ] = "partial",
    discrepancy: Annotated[
        str, typer.Option(help="Whether losses deviate from the law.", **choices(*DISCREPANCIES))
    ] = "drift",
    errors: Annotated[str, typer.Option(help="How runs scatter.", **choices(*ERRORS))] = "symmetric",
    backend: Backends = "numpyro",
    seed: Annotated[int, typer.Option(help="Seed of the simulations.")] = 0,
    figure: OwnFigure = None,
    reading: Reading = PLAIN,
    json: Json = False,
) -> None:
    """Calibrate the fit on simulations at the runs' sizes; exit code 1 if ranks are not uniform."""
    from bayes_scaling.cli.running.calibrations import show_sbc

    check_figure(figure)
    model = {"law": law, "pooling": pooling, "discrepancy": discrepancy, "errors": errors}
    options = {"replicates": replicates, "seed": seed, "backend": backend}
    show_sbc(file, reading, model, options, figure, json)


@reads_runs
def backtest(
    file: RunsFile,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            metavar="WHAT",
            help="compute (default), params, tokens_per_param, group, architecture or context. Repeatable.",
        ),
    ] = None,
    cuts: Annotated[
        list[str] | None,
        typer.Option("--cuts", metavar="VALUES", help="Values to cut at: 1e19,3e19. Repeatable."),
    ] = None,
    law: Annotated[str, typer.Option(help="The law.", **choices(*LAWS))] = "gamma",
    pooling: Annotated[
        str, typer.Option(help="How groups inform each other.", **choices(*POOLINGS))
    ] = "partial",
    discrepancy: Annotated[
        str, typer.Option(help="Whether losses deviate from the law.", **choices(*DISCREPANCIES))
    ] = "drift",
    backend: Backends = "numpyro",
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--backtest", "--folder", metavar="FOLDER", help="Keep forecasts there; go on with those kept."
        ),
    ] = None,
    figure: OwnFigure = None,
    reading: Reading = PLAIN,
    json: Json = False,
) -> None:
    """Fit part of the runs, predict the rest, score the intervals beside baselines."""
    from bayes_scaling.cli.running.calibrations import show_backtest

    check_figure(figure)
    whats = by or ["compute"]
    values = numbers(cuts, "--cuts")
    model = {"law": law, "pooling": pooling, "discrepancy": discrepancy}
    options = {"backend": backend, "seed": seed, "folder": folder}
    show_backtest(file, reading, whats, values, model, options, figure, json)


def stack(
    fits: Annotated[list[Path], typer.Argument(metavar="FIT...", help="Two or more fits of the same runs.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FIT", help="Where to save (.nc).")],
    backtest: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER", help="Folder of a back-test, one for each fit in order: weigh by runs beyond."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    json: Json = False,
) -> None:
    """Weigh several models by runs they have not seen, and mix their draws into one fit."""
    from bayes_scaling.cli.running.calibrations import show_stack

    check_output(output)
    show_stack(fits, backtest, seed, output, json)
