"""Commands that write predictions down before runs are trained, and judge them afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.cli.arguments import FitFile, Json, UniqueTokens, check_folder
from bayes_scaling.cli.failures import note
from bayes_scaling.cli.output import print_json
from bayes_scaling.cli.reading import PLAIN, Reading, quiet_runs, reads_runs
from bayes_scaling.cli.verdict import open_fit


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
    from bayes_scaling.calibration.preregistration import preregister as write

    check_folder(output)
    planned = reading.load(runs, need_loss=False)
    digest = write(open_fit(fit, False), planned, output, seed=seed, unique_tokens=unique_tokens)
    note(f"Saved {output}: {len(planned)} runs, SHA-256 {digest}")
    note(f"Then train them, and run `bayes-scaling judge {output} RESULTS`")


@reads_runs
def judge(
    record: Annotated[
        Path, typer.Argument(metavar="RECORD", help="Predictions that `preregister` wrote (.json).")
    ],
    results: Annotated[str, typer.Argument(metavar="RESULTS", help="The runs, trained since, with losses.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Figure (.png, .pdf).")
    ] = None,
    reading: Reading = PLAIN,
    json: Json = False,
) -> None:
    """Predictions beside results: how often intervals held, how far off, in plain words."""
    from bayes_scaling.calibration.judging import judge as compare
    from bayes_scaling.printing.predictions import print_verdict

    if output is not None:
        check_folder(output)
    verdict = compare(record, quiet_runs(results, reading))
    print_json(verdict.runs) if json else print_verdict(verdict)
    if output is not None:
        from bayes_scaling.plots import plot_verdict, save_figure

        save_figure(plot_verdict(verdict.runs, verdict.groups, verdict.distances), output)
