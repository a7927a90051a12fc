"""Small files of the user's: TOML, JSON, CSV and text, read whole, within a limit of size.

A small file is a regular file: a pipe without a writer would never end, and a device has no end. Whatever its
content makes a parser raise becomes an error of the package that names the file and a remedy.
"""

from __future__ import annotations

import csv
import json
import os
import stat
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from bayes_scaling.errors import BayesScalingError

LIMIT = 64 * 2**20  # bytes
_PIECE = 2**24  # bytes
_SHOWN = 200  # characters of another library's message
_BROKEN = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    csv.Error,
    Warning,  # one that a reader raises as an error
)


def read_small(
    path: str | Path,
    *,
    error: type[BayesScalingError] = BayesScalingError,
    remedy: str = "give another file",
    limit: int = LIMIT,
) -> bytes:
    """All bytes of a regular file that is not larger than a limit.

    Parameters
    ----------
    path : str or Path
    error : type of BayesScalingError
        What every refusal becomes.
    remedy : str
        What the message asks for.
    limit : int
        Bytes.

    Raises
    ------
    BayesScalingError
        Of the type ``error``: no such file, a folder, a pipe or a device, no permission, or too large.
    """
    try:
        with _opened(Path(path).expanduser()) as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise error(f"{path}: a folder, pipe or device, not a file; {remedy}")
            content = b"" if state.st_size > limit else _up_to(file, limit + 1)
    except OSError as found:
        raise error(f"{path}: cannot be read ({found.strerror or found}); {remedy}") from found
    except ValueError as found:  # a name with a null byte
        raise error(f"{path!r}: cannot be a file's name ({found}); {remedy}") from found
    if state.st_size > limit or len(content) > limit:
        raise error(f"{path}: larger than {limit / 2**20:g} MiB, which no such file is; {remedy}")
    return content


def _opened(path: Path) -> BinaryIO:
    """The file, without waiting for the writer of a pipe."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def read_small_text(
    path: str | Path,
    *,
    error: type[BayesScalingError] = BayesScalingError,
    remedy: str = "save it as UTF-8 text",
    limit: int = LIMIT,
) -> str:
    """The text of a small file, without a byte order mark; arguments and errors as for `read_small`."""
    content = read_small(path, error=error, remedy=remedy, limit=limit)
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as found:
        line = content.count(b"\n", 0, found.start) + 1
        shown = f"byte 0x{content[found.start]:02x}"
        raise error(f"{path}: line {line} is not UTF-8 text ({shown}); {remedy}") from found


def _up_to(file: BinaryIO, most: int) -> bytes:
    """Its bytes, up to a number; no room is asked for that they do not need."""
    parts = []
    while most > 0 and (part := file.read(min(most, _PIECE))):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


@contextmanager
def understood(
    place: str | Path,
    what: str,
    *,
    error: type[BayesScalingError] = BayesScalingError,
    remedy: str = "mend it or give another",
) -> Iterator[None]:
    """Whatever a file's content makes the block raise becomes one error that names the file.

    Errors of the package keep their type and get the file's name before them.

    Parameters
    ----------
    place : str or Path
        The file, perhaps with a line.
    what : str
        What the file should be, such as ``a plan``.
    error, remedy
        As for `read_small`.
    """
    try:
        yield
    except BayesScalingError as found:
        named = str(place) in str(found)
        raise found if named else type(found)(f"{place}: {found}") from found.__cause__
    except _BROKEN as found:
        reason = " ".join(f"{type(found).__name__}: {found}".split())[:_SHOWN]
        raise error(f"{place}: not {what} ({reason}); {remedy}") from found


def read_toml[Built](
    path: str | Path,
    build: Callable[[dict[str, Any]], Built],
    what: str,
    *,
    error: type[BayesScalingError] = BayesScalingError,
    remedy: str = "mend it or give another",
) -> Built:
    """What ``build`` makes of the tables of a TOML file.

    Raises
    ------
    BayesScalingError
        Of the type ``error`` or of what ``build`` raises: the file cannot be read, is not TOML, or cannot be
        built from.
    """
    text = read_small_text(path, error=error, remedy=remedy)
    with understood(path, what, error=error, remedy=remedy):
        return build(tomllib.loads(text))


def read_json[Built](
    path: str | Path,
    build: Callable[[Any], Built],
    what: str,
    *,
    error: type[BayesScalingError] = BayesScalingError,
    remedy: str = "mend it or give another",
) -> Built:
    """What ``build`` makes of the values of a JSON file; errors as for `read_toml`."""
    text = read_small_text(path, error=error, remedy=remedy)
    with understood(path, what, error=error, remedy=remedy):
        return build(json.loads(text))
