"""Faults of a table of runs: what is wrong, where, and the remedy, all reported in one error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bayes_scaling.errors import RunsError

ROWS_SHOWN = 5
VALUE_WIDTH = 40
CONVENTION = "Rows count from 0; lines count from 1 as in the file."


@dataclass(frozen=True)
class Fault:
    """One kind of fault in one column.

    Attributes
    ----------
    code, column, message, remedy : str
        ``column`` is the user's name for it where the table has one.
    rows : tuple of int
        Rows at fault, from 0; empty when the fault is the table's or the column's.
    values : tuple of str
        The faulty cells as text, one for each row.
    """

    code: str
    column: str
    message: str
    remedy: str
    rows: tuple[int, ...] = ()
    values: tuple[str, ...] = ()


class InvalidRunsError(RunsError):
    """A table of runs with faults.

    Attributes
    ----------
    faults : DataFrame
        Every fault, one line a cell: row, line, column, code, value, message, remedy. ``row`` counts
        from 0, ``line`` from 1 as in the file; both are missing where they do not apply.
    """

    faults: pd.DataFrame

    def __init__(self, message: str, faults: pd.DataFrame | None = None) -> None:
        super().__init__(message)
        if faults is not None:
            self.faults = faults


def invalid_runs(
    source: str, faults: Sequence[Fault], lines: Sequence[int] | None = None
) -> InvalidRunsError:
    """The error that lists all faults of one table.

    Parameters
    ----------
    source : str
        File or data set the table came from.
    faults : sequence of Fault
        At least one.
    lines : sequence of int, optional
        The line of the file that holds each row.
    """
    title = f"{source}: {len(faults)} fault{'s' if len(faults) > 1 else ''} in the table of runs."
    text = [title, *(f"  - {describe_fault(fault, lines)}" for fault in faults)]
    if any(fault.rows for fault in faults):
        text.append(CONVENTION if lines is not None else CONVENTION.split(";")[0] + ".")
    return InvalidRunsError("\n".join(text), fault_table(faults, lines))


def describe_fault(fault: Fault, lines: Sequence[int] | None = None) -> str:
    """One fault in one line of text, with its first rows."""
    where = f"column {fault.column!r} " if fault.column else ""
    shown = [
        f"{place(row, lines)} {value}"
        for row, value in zip(fault.rows[:ROWS_SHOWN], fault.values[:ROWS_SHOWN], strict=True)
    ]
    more = len(fault.rows) - len(shown)
    tail = f", and {more} more ({len(fault.rows)} in all)" if more else ""
    cells = f": {', '.join(shown)}{tail}" if shown else ""
    return f"{where}{fault.message}{cells}. Remedy: {fault.remedy}."


def place(row: int, lines: Sequence[int] | None) -> str:
    """``row 3 (line 5)``, or ``row 3`` where the table has no lines."""
    return f"row {row}" if lines is None else f"row {row} (line {lines[row]})"


def show(cell: Any) -> str:
    """A cell as short text for a message."""
    text = repr(cell) if isinstance(cell, str) else str(cell)
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= VALUE_WIDTH else text[: VALUE_WIDTH - 3] + "..."


def fault_table(faults: Sequence[Fault], lines: Sequence[int] | None = None) -> pd.DataFrame:
    """All faults, one line a cell."""
    records = [
        {
            "row": row,
            "line": None if row is None or lines is None else lines[row],
            "column": fault.column,
            "code": fault.code,
            "value": value,
            "message": fault.message,
            "remedy": fault.remedy,
        }
        for fault in faults
        for row, value in (zip(fault.rows, fault.values, strict=True) if fault.rows else [(None, "")])
    ]
    return pd.DataFrame(records).astype({"row": "Int64", "line": "Int64"})
