"""What a saved HDF5 file may be made of: groups and arrays of its own, within bounds."""

from __future__ import annotations

import io
from collections.abc import Iterator

import h5py

from bayes_scaling.errors import FitFileError

OBJECTS = 20_000  # arrays; a large fit has some hundreds
GROUPS = 500
DEPTH = 8
GROWTH = 100  # declared bytes for each byte of the file: compression does no more on draws
TEXT = 2**26  # bytes of one text
SPARE = 2**20  # bytes declared besides
_NUMBERS = "biuf"


def require_plain(content: bytes) -> None:
    """Refuse what a saved file never has, before a value of it is read.

    Parameters
    ----------
    content : bytes
        An HDF5 file.

    Raises
    ------
    FitFileError
        A link to another file or by name, an array kept in or pieced together from other files, an object
        that is there twice, a type that is neither number nor text, too many objects, or far more declared
        than the file can hold.
    """
    room = GROWTH * len(content) + SPARE
    seen: set[int] = set()
    with h5py.File(io.BytesIO(content), "r") as file:
        seen.add(_address(file))
        for name, item in _objects(file, 1):
            if _address(item) in seen:
                raise FitFileError(f"{name} is there twice")
            seen.add(_address(item))
            if len(seen) > OBJECTS:
                raise FitFileError(f"it has more than {OBJECTS} arrays")
            if isinstance(item, h5py.Dataset):
                room -= _declared(item, name)
            if room < 0:
                raise FitFileError(f"with {name} it declares more than {GROWTH} times its size")


def _objects(group: h5py.Group, depth: int) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    """Each object under a group, by its name; no link but the file's own is followed."""
    if depth > DEPTH:
        raise FitFileError(f"{group.name} lies deeper than {DEPTH} groups")
    if sum(1 for _ in group) > OBJECTS:
        raise FitFileError(f"it has more than {OBJECTS} arrays")
    groups = 0
    for name in group:
        where = f"{group.name.rstrip('/')}/{name}"
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise FitFileError(f"{where} is a link to somewhere else")
        item = group[name]
        if not isinstance(item, h5py.Group | h5py.Dataset):
            raise FitFileError(f"{where} is neither a group nor an array")
        yield where, item
        if isinstance(item, h5py.Group):
            groups += 1
            if groups > GROUPS:
                raise FitFileError(f"it has more than {GROUPS} groups")
            yield from _objects(item, depth + 1)


def _address(item: h5py.HLObject) -> int:
    return int(h5py.h5o.get_info(item.id).addr)


def _declared(array: h5py.Dataset, name: str) -> int:
    """Bytes that an array says it has."""
    if array.external or array.is_virtual:
        raise FitFileError(f"{name} is kept in other files")
    text = h5py.check_string_dtype(array.dtype) is not None
    if array.shape is None or not (text or array.dtype.kind in _NUMBERS):
        raise FitFileError(f"{name} is neither numbers nor text")
    if text and array.size <= OBJECTS:
        longest = (
            max((len(value) for value in array[()].ravel()), default=0) if array.shape else len(array[()])
        )
        if longest > TEXT:
            raise FitFileError(f"{name} is a text of {longest} bytes")
    return int(array.size) * int(array.dtype.itemsize)
