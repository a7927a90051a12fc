"""What a user sees when something is wrong: one message, the right exit code, no traceback."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from bayes_scaling.cli.interrupts import INTERRUPTED, INTERRUPTS, MESSAGE
from bayes_scaling.cli.process import CLOSED_PIPE, close_outputs
from bayes_scaling.cli.verdict import verdicts
from bayes_scaling.cli.wording import as_options
from bayes_scaling.errors import BayesScalingError, ConvergenceWarning, FitFileWarning, RunsWarning
from bayes_scaling.printing.visible import visible

CHECKS_FAILED, BAD_INPUT = 1, 2
LONGEST = 200  # characters of a command's help in the list of all
TOLD = (RunsWarning, ConvergenceWarning, FitFileWarning)  # warnings that are notes to the user


class GuardedGroup(TyperGroup):
    """A group of commands that turns the package's errors into exit codes."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Read the arguments; help is printed here."""
        with _guarded():
            return super().make_context(*arguments, **options)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The commands in groups, each with its whole sentence."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is None or command.hidden:
                continue
            panel = getattr(command, "rich_help_panel", None)
            group = panel if isinstance(panel, str) else "Commands"
            groups.setdefault(group, []).append((name, command.get_short_help_str(limit=LONGEST)))
        for group, rows in groups.items():
            with formatter.section(group):
                formatter.write_dl(rows)

    def invoke(self, ctx: Any) -> Any:
        """Run a command: bad input gives 2, Ctrl-C 130, a reader who left 141."""
        with _guarded(), _notes_on_stderr(), verdicts():
            return super().invoke(ctx)


@contextmanager
def _guarded() -> Iterator[None]:
    """One message and the exit code; after Ctrl-C whatever else went wrong is a consequence."""
    try:
        yield
    except KeyboardInterrupt:
        raise _interrupted() from None
    except (BayesScalingError, OSError) as error:
        if INTERRUPTS.seen:
            raise _interrupted() from None
        if isinstance(error, BrokenPipeError) and close_outputs(broken=True):
            raise typer.Exit(CLOSED_PIPE) from None
        text = _describe(error) if isinstance(error, OSError) else as_options(str(error))
        raise _leave(f"Error: {text}", BAD_INPUT) from None


def _interrupted() -> typer.Exit:
    """The exit of an interrupted command; a process that watches for Ctrl-C tells of it as it ends."""
    return typer.Exit(INTERRUPTED) if INTERRUPTS.seen else _leave(MESSAGE, INTERRUPTED)


def note(message: str) -> None:
    """A line for the user that is no result, on standard error."""
    typer.echo(visible(message), err=True)


def _leave(message: str, code: int) -> typer.Exit:
    note(message)
    return typer.Exit(code)


def _describe(error: OSError) -> str:
    """Which file, and why not."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


@contextmanager
def _notes_on_stderr() -> Iterator[None]:
    """The package's own warnings as plain notes, each as often as it occurs."""
    with warnings.catch_warnings():
        for kind in TOLD:
            warnings.simplefilter("always", kind)
        usual = warnings.showwarning

        def show(message: Any, category: Any, *where: Any, **more: Any) -> None:
            if issubclass(category, TOLD):
                print(visible(f"Note: {as_options(str(message))}"), file=sys.stderr)
            else:
                usual(message, category, *where, **more)

        warnings.showwarning = show
        yield
