"""What every command has beside its own options: widths, intervals, plain metavars and a sign of life."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
from typer.models import OptionInfo

from bayes_scaling.cli import waiting
from bayes_scaling.errors import SpecError
from bayes_scaling.printing.blocks import LEVELS, intervals, wide_tables

Command = Callable[..., None]
Wide = Annotated[bool, typer.Option("--wide", help="All columns of tables, however wide that is.")]
Interval = Annotated[
    float,
    typer.Option(
        "--interval",
        metavar="LEVEL",
        help=f"Probability of the intervals in tables: {', '.join(f'{level:g}' for level in LEVELS)}.",
    ),
]
METAVARS: Mapping[Any, str] = {int: "N", float: "NUMBER", str: "NAME", Path: "FILE"}


def dressed(command: Command, interval: bool = False, waits: bool = False) -> Command:
    """A command with the options that all share.

    Parameters
    ----------
    command : function
    interval : bool
        Whether its tables have intervals of which the level can be chosen.
    waits : bool
        Whether it may work for some seconds and has no bar of its own.
    """
    signature = inspect.signature(command, eval_str=True)
    _name_values(signature)
    added = _added(signature, interval)

    @wraps(command)
    def run(**given: Any) -> None:
        chosen = {name: given.pop(name) for name in added}
        with ExitStack() as stack:
            if chosen.get("wide"):
                stack.enter_context(wide_tables())
            if "interval" in chosen:
                stack.enter_context(_level(chosen["interval"]))
            if waits and sys.stderr.isatty():
                stack.enter_context(waiting.steps("Working"))
            command(**given)

    names = list(signature.parameters)
    place = names.index("json") if "json" in names else len(names)
    parameters = list(signature.parameters.values())
    parameters[place:place] = list(added.values())
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]  # given by name
    whole = signature.replace(parameters=parameters)
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    run.__dict__["__signature__"] = whole
    return run


def _added(signature: inspect.Signature, interval: bool) -> dict[str, inspect.Parameter]:
    """What gives records gives tables too, and those can be wide."""
    kind = inspect.Parameter.KEYWORD_ONLY
    added: dict[str, inspect.Parameter] = {}
    if interval:
        added["interval"] = inspect.Parameter("interval", kind, default=0.9, annotation=Interval)
    if "json" in signature.parameters:
        added["wide"] = inspect.Parameter("wide", kind, default=False, annotation=Wide)
    return added


@contextmanager
def _level(level: float) -> Iterator[None]:
    """Tables with intervals of that level."""
    if level not in LEVELS:
        known = ", ".join(f"{known:g}" for known in LEVELS)
        raise SpecError(f"--interval {level:g}: choose one of {known}")
    with intervals(level):
        yield


def _name_values(signature: inspect.Signature) -> None:
    """Call the values of options by words, where they have no name of their own."""
    for parameter in signature.parameters.values():
        if get_origin(parameter.annotation) is not Annotated:
            continue
        kind, *notes = get_args(parameter.annotation)
        plain = next((part for part in get_args(kind) or (kind,) if part in METAVARS), None)
        for note in notes:
            if isinstance(note, OptionInfo) and note.metavar is None and plain is not None:
                note.metavar = METAVARS[plain]
