"""A command as a process of its own: how it ends, whatever happens."""

from __future__ import annotations

import os
import select
import sys
from typing import NoReturn, TextIO

from bayes_scaling.cli.interrupts import INTERRUPTED, INTERRUPTS

CLOSED_PIPE = 141  # as of a process that SIGPIPE ended


def run_process() -> NoReturn:
    """Run the command of ``sys.argv`` and end the process.

    An interrupted command ends with 130 and without exit handlers, which native threads would disturb; one
    whose reader left ends with 141. Both are quiet.
    """
    output, reader_left = sys.stdout, False
    try:
        INTERRUPTS.watch()
        from bayes_scaling.cli.commands import app

        app()
        code: str | int | None = 0
    except SystemExit as leaving:
        code = leaving.code
    except BrokenPipeError:  # of a message of wrong usage
        reader_left = close_outputs(broken=True)
        if not reader_left:
            raise
        code = CLOSED_PIPE
    except BaseException:
        if not INTERRUPTS.seen:
            raise
        code = INTERRUPTED  # libraries turn interrupts into errors of their own
    if INTERRUPTS.seen or code == INTERRUPTED:
        INTERRUPTS.leave()
    reader_left |= sys.stdout is not output  # it is replaced where the library saw the reader leave
    if close_outputs() or reader_left:
        code = CLOSED_PIPE
    sys.exit(code)


def close_outputs(broken: bool = False) -> bool:
    """Write what is still to be written; whether a reader has left, whose stream then leads nowhere.

    Parameters
    ----------
    broken : bool
        Whether a write has failed already, which may have lost what it would have written.
    """
    left = [_left(stream, broken) for stream in (sys.stdout, sys.stderr)]
    return any(left)


def _left(stream: TextIO, broken: bool) -> bool:
    try:
        stream.flush()
        if not (broken and _without_reader(stream.fileno())):
            return False
    except BrokenPipeError:
        pass
    except (OSError, ValueError, AttributeError):
        return False  # closed, full or no file: not a reader that left
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
    return True


def _without_reader(descriptor: int) -> bool:
    """Whether a descriptor is a pipe that nobody reads; it is taken for one where that cannot be asked."""
    if not hasattr(select, "poll"):
        return True
    asked = select.poll()
    asked.register(descriptor, select.POLLOUT)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in asked.poll(0))
