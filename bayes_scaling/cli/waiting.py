"""Signs of life while a command works: on a terminal, on standard error, gone when there is an answer."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SILENT = 1.0  # seconds of work before anything is shown


class _Shown:
    """What is shown now, if anything."""

    live: Any = None
    timer: threading.Timer | None = None


_SHOWN = _Shown()


@contextmanager
def steps(what: str) -> Iterator[Callable[[str], None]]:
    """Show that work is done, after a second of it; the function that it gives tells the step.

    Nothing is shown where standard error is no terminal.
    """
    if not sys.stderr.isatty():
        yield lambda step: None
        return
    from bayes_scaling.cli.running.spinner import spinning

    hush()
    spinner, live = spinning(f"{what} ...")
    timer = threading.Timer(SILENT, live.start)
    timer.daemon = True
    _SHOWN.live = live
    _SHOWN.timer = timer
    timer.start()
    try:
        yield lambda step: spinner.update(text=f"{what} {step} ...")
    finally:
        hush()


def hush() -> None:
    """Take away what is shown: an answer follows."""
    if _SHOWN.timer is not None:
        _SHOWN.timer.cancel()
        _SHOWN.timer.join()
        _SHOWN.live.stop()
        _SHOWN.timer = None
