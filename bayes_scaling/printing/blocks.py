"""What the printers write: tables, lines and headings, kept as values until somebody shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column of a table for people.

    Attributes
    ----------
    title : str
        With the unit.
    cells : tuple of str
    right : bool
        Aligned right, as numbers are.
    wide : bool
        Left out where a table must be narrow.
    """

    title: str
    cells: tuple[str, ...]
    right: bool = True
    wide: bool = False


@dataclass(frozen=True)
class Table:
    """Columns of equal length."""

    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Line:
    """A sentence or more, which may be wrapped."""

    text: str


@dataclass(frozen=True)
class Heading:
    """A heading of what follows."""

    text: str


Block = Table | Line | Heading

LEVELS = (0.5, 0.8, 0.9, 0.95)  # probabilities that intervals can have
_LEVEL: ContextVar[float] = ContextVar("level", default=0.9)
_PAGE: ContextVar[list[Block] | None] = ContextVar("page", default=None)
_WIDE: ContextVar[bool] = ContextVar("wide", default=False)


def page() -> list[Block] | None:
    """The page that is being written; None where blocks go straight to standard output."""
    return _PAGE.get()


@contextmanager
def written() -> Iterator[list[Block]]:
    """Within it printers write to the list that it gives, and nothing to standard output."""
    blocks: list[Block] = []
    token = _PAGE.set(blocks)
    try:
        yield blocks
    finally:
        _PAGE.reset(token)


@contextmanager
def wide_tables() -> Iterator[None]:
    """Within it tables have all their columns."""
    token = _WIDE.set(True)
    try:
        yield
    finally:
        _WIDE.reset(token)


@contextmanager
def intervals(level: float) -> Iterator[None]:
    """Within it tables have intervals of that probability, one of `LEVELS`."""
    token = _LEVEL.set(level)
    try:
        yield
    finally:
        _LEVEL.reset(token)


def interval_level() -> float:
    """The probability of the intervals in tables."""
    return _LEVEL.get()


def is_wide() -> bool:
    """Whether tables have all their columns."""
    return _WIDE.get()


def narrow(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns of a table that must be narrow."""
    return tuple(column for column in columns if not column.wide)
