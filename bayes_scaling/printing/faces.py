"""A result as text and as HTML: what its printer writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bayes_scaling.printing.as_html import as_html
from bayes_scaling.printing.as_text import as_text
from bayes_scaling.printing.blocks import Block, Line, Table, written

MOST = 40  # rows of a table that are all shown
END = 15  # rows of each end of a longer one


def text_of(printer: Callable[[Any], None], result: Any) -> str:
    """What a printer writes of a result, as lines of 100 columns at most."""
    return as_text(blocks_of(printer, result))


def html_of(printer: Callable[[Any], None], result: Any) -> str:
    """What a printer writes of a result, as HTML."""
    return as_html(blocks_of(printer, result))


def blocks_of(printer: Callable[[Any], None], result: Any) -> list[Block]:
    """What a printer writes of a result; of a long table its ends."""
    with written() as blocks:
        printer(result)
    return [part for block in blocks for part in _shortened(block)]


def _shortened(block: Block) -> list[Block]:
    """A table of many rows as its first and last ones, and a line that says so."""
    rows = len(block.columns[0].cells) if isinstance(block, Table) and block.columns else 0
    if not isinstance(block, Table) or rows <= MOST:
        return [block]
    columns = tuple(
        replace(column, cells=(*column.cells[:END], "...", *column.cells[-END:])) for column in block.columns
    )
    told = Line(f"{rows} rows, of which {2 * END} are shown; .table() has all of them.")
    return [Table(columns), told]
