"""The shape of a model: its widths, depth and heads, one value for every architecture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from bayes_scaling.errors import BayesScalingError

Array = Any
MAY_BE_ZERO = frozenset({"ffn_dim"})


class AccountingError(BayesScalingError):
    """A shape, architecture, context or table of FLOPs that cannot be counted."""


@dataclass(frozen=True, eq=False)
class Shape:
    """Sizes of one model, or of many when the fields are arrays (they broadcast).

    Attributes
    ----------
    embedding_dim : array
        Width of the residual stream.
    num_blocks : array
    num_heads : array
    ffn_dim : array
        Inner width of the feed-forward layer; zero for an architecture that has none.
    num_kv_heads : array, optional
        Heads of keys and values (grouped queries), or groups of a state-space layer; default `num_heads`.
    head_dim_v : array, optional
        Default ``embedding_dim / num_heads``, which must be whole.
    head_dim_qk : array, optional
        Key dimension, or state size of a state-space layer; default `head_dim_v`.
    vocab_size : array
        Rows of the embedding table as trained, padding included.
    chunk_size : array
        Tokens per chunk of a chunkwise layer; unused by attention.
    continuous : bool
        Sizes are real numbers (a point of a smooth family): whole numbers are not asked for.

    Raises
    ------
    AccountingError
        A size that is not positive, finite and whole, or heads that do not divide.
    """

    embedding_dim: Array
    num_blocks: Array
    num_heads: Array
    ffn_dim: Array
    num_kv_heads: Array = None
    head_dim_v: Array = None
    head_dim_qk: Array = None
    vocab_size: Array = 50304
    chunk_size: Array = 64
    continuous: bool = False

    def __post_init__(self) -> None:
        for name in ("embedding_dim", "num_blocks", "num_heads", "ffn_dim", "vocab_size", "chunk_size"):
            check_size(name, getattr(self, name), self.continuous)
        if self.num_kv_heads is None:
            object.__setattr__(self, "num_kv_heads", self.num_heads)
        if self.head_dim_v is None:
            object.__setattr__(self, "head_dim_v", self._even_head_dim())
        if self.head_dim_qk is None:
            object.__setattr__(self, "head_dim_qk", self.head_dim_v)
        for name in ("num_kv_heads", "head_dim_v", "head_dim_qk"):
            check_size(name, getattr(self, name), self.continuous)
        if not self.continuous:
            check_divides("num_kv_heads", self.num_kv_heads, "num_heads", self.num_heads)

    def _even_head_dim(self) -> Array:
        if self.continuous:
            return self.embedding_dim / self.num_heads
        check_divides("num_heads", self.num_heads, "embedding_dim", self.embedding_dim)
        return self.embedding_dim // self.num_heads


SIZE_NAMES = tuple(field.name for field in fields(Shape) if field.name != "continuous")
REQUIRED_SIZES = ("embedding_dim", "num_blocks", "num_heads", "ffn_dim")


def shape_from_columns(columns: Mapping[str, Any], **given: Array) -> Shape:
    """Shapes from a table's columns of the same names; ``given`` sizes win over columns.

    Parameters
    ----------
    columns : mapping of str to array
        A data frame or a dictionary of columns.
    **given
        Sizes the table has no column for, such as ``vocab_size=32000``.

    Raises
    ------
    AccountingError
        A needed column is missing, or a row holds an impossible size.
    """
    columned = {name: numbers(name, columns[name]) for name in SIZE_NAMES if name in columns}
    sizes: dict[str, Any] = {**columned, **given}
    missing = [name for name in REQUIRED_SIZES if name not in sizes]
    if missing:
        raise AccountingError(f"no column {', '.join(missing)}: a shape needs {', '.join(REQUIRED_SIZES)}")
    return Shape(**sizes)


def numbers(name: str, column: Any) -> np.ndarray:
    """A column as an array of numbers.

    Raises
    ------
    AccountingError
        A column that holds anything else.
    """
    array = np.asarray(column)
    if array.dtype.kind in "iuf":
        return array
    try:
        return array.astype(float)
    except (TypeError, ValueError):
        raise AccountingError(f"column {name!r} holds values that are not numbers: correct them") from None


def concrete(value: Array) -> np.ndarray | None:
    """The value as a NumPy array of numbers, or None for a traced or symbolic one."""
    try:
        array = np.asarray(value)
    except TypeError:  # a JAX tracer: its shape was checked before tracing
        return None
    return array if array.dtype.kind in "iuf" else None


def check_size(name: str, value: Array, continuous: bool = True, *, zero: bool = False) -> None:
    """Refuse sizes that are not finite and positive (and whole, unless ``continuous``).

    Raises
    ------
    AccountingError
        Naming the size, the first bad value and its row.
    """
    array = concrete(value)
    if array is None:
        if isinstance(value, (str, bool, type(None), list, np.ndarray)):
            raise AccountingError(f"{name} is {value!r}: give a positive number")
        return
    allow_zero = zero or name in MAY_BE_ZERO
    good = np.isfinite(array) & ((array >= 0) if allow_zero else (array > 0))
    if not continuous:
        good &= array == np.floor(array)
    if not good.all():
        kind = "number" if continuous else "whole number"
        sign = "non-negative" if allow_zero else "positive"
        raise AccountingError(f"{name} is {first_bad(array, good)}: give a {sign} {kind}")


def check_divides(part_name: str, part: Array, whole_name: str, whole: Array) -> None:
    """Refuse a ``part`` that does not divide the ``whole``.

    Raises
    ------
    AccountingError
        Naming both sizes and the first bad row.
    """
    parts = concrete(part)
    wholes = concrete(whole)
    if parts is None or wholes is None:
        return
    parts, wholes = np.broadcast_arrays(parts, wholes)
    good = wholes % parts == 0
    if not good.all():
        raise AccountingError(
            f"{part_name} {first_bad(parts, good)} does not divide {whole_name} {wholes[~good].flat[0]}: "
            f"choose {part_name} that divides it, or give the head dimensions"
        )


def check_one_head_count(name: str, shape: Shape) -> None:
    """Refuse grouped heads where a layer has none.

    Raises
    ------
    AccountingError
        Naming the layer or architecture.
    """
    keys = concrete(shape.num_kv_heads)
    heads = concrete(shape.num_heads)
    if keys is not None and heads is not None and not np.all(np.isclose(keys, heads)):
        raise AccountingError(f"{name} has one head count: leave num_kv_heads out, or set it to num_heads")


def first_bad(array: np.ndarray, good: np.ndarray) -> str:
    """The first value that is not good, with its row when there is more than one."""
    value = array[~good].flat[0] if array.ndim else array[()]
    return f"{value} (row {int(np.flatnonzero(~good)[0])})" if array.ndim else f"{value}"
