"""Commands of the sweep: its plan, training, predictions beforehand, and how they did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.cli.arguments import FitFile, Json, check_folder
from bayes_scaling.cli.dressing import dressed
from bayes_scaling.cli.failures import GuardedGroup

sweep = typer.Typer(
    name="sweep",
    help="Train a scaling sweep on this machine; write predictions down before they are tested.",
    cls=GuardedGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
)
Part = Annotated[
    str | None,
    typer.Option("--part", metavar="PART", help="fitted or preregistered. Default: all runs."),
]
Record = Annotated[
    Path, typer.Argument(metavar="RECORD", help="Predictions that `sweep preregister` wrote (.json).")
]


@sweep.command("plan")
@dressed
def plan_(part: Part = None, json: Json = False) -> None:
    """List the planned runs: counts, sizes, FLOPs; with --json every run."""
    from bayes_scaling.cli.running.sweeps import show_plan

    show_plan(part, json)


@sweep.command("run")
@dressed
def run_(
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="CSV",
            help="Results, one row per run; an existing file is continued.",
        ),
    ],
    part: Part = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes of one core each. Default: all cores.")
    ] = None,
) -> None:
    """Train what the file does not hold yet; stop it when you like, it goes on where it was."""
    from bayes_scaling.cli.running.sweeps import train

    check_folder(output)
    train(part, output, workers)


@sweep.command()
@dressed
def preregister(
    fit: FitFile,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="RECORD", help="A new file for the predictions (.json).")
    ],
    seed: Annotated[int, typer.Option(help="Seed of the scatter of single runs.")] = 0,
) -> None:
    """Predict the preregistered runs from a fit of the others and write it down, once."""
    from bayes_scaling.cli.running.sweeps import write_predictions

    check_folder(output)
    write_predictions(fit, output, seed)


@sweep.command()
@dressed
def judge(
    record: Record,
    runs: Annotated[Path, typer.Argument(metavar="RUNS", help="What `sweep run` wrote (.csv).")],
    json: Json = False,
) -> None:
    """Predictions beside results: coverage, bias, optima, winner, regret."""
    from bayes_scaling.cli.running.sweeps import show_verdict

    show_verdict(record, runs, json)
