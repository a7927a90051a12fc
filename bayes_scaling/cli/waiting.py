"""Signs of life while a command works: on a terminal, on standard error, gone when it is done."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

SILENT = 1.0  # seconds of work before anything is shown


@contextmanager
def steps(what: str) -> Iterator[Callable[[str], None]]:
    """Show what is worked on after a second; the function that it gives tells the step.

    Nothing is shown where standard error is no terminal.
    """
    if not sys.stderr.isatty():
        yield lambda step: None
        return
    status = Console(stderr=True).status(f"{what} ...")
    timer = threading.Timer(SILENT, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda step: status.update(f"{what} {step} ...")
    finally:
        timer.cancel()
        timer.join()
        status.stop()
