"""Runs from the command line: the options that say how to read them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

from bayes_scaling.cli.arguments import Columns, column_map, constant_map

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
        typer.Option(
            "--within",
            metavar="COLUMNS",
            help="With --take: rows with one value in these, such as params,tokens, are one.",
        ),
    ],
}
RowsAreRuns = Annotated[
    bool, typer.Option("--rows-are-runs", help="Fit rows that look like checkpoints of a few trainings.")
]


@dataclass(frozen=True)
class Reading:
    """What the options say of a table of runs; see `bayes_scaling.load_runs` for each."""

    columns: dict[str, str] | None = None
    constants: dict[str, str] | None = None
    where: str | None = None
    take: str | None = None
    within: list[str] | None = None


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
