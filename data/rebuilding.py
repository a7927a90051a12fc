"""What a pickle may call in place of NumPy's, pandas' and Arrow's own functions: each checks its arguments.

Lengths, offsets, buffers and the states of dtypes are compared with what the memory holds before a library
that trusts them is called.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas._libs import internals  # type: ignore[attr-defined]
from pandas.core.indexes.base import _new_Index  # type: ignore[attr-defined]
from pandas.core.internals import blocks, managers  # type: ignore[import-not-found]

LARGEST = 2**31  # bytes of one array
LONGEST = 10**8  # rows of an index that is a range
WIDEST = 2**16  # bytes of one element
_PLAIN = "biufcmMSUO"  # kinds of dtype
_ARROW = ("string", "large_string", "int32", "int64", "float", "double", "bool")


class RefusedError(Exception):
    """What a pickle asks for is not what tables need."""


def require(truth: object, what: str) -> None:
    """Refuse unless something is true."""
    if not truth:
        raise RefusedError(what)


class ArrayName:
    """Stands for ``numpy.ndarray``, which is named and never called."""

    def __new__(cls, *_: Any, **__: Any) -> ArrayName:
        """Refuse."""
        raise RefusedError("calls numpy.ndarray")


def dtype(spec: Any, align: Any = False, copy: Any = True) -> np.dtype:
    """A NumPy dtype of its own: the shared one must not be given a state."""
    require(isinstance(spec, str) and len(spec) < 20, "names an odd dtype")
    found = np.dtype(spec, copy=True)
    _plain(found)
    return found


def _plain(found: Any) -> None:
    require(isinstance(found, np.dtype), "has no dtype where one belongs")
    whole = found.fields is None and found.subdtype is None and found.kind in _PLAIN
    require(whole and found.itemsize <= WIDEST, "has a structured dtype")


def set_dtype(value: np.dtype, state: Any) -> None:
    """Give a dtype the byte order and the unit of a state that is otherwise its own."""
    require(isinstance(state, tuple) and len(state) in (8, 9), "has an odd state of a dtype")
    own = value.__reduce__()[2]
    require(not any(part is not None for part in state[2:5]), "has a structured dtype")
    require(state[0] in (3, 4) and state[1] in ("<", ">", "|", "="), "has an odd state of a dtype")
    require(tuple(state[2:8]) == tuple(own[2:8]), "has another state of a dtype than the dtype")
    if len(state) == 9:
        require(value.kind in "mM", "has a unit of a dtype without one")
        _, (unit, count, denominator, events) = state[8]
        require(
            unit in (b"Y", b"M", b"W", b"D", b"h", b"m", b"s", b"ms", b"us", b"ns", b"generic"),
            "has an odd unit",
        )
        require(
            (denominator, events) == (1, 1) and type(count) is int and 0 < count < 10**6, "has an odd unit"
        )
    value.__setstate__(state)  # type: ignore[attr-defined]


def reconstruct(kind: Any, shape: Any, code: Any) -> np.ndarray:
    """An empty array that its state will fill."""
    require(kind is ArrayName and shape == (0,) and code == b"b", "begins an odd array")
    return np.empty((0,), np.int8)


def set_array(value: np.ndarray, state: Any) -> None:
    """Fill an array from a state whose data have the length that its shape and dtype ask for."""
    require(isinstance(state, tuple) and len(state) == 5 and value.size == 0, "has an odd state of an array")
    _, shape, kind, fortran, data = state
    _plain(kind)
    require(isinstance(shape, tuple) and len(shape) <= 8, "has an odd shape")
    require(all(type(size) is int and 0 <= size <= LARGEST for size in shape), "has an odd shape")
    count = math.prod(shape)
    require(count * kind.itemsize <= LARGEST, "has too large an array")
    if kind.kind == "O":
        require(type(data) is list and len(data) == count, "has an array of another length than its objects")
    else:
        require(type(data) in (bytes, bytearray), "has an array without bytes")
        require(len(data) == count * kind.itemsize, "has an array of another length than its bytes")
    own: Any = (1, shape, kind, bool(fortran), data)
    value.__setstate__(own)


def scalar(kind: Any, data: Any = None) -> Any:
    """One number or text of NumPy's."""
    _plain(kind)
    require(kind.kind != "O", "has an object where a number belongs")
    require(
        type(data) is bytes and len(data) == kind.itemsize, "has a number of another length than its bytes"
    )
    return np.frombuffer(data, kind)[0]


def from_buffer(data: Any, kind: Any, shape: Any, order: Any, axis: Any = None) -> np.ndarray:
    """An array of its own memory."""
    _plain(kind)
    require(
        kind.kind != "O" and isinstance(data, bytes | bytearray),
        "makes an array of something else than bytes",
    )
    require(isinstance(shape, tuple) and order in ("C", "F") and axis is None, "has an odd shape")
    return np.frombuffer(bytes(data), kind).reshape(shape, order=order).copy()


def byte_array(data: Any = b"") -> bytearray:
    """From bytes; a number would be a length."""
    require(isinstance(data, bytes), "makes a bytearray of something else than bytes")
    return bytearray(data)


def some_set(values: Any = ()) -> set[Any]:
    """Of values that are there already."""
    require(isinstance(values, list | tuple | set), "makes a set of something else than a list")
    return set(values)


def some_frozenset(values: Any = ()) -> frozenset[Any]:
    """As `some_set`."""
    return frozenset(some_set(values))


def default_dict(factory: Any = None) -> defaultdict[Any, Any]:
    """Without the function that would be called for a missing key."""
    return defaultdict(None)


def arrow_buffer(data: Any) -> pa.Buffer:
    """A buffer of its own memory."""
    require(isinstance(data, bytes | bytearray), "makes a buffer of something else than bytes")
    return pa.py_buffer(bytes(data))


