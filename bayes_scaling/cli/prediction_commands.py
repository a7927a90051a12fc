"""Commands that write predictions down before runs are trained, and judge them afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.cli.arguments import FitFile, Json, UniqueTokens, check_folder
from bayes_scaling.cli.decision_arguments import OwnFigure, check_figure
from bayes_scaling.cli.reading import PLAIN, Reading, reads_runs


@reads_runs
def preregister(
    fit: FitFile,
    runs: Annotated[
        str,
        typer.Argument(
            metavar="RUNS", help="Planned runs: architecture, context_length, params, tokens; run_id if any."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="RECORD", help="A new file for the predictions (.json).")
    ],
    seed: Annotated[int, typer.Option(help="Seed of the scatter of single runs.")] = 0,
    unique_tokens: UniqueTokens = None,
    reading: Reading = PLAIN,
) -> None:
    """Predict planned runs and write it down, once, dated and hashed; then train them."""
    from bayes_scaling.cli.running.predictions import write_predictions

    check_folder(output)
    write_predictions(fit, runs, reading, output, seed, unique_tokens)


@reads_runs
def judge(
    record: Annotated[
        Path, typer.Argument(metavar="RECORD", help="Predictions that `preregister` wrote (.json).")
    ],
    results: Annotated[str, typer.Argument(metavar="RESULTS", help="The runs, trained since, with losses.")],
    figure: OwnFigure = None,
    reading: Reading = PLAIN,
    json: Json = False,
) -> None:
    """Predictions beside results: how often intervals held, how far off, in plain words."""
    from bayes_scaling.cli.running.predictions import show_verdict

    check_figure(figure)
    show_verdict(record, results, reading, figure, json)
