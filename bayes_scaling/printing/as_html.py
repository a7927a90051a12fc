"""Blocks as HTML that stands in a notebook: nothing but tables, headings and paragraphs."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bayes_scaling.printing.blocks import Block, Column, Heading, Table
from bayes_scaling.printing.visible import visible

_PARAGRAPH = '<p style="max-width: 60em; margin: 0.4em 0">'


def as_html(blocks: Sequence[Block]) -> str:
    """All blocks; what names say is text, never markup."""
    parts = [_block(block) for block in blocks]
    return "<div>" + "\n".join(part for part in parts if part) + "</div>"


def _block(block: Block) -> str:
    if isinstance(block, Table):
        return _table(block.columns)
    text = escape(visible(block.text)).strip().replace("\n", "<br>")
    if isinstance(block, Heading):
        return f"<h4>{text}</h4>"
    return f"{_PARAGRAPH}{text}</p>" if text else ""


def _table(columns: Sequence[Column]) -> str:
    head = "".join(_cell("th", column.title, column.right) for column in columns)
    rows = [
        "".join(_cell("td", cell, column.right) for cell, column in zip(row, columns, strict=True))
        for row in zip(*(column.cells for column in columns), strict=True)
    ]
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"


def _cell(tag: str, text: str, right: bool) -> str:
    side = "right" if right else "left"
    scope = ' scope="col"' if tag == "th" else ""
    return f'<{tag}{scope} style="text-align: {side}">{escape(visible(text))}</{tag}>'
