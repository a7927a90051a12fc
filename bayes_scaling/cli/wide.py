"""The option ``--wide`` of every command that prints tables."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from bayes_scaling.printing.blocks import wide_tables

Wide = Annotated[bool, typer.Option("--wide", help="All columns of tables, however wide that is.")]
Command = Callable[..., None]


def with_wide(command: Command) -> Command:
    """The command with ``--wide`` beside its ``--json``: what gives records gives tables too."""
    signature = inspect.signature(command, eval_str=True)
    parameters = list(signature.parameters.values())
    if "json" not in signature.parameters:
        return command
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    wide = inspect.Parameter("wide", kind, default=False, annotation=Wide)

    @wraps(command)
    def run(*, wide: bool = False, **given: Any) -> None:
        if not wide:
            command(**given)
            return
        with wide_tables():
            command(**given)

    place = list(signature.parameters).index("json")
    whole = signature.replace(parameters=[*parameters[:place], wide, *parameters[place:]])
    run.__annotations__ = {name: each.annotation for name, each in whole.parameters.items()}
    run.__dict__["__signature__"] = whole
    return run
