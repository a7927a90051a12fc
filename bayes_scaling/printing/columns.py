"""Columns of a printed table out of those of a DataFrame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from bayes_scaling.printing.blocks import Column
from bayes_scaling.printing.numbers import interval

Format = Callable[[float], str]
INTERVAL = "90% interval"


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


def interval_column(
    table: pd.DataFrame,
    prefix: str,
    form: Format,
    title: str = INTERVAL,
    ends: tuple[str, str] = ("q05", "q95"),
) -> Column:
    """Two quantiles as an interval."""
    pairs = zip(table[prefix + ends[0]], table[prefix + ends[1]], strict=True)
    return Column(title, tuple(interval(form(low), form(high)) for low, high in pairs))


def range_column(table: pd.DataFrame, name: str, title: str, form: Format) -> Column:
    """``name_min`` to ``name_max``."""
    pairs = zip(table[f"{name}_min"], table[f"{name}_max"], strict=True)
    return Column(title, tuple(interval(form(low), form(high)) for low, high in pairs))
