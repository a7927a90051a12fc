"""One writer at a time: a lock beside the file that is written."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bayes_scaling.errors import BayesScalingError

SUFFIX = ".lock"


@contextmanager
def only_writer(
    path: str | Path,
    *,
    error: type[BayesScalingError] = BayesScalingError,
    remedy: str = "wait for it to end",
) -> Iterator[None]:
    """Hold the lock of a file that is written bit by bit; the system lets go of it when a process dies.

    The lock is an empty file of the target's name and ``.lock``. It stays: were it removed, one process
    could lock the file that was removed and another a new one of the same name.

    Parameters
    ----------
    path : str or Path
        Its folder must exist.
    error : type of BayesScalingError
        What a refusal becomes.
    remedy : str
        What a refusal asks for.

    Raises
    ------
    BayesScalingError
        Of the type ``error``: another process holds the lock, or it cannot be made.
    """
    target = Path(path)
    lock = target.with_name(target.name + SUFFIX)
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as found:
        raise error(
            f"{lock}: cannot be made ({found.strerror}); choose another place for {target.name}"
        ) from found
    try:
        _take(descriptor, path, error, remedy)
        yield
    finally:
        os.close(descriptor)  # which lets go of the lock


def _take(descriptor: int, path: str | Path, error: type[BayesScalingError], remedy: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise error(f"{path}: another process writes to it. Remedy: {remedy}.") from None
    except OSError as found:
        raise error(f"{path}: cannot be locked ({found.strerror}); choose a local disk") from found
