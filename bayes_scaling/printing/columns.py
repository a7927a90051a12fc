"""Columns of a printed table out of those of a DataFrame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from bayes_scaling.printing.blocks import Column, interval_level
from bayes_scaling.printing.numbers import interval

Format = Callable[[float], str]
ENDS = {0.5: ("q25", "q75"), 0.8: ("q10", "q90"), 0.9: ("q05", "q95"), 0.95: ("q025", "q975")}


def wide(*columns: Column) -> list[Column]:
    """The same columns, left out where a table must be narrow."""
    return [replace(column, wide=True) for column in columns]


def groups(table: pd.DataFrame) -> list[Column]:
    """Architecture and context length."""
    return [
        text(table, "architecture", "architecture"),
        column(table, "context (tokens)", "context_length", str),
    ]


def text(table: pd.DataFrame, title: str, name: str) -> Column:
    """Words, left-aligned."""
    return Column(title, tuple(str(value) for value in table[name]), right=False)


def column(table: pd.DataFrame, title: str, name: str, form: Format) -> Column:
    """Numbers in one form."""
    return Column(title, tuple(form(value) for value in table[name]))


def interval_title() -> str:
    """What intervals of the chosen level are called."""
    return f"{interval_level():.0%} interval"


def interval_column(
    table: pd.DataFrame,
    prefix: str,
    form: Format,
    title: str = "",
    ends: tuple[str, str] | None = None,
) -> Column:
    """Two quantiles as an interval: those of the chosen level unless ``ends`` names others."""
    title = title or interval_title()
    ends = ends or ENDS[interval_level()]
    pairs = zip(table[prefix + ends[0]], table[prefix + ends[1]], strict=True)
    return Column(title, tuple(interval(form(low), form(high)) for low, high in pairs))


def range_column(table: pd.DataFrame, name: str, title: str, form: Format) -> Column:
    """``name_min`` to ``name_max``."""
    pairs = zip(table[f"{name}_min"], table[f"{name}_max"], strict=True)
    return Column(title, tuple(interval(form(low), form(high)) for low, high in pairs))
