"""Tables and lines on standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bayes_scaling.printing.loss_unit import in_loss_unit
from bayes_scaling.printing.visible import visible

_PIPE_WIDTH = 100_000  # a pipe has no edge to wrap at
_TEXT_WIDTH = 20
_GAP = 3
_STYLES = {"PASS": "green", "REVIEW": "yellow", "FAIL": "bold red"}


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
    """

    title: str
    cells: tuple[str, ...]
    right: bool = True


def print_table(columns: Sequence[Column]) -> None:
    """A table without frame; on a terminal titles and texts fold to the window, numbers never do."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    console = _console(_total(map(_narrowest, columns)))
    tight = _total(map(_natural, columns)) > console.width
    for column in columns:
        justify: Any = "right" if column.right else "left"
        width = _narrowest(column) if tight and column.right else None
        least = _narrowest(column)
        table.add_column(
            Text(visible(in_loss_unit(column.title))),
            justify=justify,
            overflow="fold",
            width=width,
            min_width=least,
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*(Text(visible(cell), style=_STYLES.get(cell, "")) for cell in row))
    console.print(table)
    print_line()


def print_line(text: str = "") -> None:
    """One line of text."""
    print(visible(in_loss_unit(text)), flush=True)


def print_heading(text: str) -> None:
    """A heading with space round it."""
    print_line(f"\n{text}\n{'=' * len(text)}\n")


def _natural(column: Column) -> int:
    """The width at which nothing folds."""
    return max(map(len, (column.title, *column.cells)))


def _narrowest(column: Column) -> int:
    """The width below which a column cannot be read: whole numbers, whole words of the title."""
    cells = max(map(len, column.cells), default=0)
    words = max(map(len, column.title.split()), default=0)
    return max(words, cells if column.right else min(cells, _TEXT_WIDTH))


def _total(widths: Iterable[int]) -> int:
    return sum(width + _GAP for width in widths) - _GAP


def _console(narrowest: int) -> Any:
    """Standard output, as wide as the window and no less than is needed."""

    class OfTable(Console):
        """Leaves a closed pipe to the command line, where rich would end the process with 1."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    terminal = sys.stdout.isatty()
    console = OfTable(file=sys.stdout, highlight=False, force_terminal=terminal)
    console.width = max(console.width, narrowest) if terminal else _PIPE_WIDTH
    return console
