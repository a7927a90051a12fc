"""Tables of runs as the options say to read them, and what is odd about them."""

from __future__ import annotations

import warnings

from bayes_scaling.cli.failures import note
from bayes_scaling.cli.reading import Reading
from bayes_scaling.cli.wording import as_options
from bayes_scaling.data.delimited import infer
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.data.selection import LEFT_OUT
from bayes_scaling.errors import RunsError, RunsWarning
from bayes_scaling.faces.loss_unit import tell_losses_in
from bayes_scaling.runs.findings import Finding
from bayes_scaling.runs.table import Runs
from bayes_scaling.runs.trainings import CHECKPOINTS
from bayes_scaling.runs.validation import require_fittable


def read_runs(file: str, reading: Reading, need_loss: bool = True) -> Runs:
    """The runs of a file or data set.

    Raises
    ------
    RunsError
        As for `bayes_scaling.load_runs`.
    """
    texts = reading.constants or {}
    constants = {name: infer([text]).tolist()[0] for name, text in texts.items()}
    return load_runs(
        file,
        reading.columns,
        need_loss=need_loss,
        constants=constants or None,
        where=reading.where,
        take=reading.take,
        within=reading.within,
    )


def quiet_runs(file: str, reading: Reading) -> Runs:
    """The runs, their warnings left to whoever prints the findings; errors are as for `read_runs`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        runs = read_runs(file, reading)
    tell_losses_in(runs.loss_unit)
    return runs


def fittable_runs(file: str, reading: Reading, rows_are_runs: bool = True) -> Runs:
    """Runs a model can be fitted to; their warnings are told only if they can.

    Raises
    ------
    RunsError
        The rows are checkpoints of a few trainings, and nobody says that they shall be fitted as runs; or as
        for `read_runs`.
    """
    runs = quiet_runs(file, reading)
    require_fittable(runs)
    for finding in runs.notes:
        if finding.code == CHECKPOINTS and not rows_are_runs:
            raise RunsError(
                f"{file}: {finding.message}. Remedy: {finding.advice}; --rows-are-runs fits them as they are."
            )
        if finding.severity == "warning" or finding.code == LEFT_OUT:
            note(describe_finding(finding))
    return runs


def describe_finding(finding: Finding) -> str:
    """One finding in one line."""
    return as_options(f"{finding.severity.capitalize()}: {finding.message}; {finding.advice}")
