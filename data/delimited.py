"""Read delimited text (CSV and its kin) so that every row keeps the line it stood on."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_scaling.data.number_marks import with_points
from bayes_scaling.data.records import Records, read_records
from bayes_scaling.errors import RunsError
from bayes_scaling.runs.finding import Finding

LINES_SHOWN = 5
HEADER_SHOWN = 60
_DIGITS = re.compile(r"\d,\d{3}(?!\d)")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path: Path) -> str:
    """A file of UTF-8 text, or of UTF-16 text that begins with its mark, lines ended by a newline.

    Raises
    ------
    RunsError
        The bytes are no such text.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-16" if data.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RunsError(
            f"{path}: line {line} is not UTF-8 text (byte 0x{data[error.start]:02x}). "
            "Remedy: save the table as CSV UTF-8."
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


@dataclass(frozen=True)
class Cells:
    """Delimited text as cells, its numbers written with points.

    Attributes
    ----------
    header : list of str
    rows : list of lists of str
    lines : tuple of int
        The line of each row, from 1.
    note : str or None
        What was taken for what, where the file has decimal commas.
    """

    header: list[str]
    rows: list[list[str]]
    lines: tuple[int, ...]
    note: str | None

    def column(self, name: str) -> list[str]:
        """The cells of the column of a name."""
        place = self.header.index(name)
        return [row[place].strip() for row in self.rows]


def read_delimited(
    text: str, source: str, suffix: str = ""
) -> tuple[pd.DataFrame, tuple[int, ...], tuple[Finding, ...]]:
    """The table in a text, the line of each row and findings on how it was read; see `read_cells`."""
    cells = read_cells(text, source, suffix)
    frame = pd.DataFrame(cells.rows, columns=range(len(cells.header)), dtype=object)
    table = pd.concat([infer(frame[i].tolist()) for i in frame], axis=1)
    table.columns = cells.header
    notes = () if cells.note is None else (Finding("as read", "warning", cells.note, "check that it is so"),)
    return table, cells.lines, notes


def read_cells(text: str, source: str, suffix: str = "") -> Cells:
    """The cells in a text.

    See `read_records` for the delimiter and the header, `with_points` for commas in numbers. Rows without
    any cell are left out.

    Raises
    ------
    RunsError
        Rows with another number of cells than the header, quotes that do not close, or numbers that may be
        read in two ways.
    """
    records = read_records(text, source, suffix)
    header = _header(records.header)
    rows = [_trim(record, len(header)) for record in records.rows]
    _check_widths(rows, records, source)
    rows, note = with_points(rows, header, records.lines, records.delimiter, source)
    return Cells(header, rows, tuple(records.lines), note)


def infer(cells: Sequence[Any]) -> pd.Series:
    """Cells as whole numbers, numbers or booleans where all of them are such, as given otherwise.

    Numbers are read exactly: the nearest float, the same on every machine.
    """
    if cells and all(isinstance(cell, str) for cell in cells):
        for kind in (_as_int, _as_float, _as_bool):
            try:
                return pd.Series([kind(cell) for cell in cells])
            except ValueError:
                continue
        return pd.Series(list(cells), dtype="str")
    series = pd.Series(list(cells), dtype=object)
    return series if any(isinstance(c, dict | list) for c in cells) else series.infer_objects()


def _header(record: Sequence[str]) -> list[str]:
    return [name.strip() or f"unnamed_{i}" for i, name in enumerate(record)]


def _trim(record: list[str], width: int) -> list[str]:
    """Without empty cells beyond the header."""
    extra = record[width:]
    return record[:width] if not any(cell.strip() for cell in extra) else record


def _check_widths(rows: Sequence[Sequence[str]], records: Records, source: str) -> None:
    """Refuse rows with more or fewer cells than the header."""
    width = len(records.header)
    wrong = [(line, row) for row, line in zip(rows, records.lines, strict=True) if len(row) != width]
    if not wrong:
        return
    shown = ", ".join(f"line {line} has {len(row)}" for line, row in wrong[:LINES_SHOWN])
    more = f" and {len(wrong) - LINES_SHOWN} more lines" if len(wrong) > LINES_SHOWN else ""
    taken = records.delimiter.join(records.header)
    taken = taken if len(taken) <= HEADER_SHOWN else taken[: HEADER_SHOWN - 3] + "..."
    raise RunsError(
        f"{source}: the header has {width} cells, but {shown}{more}. "
        f"Line {records.header_line} was taken for the header: {taken!r}. "
        f"Remedy: {_width_remedy(wrong, records)}."
    )


def _width_remedy(wrong: Sequence[tuple[int, Sequence[str]]], records: Records) -> str:
    width = len(records.header)
    if width == 1:
        return "begin the file with the row of column names; lines before it start with #"
    thousands = any(_DIGITS.search(records.delimiter.join(row)) for _, row in wrong)
    if records.delimiter == "," and thousands and any(len(row) > width for _, row in wrong):
        return (
            f"give every row {width} cells; put numbers with thousands separators in quotes "
            "or write them plainly"
        )
    return f"give every row {width} cells, and put cells that hold {records.delimiter!r} in quotes"


def _as_int(cell: str) -> int:
    value = int(cell)
    if str(value) != cell.strip() or abs(value) >= 2**63:  # 007 and 1_000 are labels, not numbers
        raise ValueError(cell)
    return value


def _as_float(cell: str) -> float:
    if "_" in cell:
        raise ValueError(cell)
    return float(cell) if cell.strip() else float("nan")


def _as_bool(cell: str) -> bool:
    words = {"true": True, "false": False}
    if cell.strip().casefold() not in words:
        raise ValueError(cell)
    return words[cell.strip().casefold()]
