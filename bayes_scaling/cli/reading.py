"""Runs from the command line, and what is odd about them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from bayes_scaling.cli.arguments import column_map
from bayes_scaling.cli.failures import note
from bayes_scaling.errors import RunsWarning

if TYPE_CHECKING:
    from bayes_scaling.runs.findings import Finding
    from bayes_scaling.runs.table import Runs


def quiet_runs(file: str, column: list[str] | None) -> Runs:
    """The runs, their warnings left to whoever prints the findings."""
    from bayes_scaling.data.run_tables import load_runs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        return load_runs(file, columns=column_map(column))


def fittable_runs(file: str, column: list[str] | None) -> Runs:
    """Runs a model can be fitted to; their warnings are told only if they can."""
    from bayes_scaling.runs.validation import require_fittable

    runs = quiet_runs(file, column)
    require_fittable(runs)
    for finding in runs.notes:
        if finding.severity == "warning":
            note(describe_finding(finding))
    return runs


def describe_finding(finding: Finding) -> str:
    """One finding in one line."""
    return f"{finding.severity.capitalize()}: {finding.message}; {finding.advice}"
