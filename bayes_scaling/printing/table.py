"""Tables and lines on standard output, or on the page that is being written."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console

from bayes_scaling.faces.loss_unit import in_loss_unit
from bayes_scaling.printing.as_text import WIDTH, wrapped, write_block
from bayes_scaling.printing.blocks import Block, Column, Heading, Line, Table, is_wide, narrow, page

__all__ = ["Column", "folded", "output_width", "print_heading", "print_line", "print_table"]

_ENDLESS = 100_000  # a pipe has no edge to wrap at
_LEAST = 20  # narrower than any table


def print_table(columns: Sequence[Column]) -> None:
    """A table without frame; titles and texts fold to the width, numbers never do."""
    chosen = tuple(columns) if is_wide() else narrow(columns)
    _put(Table(tuple(replace(column, title=in_loss_unit(column.title)) for column in chosen)))


def print_line(text: str = "") -> None:
    """A line of text, wrapped where it is longer than the width."""
    _put(Line(in_loss_unit(text)))


def print_heading(text: str) -> None:
    """A heading with space round it."""
    _put(Heading(text))


def folded(text: str) -> str:
    """A text in lines no wider than those that are printed."""
    return wrapped(text, output_width())


def output_width() -> int:
    """Columns that standard output has.

    A terminal has those of its window. Elsewhere it is what the variable ``COLUMNS`` says, else 100, and
    with all columns of a table no limit.
    """
    if sys.stdout.isatty():
        return Console(file=sys.stdout).width
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said) >= _LEAST:
        return int(said)
    return _ENDLESS if is_wide() else WIDTH


def _put(block: Block) -> None:
    """To the page that is being written, else to standard output."""
    blocks = page()
    if blocks is None:
        write_block(block, sys.stdout, output_width(), sys.stdout.isatty())
        sys.stdout.flush()
    else:
        blocks.append(block)
