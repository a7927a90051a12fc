"""The command that tells whether two runs differ by more than noise."""

from __future__ import annotations

from typing import Annotated

import typer

from bayes_scaling.cli.arguments import FitFile, Json, names, numbers, required_numbers
from bayes_scaling.cli.decision_arguments import FigureFile, check_figure

OF_THE_FIT = "Default: that of the fit, if it has one."


def compare_runs(
    fit: FitFile,
    first: Annotated[
        list[str],
        typer.Option(
            "--first", metavar="NATS", help="Loss of a run, or of each seed: 2.312,2.309. Repeatable."
        ),
    ],
    second: Annotated[
        list[str], typer.Option("--second", metavar="NATS", help="Losses of the other run or recipe.")
    ],
    architecture: Annotated[
        list[str] | None, typer.Option("--architecture", metavar="NAME", help=OF_THE_FIT)
    ] = None,
    context_length: Annotated[
        list[str] | None, typer.Option("--context-length", metavar="TOKENS", help=OF_THE_FIT)
    ] = None,
    loss_sd: Annotated[
        float, typer.Option(metavar="NATS", help="Known standard deviation of every loss given.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    figure: FigureFile = None,
    json: Json = False,
) -> None:
    """Whether two runs of one size, or two recipes with seeds, differ by more than noise."""
    from bayes_scaling.cli.running.compared_runs import show_compared_runs

    check_figure(figure)
    ours = required_numbers(first, "--first")
    theirs = required_numbers(second, "--second")
    length = numbers(context_length, "--context-length")
    show_compared_runs(fit, ours, theirs, length, names(architecture), loss_sd, seed, figure, json)
