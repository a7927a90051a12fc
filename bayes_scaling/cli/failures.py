"""What a user sees when something is wrong: one message, the right exit code, no traceback."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from bayes_scaling.cli.verdict import verdicts
from bayes_scaling.errors import BayesScalingError, ConvergenceWarning, RunsWarning

CHECKS_FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


class GuardedGroup(TyperGroup):
    """A group of commands that turns the package's errors into exit codes."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command: bad input gives 2, Ctrl-C 130; a reader that has seen enough ends it quietly."""
        try:
            with _notes_on_stderr(), verdicts():
                return super().invoke(ctx)
        except BayesScalingError as error:
            raise _leave(f"Error: {error}", BAD_INPUT) from None
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one must not disturb what is tidied up
            raise _leave("Interrupted; nothing more was written.", INTERRUPTED) from None
        except BrokenPipeError:
            forget_output()
            raise typer.Exit(0) from None
        except OSError as error:
            raise _leave(f"Error: {_describe(error)}", BAD_INPUT) from None


def forget_output() -> None:
    """Send what is still to be written nowhere: nobody reads it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def note(message: str) -> None:
    """A line for the user that is no result, on standard error."""
    typer.echo(message, err=True)


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
        for kind in (RunsWarning, ConvergenceWarning):
            warnings.simplefilter("always", kind)
        usual = warnings.showwarning

        def show(message: Any, category: Any, *where: Any, **more: Any) -> None:
            if issubclass(category, RunsWarning | ConvergenceWarning):
                print(f"Note: {message}", file=sys.stderr)
            else:
                usual(message, category, *where, **more)

        warnings.showwarning = show
        yield
