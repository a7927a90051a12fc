"""One finding about valid runs, and how its rows are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

SHOWN = 5
LINE = "line"


@dataclass(frozen=True)
class Finding:
    """Something a user should know about valid runs.

    Attributes
    ----------
    code : str
    severity : {"note", "warning"}
    message, advice : str
    rows : tuple of int
        Rows concerned, from 0; empty when it concerns a whole group or table.
    """

    code: str
    severity: Literal["note", "warning"]
    message: str
    advice: str
    rows: tuple[int, ...] = ()


def rows_of(mask: pd.Series) -> tuple[int, ...]:
    """The rows where a mask is true, from 0."""
    return tuple(int(i) for i in np.flatnonzero(mask.to_numpy()))


def of_rows(mask: pd.Series) -> str:
    """The rows where a mask is true as text: lines of the file where the index holds them."""
    rows = rows_of(mask)
    lines = mask.index.name == LINE
    places = [str(mask.index[row]) if lines else str(row) for row in rows]
    return f"{len(rows)} of {len(mask)} runs ({LINE if lines else 'row'} {listed(places)})"


def listed(items: Sequence[str]) -> str:
    """The first items, and how many more there are."""
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return ", ".join(items[:SHOWN]) + more
