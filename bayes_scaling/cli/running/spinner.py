"""What turns on a terminal while a command works."""

from __future__ import annotations

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner


def spinning(text: str) -> tuple[Spinner, Live]:
    """A spinner with a text, and what shows it on standard error once it is started.

    Answers go straight to standard output, which may be a file: nothing is redirected.
    """
    spinner = Spinner("dots", text)
    live = Live(
        spinner,
        console=Console(stderr=True),
        transient=True,
        refresh_per_second=10,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    return spinner, live