def arrow_type(name: Any) -> pa.DataType:
    """A type of text or numbers."""
    require(name in _ARROW, "names an odd type of Arrow")
    return pa.type_for_alias(name)


def arrow_array(data: Any) -> pa.Array:
    """An Arrow array whose buffers are as long as its length, offset and type ask for."""
    require(isinstance(data, tuple) and len(data) == 7, "has an odd Arrow array")
    kind, length, _, offset, buffers, children, dictionary = data
    require(isinstance(kind, pa.DataType) and str(kind) in _ARROW, "has an odd type of Arrow")
    require(
        not children and dictionary is None and isinstance(buffers, list | tuple), "has a nested Arrow array"
    )
    require(
        all(type(size) is int and 0 <= size < LARGEST for size in (length, offset)), "has an odd Arrow length"
    )
    require(len(buffers) == kind.num_buffers, "has an Arrow array of another number of buffers")
    require(all(part is None or isinstance(part, pa.Buffer) for part in buffers), "has an odd Arrow buffer")
    sizes = [0 if part is None else part.size for part in buffers]
    end = length + offset
    require(buffers[0] is None or sizes[0] * 8 >= end, "has too short an Arrow buffer")
    if len(buffers) == 3:
        width = 8 if str(kind) == "large_string" else 4
        require(sizes[1] >= (end + 1) * width or end == 0, "has too short an Arrow buffer")
        buffers = [buffers[0], buffers[1], buffers[2] or pa.py_buffer(b"")]
    else:
        require(sizes[1] * 8 >= end * kind.bit_width, "has too short an Arrow buffer")
    array = pa.Array.from_buffers(kind, length, list(buffers), -1, offset)
    array.validate(full=True)
    return array


def arrow_chunks(arrays: Any, kind: Any = None) -> pa.ChunkedArray:
    """Arrow arrays one after another."""
    require(
        isinstance(arrays, list) and all(isinstance(array, pa.Array) for array in arrays),
        "has odd Arrow chunks",
    )
    require(kind is None or isinstance(kind, pa.DataType), "has odd Arrow chunks")
    return pa.chunked_array(arrays, kind)


def new_index(kind: Any, parts: Any) -> pd.Index:
    """A pandas index."""
    require(kind in (pd.Index, pd.MultiIndex, pd.RangeIndex) and type(parts) is dict, "makes an odd index")
    if kind is pd.RangeIndex:
        ends = [parts.get(name) for name in ("start", "stop", "step")]
        require(all(type(end) is int for end in ends) and ends[2], "makes an odd index")
        require(len(range(*ends)) <= LONGEST, "makes too long an index")
    else:
        data = parts.get("data", ())
        require(
            isinstance(data, np.ndarray | pd.api.extensions.ExtensionArray | list | tuple),
            "makes an odd index",
        )
    return _new_Index(kind, parts)


def block(values: Any, places: Any, ndim: Any) -> Any:
    """A block of columns that has a place for each of its columns."""
    require(isinstance(values, np.ndarray | pd.api.extensions.ExtensionArray), "has a block without values")
    require(ndim in (1, 2) and isinstance(places, slice | np.ndarray | list), "has an odd block")
    if isinstance(places, slice):
        ends = (places.start, places.stop, places.step or 1)
        require(all(type(end) is int and abs(end) <= LONGEST for end in ends), "has an odd block")
        places = range(*ends)
    flat = values.ndim == 1
    wanted = 1 if ndim == 2 and flat else len(values)
    require(len(places) == wanted, "has a block of another number of columns than places")
    where = np.asarray(places, dtype=np.intp)
    require(not where.size or where.min() >= 0, "has an odd block")
    return internals._unpickle_block(
        values, slice(places.start, places.stop, places.step) if isinstance(places, range) else where, ndim
    )


def new_block(values: Any, placement: Any, ndim: Any) -> Any:
    """As `block`, by its other name."""
    return block(values, placement, ndim)


def manager(parts: Any = (), axes: Any = (), *rest: Any) -> Any:
    """The blocks of a table, each column in one of them."""
    require(
        isinstance(parts, tuple | list) and isinstance(axes, list) and len(axes) == 2 and not rest,
        "has odd blocks",
    )
    require(all(isinstance(axis, pd.Index) for axis in axes), "has odd blocks")
    require(all(isinstance(part, blocks.Block) for part in parts), "has odd blocks")
    places = [place for part in parts for place in part.mgr_locs.as_array.tolist()]
    require(sorted(places) == list(range(len(axes[0]))), "has columns without a block")
    require(all(part.shape[-1] == len(axes[1]) for part in parts), "has blocks of another number of rows")
    return managers.BlockManager(tuple(parts), list(axes))


CHECKED: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("builtins", "bytearray"): byte_array,
    ("builtins", "set"): some_set,
    ("builtins", "frozenset"): some_frozenset,
    ("collections", "defaultdict"): default_dict,
    ("numpy", "ndarray"): ArrayName,
    ("numpy", "dtype"): dtype,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): from_buffer for core in ("core", "_core")},
    ("pandas._libs.internals", "_unpickle_block"): block,
    ("pandas.core.internals.blocks", "new_block"): new_block,
    ("pandas.core.internals.managers", "BlockManager"): manager,
    ("pandas.core.indexes.base", "_new_Index"): new_index,
    ("pyarrow.lib", "_restore_array"): arrow_array,
    ("pyarrow.lib", "chunked_array"): arrow_chunks,
    ("pyarrow.lib", "py_buffer"): arrow_buffer,
    ("pyarrow.lib", "type_for_alias"): arrow_type,
}
