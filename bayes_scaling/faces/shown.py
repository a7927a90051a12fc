"""Tables of results: a few columns that read well, or all of them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import pandas as pd


class Shown(pd.DataFrame):
    """A frame of numbers that shows them as people read them, such as 5.34B and 2.6429.

    Its values are those of the full table: only what is displayed is short. Parts of it, such as
    ``table[table["compute"] > 1e21]``, show themselves in the same way.
    """

    @property
    def _constructor(self) -> Any:
        return Shown

    def __repr__(self) -> str:
        return str(pd.DataFrame.to_string(self, formatters=_forms(self), max_rows=_most()))

    def _repr_html_(self) -> str:
        return str(pd.DataFrame.to_html(self, formatters=_forms(self), max_rows=_most()))


def shown(table: pd.DataFrame, names: Sequence[str], full: bool) -> pd.DataFrame:
    """The table itself, or those of the named columns that it has, made to be read.

    A name may end in ``_``: it stands for the median and the ends of the 90% interval.
    """
    if full:
        return table
    wanted = dict.fromkeys(part for name in names for part in _parts(name))
    return Shown(table[[name for name in wanted if name in table]])


def _parts(name: str) -> tuple[str, ...]:
    return tuple(f"{name}{end}" for end in ("median", "q05", "q95")) if name.endswith("_") else (name,)


def _most() -> int | None:
    """How many rows pandas was told to display."""
    most: int | None = pd.get_option("display.max_rows")
    return most


def _forms(table: pd.DataFrame) -> Any:
    return import_module("bayes_scaling.printing.frames").formatters(table)
