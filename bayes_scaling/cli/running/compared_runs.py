"""The work of the command that tells whether two runs differ by more than noise."""

from __future__ import annotations

from pathlib import Path

from bayes_scaling.cli.running.drawing import draw
from bayes_scaling.cli.running.opening import open_fit
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.printing.run_comparison import print_run_comparison
from bayes_scaling.questions.compare_runs import compare_runs


def show_compared_runs(
    fit: Path,
    first: list[float],
    second: list[float],
    context_length: list[float] | None,
    architecture: list[str] | None,
    loss_sd: float,
    seed: int,
    figure: Path | None,
    json: bool,
) -> None:
    """Print whether the losses of two recipes differ by more than noise."""
    found = compare_runs(
        open_fit(fit, json), first, second, context_length, architecture, loss_sd=loss_sd, seed=seed
    )
    draw(found, figure)
    (print_json if json else print_run_comparison)(found.table(full=True))
