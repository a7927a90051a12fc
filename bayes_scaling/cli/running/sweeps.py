"""The work of the commands of the sweep."""

from __future__ import annotations

from pathlib import Path

from bayes_scaling.cli.failures import note
from bayes_scaling.cli.running.opening import open_fit
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.printing.sweep import print_plan, print_sweep_verdict
from bayes_scaling.sweep.planning import plan_table, planned_frame, planned_runs
from bayes_scaling.sweep.preregistration import preregister_sweep
from bayes_scaling.sweep.results import read_results
from bayes_scaling.sweep.running import run_sweep
from bayes_scaling.sweep.verdict import judge_sweep


def show_plan(part: str | None, json: bool) -> None:
    """Print the planned runs: a summary, or as records every run."""
    specs = planned_runs(part)
    if json:
        print_json(planned_frame(specs))
    else:
        print_plan(plan_table(specs))


def train(part: str | None, output: Path, workers: int | None) -> None:
    """Train the planned runs that the file does not hold yet."""
    trained = run_sweep(planned_runs(part), output, workers, note)
    note(f"Trained {trained} runs; all planned ones are in {output}")


def write_predictions(fit: Path, output: Path, seed: int) -> None:
    """Predict the preregistered runs and write it down, once."""
    digest = preregister_sweep(open_fit(fit, False), planned_runs("preregistered"), output, seed)
    note(f"Saved {output}, SHA-256 {digest}")


def show_verdict(record: Path, runs: Path, json: bool) -> None:
    """Print predictions beside results."""
    verdict = judge_sweep(record, read_results(runs))
    if json:
        print_json(verdict.runs)
    else:
        print_sweep_verdict(verdict)
