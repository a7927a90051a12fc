"""Ctrl-C ends a command at once: what is under way is cleaned up, nothing is told but one line."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from multiprocessing import active_children
from types import FrameType
from typing import Any, NoReturn

INTERRUPTED = 130
MESSAGE = "Interrupted; nothing more was written."
PATIENCE = 1.5  # seconds that cleaning up may take
SOON = 0.2  # and writing what was printed


class Interrupts:
    """The first Ctrl-C raises KeyboardInterrupt in the main thread, later ones do nothing.

    Code in C that does not return to Python would hold that up; so a thread of its own, woken by the signal
    itself, ends the process after `PATIENCE`.

    Attributes
    ----------
    seen : bool
        Whether there was one.
    """

    def __init__(self) -> None:
        self.seen = False
        self._told = threading.Lock()

    def watch(self) -> None:
        """Take over Ctrl-C; only in the main thread of a process that is all ours."""
        signal.signal(signal.SIGINT, self._first)
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        threading.Thread(target=self._end_in_time, args=(reader,), daemon=True).start()
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def leave(self) -> NoReturn:
        """Tell of the interruption and end, without the exit handlers of any library."""
        if not self._told.acquire(blocking=False):
            time.sleep(PATIENCE)  # the other thread is ending the process
            os._exit(INTERRUPTED)
        flushing = threading.Thread(target=_tell, daemon=True)  # a reader who does not read would hold it up
        flushing.start()
        flushing.join(SOON)
        _end_workers()
        os._exit(INTERRUPTED)

    def _first(self, number: int, frame: FrameType | None) -> None:
        if self.seen:
            return
        self.seen = True
        sys.unraisablehook = _silent  # libraries that may not raise would print a traceback
        threading.excepthook = _silent
        raise KeyboardInterrupt

    def _end_in_time(self, reader: int) -> None:
        while os.read(reader, 1) != bytes([signal.SIGINT]):
            pass
        time.sleep(PATIENCE)
        self.leave()


def _silent(*_: Any) -> None:
    """Say nothing."""


def _tell() -> None:
    """What was printed already, then the one line."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, RuntimeError):  # closed, or in use by what was interrupted
            stream.flush()
    with suppress(OSError):
        os.write(2, f"{MESSAGE}\n".encode())


def _end_workers() -> None:
    """End processes of our own that work for this one."""
    if "multiprocessing" in sys.modules:
        for child in active_children():
            child.kill()


INTERRUPTS = Interrupts()
