"""A result as text and as HTML: what its printer writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bayes_scaling.printing.as_html import as_html
from bayes_scaling.printing.as_text import as_text
from bayes_scaling.printing.blocks import Block, written


def text_of(printer: Callable[[Any], None], result: Any) -> str:
    """What a printer writes of a result, as lines of 100 columns at most."""
    return as_text(blocks_of(printer, result))


def html_of(printer: Callable[[Any], None], result: Any) -> str:
    """What a printer writes of a result, as HTML."""
    return as_html(blocks_of(printer, result))


def blocks_of(printer: Callable[[Any], None], result: Any) -> list[Block]:
    """What a printer writes of a result."""
    with written() as blocks:
        printer(result)
    return blocks
