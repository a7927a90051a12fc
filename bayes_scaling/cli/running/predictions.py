"""The work of the commands that write predictions down, and judge them afterwards."""

from __future__ import annotations

from pathlib import Path

import bayes_scaling as bs
from bayes_scaling.calibration.judging import judge
from bayes_scaling.calibration.preregistration import preregister
from bayes_scaling.cli.failures import note
from bayes_scaling.cli.reading import Reading
from bayes_scaling.cli.running.opening import open_fit
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.cli.running.tables import quiet_runs, read_runs
from bayes_scaling.printing.predictions import print_verdict


def write_predictions(
    fit: Path, runs: str, reading: Reading, output: Path, seed: int, unique_tokens: float | None
) -> None:
    """Predict planned runs and write it down, once."""
    planned = read_runs(runs, reading, need_loss=False)
    digest = preregister(open_fit(fit, False), planned, output, seed=seed, unique_tokens=unique_tokens)
    note(f"Saved {output}: {len(planned)} runs, SHA-256 {digest}")
    note(f"Then train them, and run `bayes-scaling judge {output} RESULTS`")


def show_verdict(record: Path, results: str, reading: Reading, output: Path | None, json: bool) -> None:
    """Print predictions beside results, and draw them where a file is named."""
    verdict = judge(record, quiet_runs(results, reading))
    print_json(verdict.runs) if json else print_verdict(verdict)
    if output is not None:
        figure = bs.plots.plot_verdict(verdict.runs, verdict.groups, verdict.distances)
        bs.plots.save_figure(figure, output)
