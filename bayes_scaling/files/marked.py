"""Saved files: NetCDF with marks of kind and version, sealed, written whole, refused when they are not."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import xarray as xr

from bayes_scaling.errors import FitFileError, FitFileWarning
from bayes_scaling.files.apart import run_apart
from bayes_scaling.files.netcdf import content_digest, tree_from_bytes, tree_to_bytes
from bayes_scaling.files.seal import AGAIN, opened, seal_of
from bayes_scaling.files.small import read_small
from bayes_scaling.files.structure import require_plain
from bayes_scaling.files.whole import whole

LARGEST = 16 * 2**30  # bytes
_DIGEST = "sha256"


def write_marked(
    tree: xr.DataTree, path: str | Path, kind: str, version: int, rebuild: Callable[[Path], Any]
) -> Path:
    """Write a tree with its marks and seal: made in memory, written aside, read back, put in its place.

    Parameters
    ----------
    tree : DataTree
        Its attributes get the marks.
    path : str or Path
    kind : str
        What the file is.
    version : int
        Of the format.
    rebuild : callable
        Reads a file of this kind; what it refuses is not put in place.

    Raises
    ------
    FitFileError
        The folder does not exist, the path is a folder, or it cannot be written.
    """
    target = Path(path).expanduser().resolve()
    if target.is_dir():
        raise FitFileError(f"{target}: a folder; give a file name such as {target.name}/fit.nc")
    tree.attrs = {"kind": kind, "format_version": str(version)} | dict(tree.attrs)
    tree.attrs[_DIGEST] = content_digest(tree)
    with whole(target, error=FitFileError) as part:
        content = tree_to_bytes(tree)
        with part.open("wb") as file:
            file.write(content)
            file.write(seal_of(content))
        _read_back(part, target, rebuild)
    return target


def _read_back(part: Path, target: Path, rebuild: Callable[[Path], Any]) -> None:
    try:
        rebuild(part)
    except FitFileError as error:
        raise FitFileError(str(error).replace(str(part), str(target))) from error


def read_marked(path: str | Path, kind: str, wanted: str, newest: int) -> xr.DataTree:
    """The tree in a saved file, its seal checked before its content is parsed, without its digest.

    Parameters
    ----------
    path : str or Path
    kind : str
        What the file must be.
    wanted : str
        That in words, for messages.
    newest : int
        Version of the format up to which it is read.

    Raises
    ------
    FitFileError
        The file is missing, broken, of another kind or of a newer format, or not what was saved.

    Warns
    -----
    FitFileWarning
        The file has no seal, as those of earlier versions: it was parsed in another process first.
    """
    source = Path(path).expanduser()
    if not os.path.exists(source):
        raise FitFileError(
            f"{source}: no such file; {_near(source)}save a fit there first with fit.save(path)"
        )
    if os.path.isdir(source):
        raise FitFileError(f"{source}: a folder, not a file; give the .nc file of a fit")
    whole_file = read_small(source, error=FitFileError, remedy="give the .nc file of a fit", limit=LARGEST)
    content, sealed = opened(whole_file, str(source))
    if not sealed:
        _check_apart(source, content)
    tree, unchanged = _parsed(content, str(source))
    _check_kind(tree, source, kind, wanted, newest)
    if not unchanged:
        raise FitFileError(f"{source}: its content is not what was saved (checksum differs); {AGAIN}")
    if not sealed:
        message = f"{source}: saved by an earlier version, without a seal; load and save it to give it one"
        warnings.warn(message, FitFileWarning, stacklevel=2)
    return tree


def _near(source: Path) -> str:
    """The file beside a missing one that its name may have meant."""
    beside = [path.name for path in sorted(source.parent.glob(f"*{source.suffix or '.nc'}"))]
    near = get_close_matches(source.name, beside, n=1)
    return f"did you mean {near[0]}? Or " if near else ""


def _check_apart(source: Path, content: bytes) -> None:
    """Have a file without a seal read in a process that may hang or die."""
    memory = 4 * 2**30 + 30 * len(content)
    seconds = 60 + len(content) / 2**20
    function = "bayes_scaling.files.marked:digest_of"
    found = run_apart(function, source, error=FitFileError, remedy=AGAIN, memory=memory, seconds=seconds)
    if found != hashlib.sha256(content).hexdigest():
        raise FitFileError(f"{source}: changed while it was read; {AGAIN}")


def digest_of(path: Path) -> str:
    """SHA-256 of a file that can be parsed to its end; errors as for `read_marked`."""
    content = read_small(path, error=FitFileError, limit=LARGEST)
    _parsed(content, str(path))
    return hashlib.sha256(content).hexdigest()


def _parsed(content: bytes, place: str) -> tuple[xr.DataTree, bool]:
    """The tree without its digest, and whether its content has that digest."""
    try:
        require_plain(content)
        tree = tree_from_bytes(content)
        digest = tree.attrs.pop(_DIGEST, None)
        return tree, digest == content_digest(tree)
    except FitFileError as error:
        raise FitFileError(
            f"{place}: refused, {error}; no file of this package is so. Remedy: {AGAIN}"
        ) from error
    except Exception as error:  # a broken file raises anything from the libraries below
        detail = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise FitFileError(f"{place}: not a NetCDF-4 file, or damaged ({detail}); {AGAIN}") from error


def _check_kind(tree: xr.DataTree, path: Path, kind: str, wanted: str, newest: int) -> None:
    """Refuse a file of another kind or of a newer format."""
    found = text_of(tree.attrs.get("kind"))
    if found != kind:
        what = f"a file of kind {found[:80]!r}" if found else "a NetCDF file of something else"
        raise FitFileError(f"{path}: {what}, not {wanted}")
    version = text_of(tree.attrs.get("format_version"))
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        raise FitFileError(f"{path}: format version {version[:80]!r} is not a number; {AGAIN}")
    if int(version) > newest:
        raise FitFileError(
            f"{path}: format version {version}, this package reads up to {newest}; upgrade bayes_scaling"
        )


def check_groups(tree: xr.DataTree, path: str | Path, needed: Mapping[str, Sequence[str]]) -> None:
    """Refuse a tree that lacks a group or a variable."""
    for group, variables in needed.items():
        if group not in tree.children:
            raise FitFileError(f"{path}: group {group!r} is missing; {AGAIN}")
        lost = [name for name in variables if name not in tree[group].data_vars]
        if lost:
            raise FitFileError(f"{path}: group {group!r} lacks {', '.join(lost)}; {AGAIN}")


def text_of(value: Any) -> str:
    """An attribute as text, whether or not it was written as a JSON string."""
    text = "" if value is None else str(value)
    return text.strip('"')
