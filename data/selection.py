"""What a user says of a table besides its columns: one value for all rows, which rows, one row of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.data.reading import Table
from bayes_scaling.data.row_filter import rows_where
from bayes_scaling.errors import RunsError
from bayes_scaling.runs.columns import CANONICAL, recognise
from bayes_scaling.runs.finding import LINE, Finding, of_rows
from bayes_scaling.runs.trainings import kept_rows

LEFT_OUT = "left out"


def with_constants(
    table: Table, columns: Mapping[str, str] | None, constants: Mapping[str, Any] | None
) -> tuple[Table, dict[str, str]]:
    """A table with columns that hold one value each, and the names of columns with those added.

    Raises
    ------
    RunsError
        The table has such a column already, or a value is no number, text or truth value.
    """
    mapping = dict(columns or {})
    if not constants:
        return table, mapping
    frame = table.frame
    for name, value in constants.items():
        if name in frame:
            raise RunsError(
                f"{table.source}: constants give {name!r}, which the table has as a column. "
                f"Remedy: leave out one; where={name + ' == ...'!r} chooses rows."
            )
        if not isinstance(value, str | int | float | bool | np.generic):
            kind = type(value).__name__
            raise RunsError(f"constants: {name!r} is a {kind}. Remedy: give a number or a text.")
        frame = frame.assign(**{name: constants[name]})
        if name in CANONICAL:
            mapping.setdefault(name, name)
    return replace(table, frame=frame), mapping


def chosen(table: Table, condition: str, columns: Mapping[str, str]) -> Table:
    """The rows of a table for which a condition holds, with a note of the others.

    Raises
    ------
    RunsError
        As for `rows_where`, naming the table; or no row is left.
    """
    known, _ = recognise([str(name) for name in table.frame], columns, ())
    try:
        kept = rows_where(table.frame, condition, known)
    except RunsError as error:
        raise RunsError(f"{table.source}: {error}") from None
    if not kept.any():
        raise RunsError(
            f"{table.source}: where {condition!r} is true of none of {len(kept)} rows. "
            "Remedy: choose at least one."
        )
    note = left_out(kept, table.lines, f"where {condition!r} keeps {int(kept.sum())}")
    frame, lines = _rows(table.frame, table.lines, kept)
    return replace(table, frame=frame, lines=lines, notes=(*table.notes, note))


def taken(
    frame: pd.DataFrame, lines: tuple[int, ...] | None, take: str, within: Sequence[str] | None
) -> tuple[pd.DataFrame, tuple[int, ...] | None, Finding]:
    """One row of several by `kept_rows`, their lines, and a note of the others."""
    kept = kept_rows(frame, take, within)
    of = f" within {', '.join(within)}" if within else ""
    note = left_out(kept, lines, f"take {take}{of} keeps {int(kept.sum())}")
    frame, lines = _rows(frame, lines, kept)
    return frame, lines, note


def left_out(kept: np.ndarray, lines: Sequence[int] | None, why: str) -> Finding:
    """A note that names the rows that are left out."""
    index = pd.RangeIndex(len(kept)) if lines is None else pd.Index(lines, name=LINE)
    out = pd.Series(~kept, index=index)
    message = f"{why}: left out are {of_rows(out)}" if out.any() else f"{why}: nothing is left out"
    return Finding(LEFT_OUT, "note", message, "check that it is so")


def _rows(
    frame: pd.DataFrame, lines: tuple[int, ...] | None, kept: np.ndarray
) -> tuple[pd.DataFrame, tuple[int, ...] | None]:
    """The kept rows, indexed from 0, and their lines."""
    part = frame.loc[kept].reset_index(drop=True)
    return part, None if lines is None else tuple(int(line) for line in np.asarray(lines)[kept])
