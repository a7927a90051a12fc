"""Cells of a table, whatever they hold, as numbers and as text."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

_NO_NUMBER = frozenset({"", "na", "n/a", "nan", "null", "none"})
_NO_TEXT = frozenset({"", "na", "n/a", "nan", "null"})
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")


def numbers(cells: pd.Series, thousands: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Cells as floats, and which cells are no number.

    Parameters
    ----------
    cells : Series
    thousands : bool
        Read ``1,234,567`` as a number.

    Returns
    -------
    values : array of float, shape (row,)
        NaN where the cell is empty or no number.
    unreadable : array of bool, shape (row,)
        True where the cell holds something that is no number.
    """
    if isinstance(cells.dtype, np.dtype) and cells.dtype.kind in "iuf":
        return cells.to_numpy(dtype=float), np.zeros(len(cells), dtype=bool)
    read = [_number(cell, thousands) for cell in cells.tolist()]
    unreadable = np.array([value is None for value in read], dtype=bool)
    return np.array([math.nan if value is None else value for value in read], dtype=float), unreadable


def texts(cells: pd.Series) -> tuple[list[str], np.ndarray]:
    """Cells as stripped text (empty where missing), and which cells are no text."""
    read = [_text(cell) for cell in cells.tolist()]
    return [value or "" for value in read], np.array([value is None for value in read], dtype=bool)


def uses_thousands(cells: pd.Series) -> bool:
    """Whether any cell is a number with thousands separators."""
    return any(isinstance(c, str) and bool(_THOUSANDS.fullmatch(c.strip())) for c in cells.tolist())


def _number(cell: Any, thousands: bool) -> float | None:
    """The number, NaN where missing, None where the cell is no number."""
    if _missing(cell):
        return math.nan
    if isinstance(cell, str):
        cell = cell.strip()
        if cell.casefold() in _NO_NUMBER:
            return math.nan
        if thousands and _THOUSANDS.fullmatch(cell):
            cell = cell.replace(",", "")
    elif isinstance(cell, bool | np.bool_) or not isinstance(cell, Real | Decimal):
        return None
    try:
        return float(cell)
    except OverflowError:
        return math.inf
    except ValueError:
        return None


def _text(cell: Any) -> str | None:
    """The text, empty where missing, None where the cell is no text."""
    if _missing(cell):
        return ""
    if isinstance(cell, bool | np.bool_) or not isinstance(cell, str | Real):
        return None
    text = str(cell).strip()
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, possible in JSON
        return None
    return "" if text.casefold() in _NO_TEXT else text


def _missing(cell: Any) -> bool:
    return cell is None or cell is pd.NA or cell is pd.NaT
