"""Tables and lines on standard output."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_PIPE_WIDTH = 100_000  # a pipe has no edge to wrap at
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
    """A table without frame; whole when piped, folded to the window on a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        justify: Any = "right" if column.right else "left"
        table.add_column(Text(column.title), justify=justify, overflow="fold")
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    _console().print(table)
    print_line()


def print_line(text: str = "") -> None:
    """One line of text."""
    print(text, flush=True)


def print_heading(text: str) -> None:
    """A heading with space round it."""
    print_line(f"\n{text}\n{'=' * len(text)}\n")


def _console() -> Any:
    from rich.console import Console

    terminal = sys.stdout.isatty()
    return Console(
        file=sys.stdout, highlight=False, width=None if terminal else _PIPE_WIDTH, force_terminal=terminal
    )
