"""What a user sees when something is wrong: one message, the right exit code, no traceback."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from bayes_scaling.errors import BayesScalingError, ConvergenceWarning, RunsWarning

CHECKS_FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


class GuardedGroup(TyperGroup):
    """A group of commands that turns the package's errors into exit codes."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command: bad input gives 2, Ctrl-C 130; a closed pipe is left to the library."""
        try:
            with _notes_on_stderr():
                return super().invoke(ctx)
        except BayesScalingError as error:
            raise _leave(f"Error: {error}", BAD_INPUT) from None
        except KeyboardInterrupt:
            raise _leave("Interrupted; nothing more was written.", INTERRUPTED) from None
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _leave(f"Error: {_describe(error)}", BAD_INPUT) from None


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
