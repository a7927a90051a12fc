"""Runs from the command line: the options that say how to read them, and what is odd about them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from bayes_scaling.cli.arguments import Columns, column_map, constant_map
from bayes_scaling.cli.failures import note
from bayes_scaling.cli.wording import as_options
from bayes_scaling.errors import RunsError, RunsWarning
from bayes_scaling.faces.loss_unit import tell_losses_in

if TYPE_CHECKING:
    from bayes_scaling.runs.findings import Finding
    from bayes_scaling.runs.table import Runs

OPTIONS: dict[str, Any] = {
    "column": Columns,
    "constant": Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="NAME has one VALUE in all rows. Repeatable."),
    ],
    "where": Annotated[
        str | None,
        typer.Option("--where", metavar="EXPR", help="Rows to read: 'outlier == False and params > 1e8'."),
    ],
    "take": Annotated[
        str | None,
        typer.Option("--take", metavar="WHICH", help="last of a training, or best of a design."),
    ],
    "within": Annotated[
        str | None,
        typer.Option("--within", metavar="COLUMNS", help="For --take: rows alike in params,tokens are one."),
    ],
}
RowsAreRuns = Annotated[
    bool, typer.Option("--rows-are-runs", help="Fit rows that look like checkpoints of a few trainings.")
]


@dataclass(frozen=True)
class Reading:
    """What the options say of a table of runs; see `bayes_scaling.load_runs` for each."""

    columns: dict[str, str] | None = None
    constants: dict[str, Any] | None = None
    where: str | None = None
    take: str | None = None
    within: list[str] | None = None

    def load(self, file: str, need_loss: bool = True) -> Runs:
        """The runs of a file or data set."""
        from bayes_scaling.data.run_tables import load_runs

        return load_runs(
            file,
            self.columns,
            need_loss=need_loss,
            constants=self.constants,
            where=self.where,
            take=self.take,
            within=self.within,
        )


PLAIN = Reading()


def reads_runs(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes a `Reading` by the name ``reading``: its options stand in that place."""
    hints = get_type_hints(command, include_extras=True)
    given = inspect.signature(command).parameters
    signature: list[inspect.Parameter] = []
    for name, parameter in given.items():
        if name == "reading":
            signature += [_option(name, kind) for name, kind in OPTIONS.items()]
        else:
            kind = inspect.Parameter.KEYWORD_ONLY
            signature.append(parameter.replace(annotation=hints[name], kind=kind))

    @wraps(command)
    def read(**values: Any) -> None:
        options = {name: values.pop(name) for name in OPTIONS}
        command(**values, reading=_reading(**options))

    read.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    read.__annotations__ = {parameter.name: parameter.annotation for parameter in signature}
    return read


def _option(name: str, kind: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def _reading(
    column: Sequence[str] | None,
    constant: Sequence[str] | None,
    where: str | None,
    take: str | None,
    within: str | None,
) -> Reading:
    """The options' values, checked."""
    names = [name.strip() for name in within.split(",")] if within else None
    return Reading(column_map(column), constant_map(constant), where, take, names)


def quiet_runs(file: str, reading: Reading) -> Runs:
    """The runs, their warnings left to whoever prints the findings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        runs = reading.load(file)
    tell_losses_in(runs.loss_unit)
    return runs


def fittable_runs(file: str, reading: Reading, rows_are_runs: bool = True) -> Runs:
    """Runs a model can be fitted to; their warnings are told only if they can.

    Raises
    ------
    RunsError
        The rows are checkpoints of a few trainings, and nobody says that they shall be fitted as runs.
    """
    from bayes_scaling.data.selection import LEFT_OUT
    from bayes_scaling.runs.trainings import CHECKPOINTS
    from bayes_scaling.runs.validation import require_fittable

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
