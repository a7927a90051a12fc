"""Blocks as text of a given width: titles and words fold, numbers never do."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from bayes_scaling.printing.blocks import Block, Column, Heading, Table
from bayes_scaling.printing.visible import visible

WIDTH = 100  # columns of text where nothing says how wide it may be
_WORDS = 20  # narrowest that a column of words becomes
_GAP = 2
_STYLES = {"PASS": "green", "REVIEW": "yellow", "FAIL": "bold red"}


def as_text(blocks: Sequence[Block], width: int = WIDTH) -> str:
    """All blocks, no line wider than that where numbers allow it."""
    stream = StringIO()
    for block in blocks:
        write_block(block, stream, width, terminal=False)
    return stream.getvalue().strip("\n")


def write_block(block: Block, stream: TextIO, width: int, terminal: bool) -> None:
    """One block to a stream; colours where that is a terminal."""
    if isinstance(block, Table):
        _write_table(block.columns, stream, width, terminal)
    elif isinstance(block, Heading):
        text = visible(block.text)
        stream.write(f"\n{text}\n{'=' * len(text)}\n\n")
    else:
        stream.write(wrapped(block.text, width) + "\n")


def wrapped(text: str, width: int) -> str:
    """Text whose lines are no wider than that, where words allow it."""
    lines = visible(text).split("\n")
    return "\n".join(_wrap(line, width) for line in lines)


def _wrap(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    return textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)


def _write_table(columns: Sequence[Column], stream: TextIO, width: int, terminal: bool) -> None:
    narrowest = _total(map(_narrowest, columns))
    tight = _total(map(_natural, columns)) > width
    table = RichTable(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for column in columns:
        justify: Any = "right" if column.right else "left"
        least = _narrowest(column)
        table.add_column(
            Text(visible(column.title)),
            justify=justify,
            overflow="fold",
            width=least if tight and column.right else None,
            min_width=least,
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*(Text(visible(cell), style=_STYLES.get(cell, "")) for cell in row))
    drawn = StringIO()
    console = Console(file=drawn, highlight=False, force_terminal=terminal)
    console.width = max(width, narrowest)
    console.print(table)
    lines = drawn.getvalue().rstrip("\n").split("\n")
    stream.write("\n".join(line.rstrip() for line in lines) + "\n\n")


def _natural(column: Column) -> int:
    """The width at which nothing folds."""
    return max(map(len, (column.title, *column.cells)))


def _narrowest(column: Column) -> int:
    """The width below which a column cannot be read: whole numbers, whole words of the title."""
    cells = max(map(len, column.cells), default=0)
    words = max(map(len, column.title.split()), default=0)
    return max(words, cells if column.right else min(cells, _WORDS))


def _total(widths: Iterable[int]) -> int:
    return sum(width + _GAP for width in widths) - _GAP
