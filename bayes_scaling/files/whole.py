"""Files that are written whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from bayes_scaling.errors import BayesScalingError

REMEDY = "choose another place"
SUFFIX = ".tmp"
YOUNG = 60.0  # seconds in which a folder is surely locked by who made it


@contextmanager
def whole(
    path: str | Path,
    *,
    once: bool = False,
    error: type[BayesScalingError] = BayesScalingError,
    remedy: str = REMEDY,
) -> Iterator[Path]:
    """A path to write to, whose file is put in the target's place when the block ends well.

    The path lies in a private folder beside the target, under the target's own name, so that a library that
    reads a format off a name finds it. When the block raises, whatever it raises, the target is as it was.
    A link is followed. A pipe or a device, such as ``/dev/stdout``, is written to as it is.

    Parameters
    ----------
    path : str or Path
        The target. Its folder must exist.
    once : bool
        Never replace a file: refused before the block where there is one, and after it where one has come.
    error : type of BayesScalingError
        What a refusal, and an error of the file system inside the block, becomes.
    remedy : str
        What the message of a failed writing asks for.

    Yields
    ------
    Path
        Nothing is there yet; the block makes the file, in any way.

    Raises
    ------
    BayesScalingError
        Of the type ``error``: the path is a folder, its folder does not exist or cannot be written to, the
        disk is full, or ``once`` and the file is there.

    Examples
    --------
    >>> with whole("table.csv") as part:
    ...     size = part.write_text("params,tokens,loss")
    >>> from pathlib import Path
    >>> Path("table.csv").read_text()
    'params,tokens,loss'
    """
    target = Path(path).expanduser().resolve()
    _check(target, path, once, error)
    try:
        if target.exists() and not target.is_file():
            yield target
            return
        with _beside(target) as part:
            yield part
            _to_disk(part)
            if once:
                _place_once(part, target, path, error)
            else:
                os.replace(part, target)
    except OSError as found:
        raise error(f"{path}: cannot be written ({found.strerror or found}); {remedy}") from found


def write_bytes(
    path: str | Path,
    content: bytes,
    *,
    once: bool = False,
    error: type[BayesScalingError] = BayesScalingError,
    remedy: str = REMEDY,
) -> None:
    """Write bytes; arguments and errors as for `whole`."""
    with whole(path, once=once, error=error, remedy=remedy) as part:
        part.write_bytes(content)


def write_text(
    path: str | Path,
    text: str,
    *,
    once: bool = False,
    error: type[BayesScalingError] = BayesScalingError,
    remedy: str = REMEDY,
) -> None:
    """Write text as UTF-8, its line ends as they are; arguments and errors as for `whole`."""
    write_bytes(path, text.encode("utf-8"), once=once, error=error, remedy=remedy)


def _check(target: Path, path: str | Path, once: bool, error: type[BayesScalingError]) -> None:
    """Refuse what can be seen before any work is done."""
    if target.is_dir():
        raise error(f"{path}: cannot be written: a folder; give a file name")
    if not target.parent.is_dir():
        raise error(f"{path}: cannot be written: the folder {target.parent} does not exist; make it first")
    if once and target.exists():
        raise _there(path, error)


def _there(path: str | Path, error: type[BayesScalingError]) -> BayesScalingError:
    return error(f"{path}: is there already; name another file, for this one is written once")


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A path of the target's name in a folder of its own beside it, removed whatever happens.

    The folder is locked as long as its process lives; those of dead processes are swept first.
    """
    prefix = f".{target.name[:100]}."
    _sweep(target.parent, prefix)
    folder = Path(mkdtemp(prefix=prefix, suffix=SUFFIX, dir=target.parent))
    held = _hold(folder)
    try:
        yield folder / target.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # an error of the removal must not hide the first
        if held is not None:
            os.close(held)


def _sweep(parent: Path, prefix: str) -> None:
    """Remove what writers of this target left behind that were killed."""
    with suppress(OSError):
        for entry in parent.iterdir():
            left = entry.name.startswith(prefix) and entry.name.endswith(SUFFIX)
            if left and not entry.is_symlink() and entry.stat().st_mtime < time.time() - YOUNG:
                _remove_unheld(entry)


def _remove_unheld(folder: Path) -> None:
    held = _hold(folder)
    if held is not None:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _hold(folder: Path) -> int | None:
    """The lock of a folder; None where another process has it, or where the disk knows no locks."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
        else:
            return descriptor
    return None


def _to_disk(part: Path) -> None:
    """Have the content on the disk before the name points to it."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())


def _place_once(part: Path, target: Path, path: str | Path, error: type[BayesScalingError]) -> None:
    """Put the file in its place unless another has come there meanwhile; the system decides who was first."""
    try:
        _link(part, target)
    except FileExistsError as found:
        raise _there(path, error) from found


def _link(part: Path, target: Path) -> None:
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: the name is taken first, then filled
        target.open("x").close()
        try:
            os.replace(part, target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
