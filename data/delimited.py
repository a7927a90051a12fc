"""Read delimited text (CSV and its kin) so that every row keeps the line it stood on."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_scaling.errors import RunsError

DELIMITERS = ",;\t|"
LINES_SHOWN = 5


def read_text(path: Path) -> str:
    """A file of UTF-8 text, with or without a byte order mark, lines ended by a newline.

    Raises
    ------
    RunsError
        The bytes are no UTF-8 text.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RunsError(
            f"{path}: line {line} is not UTF-8 text (byte 0x{data[error.start]:02x}). "
            "Remedy: save the table as CSV UTF-8."
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_delimited(text: str, source: str) -> tuple[pd.DataFrame, tuple[int, ...]]:
    """The table in a text and the line of each row.

    The header decides which of comma, semicolon, tab and bar divides the cells. Rows without any cell
    are left out.

    Raises
    ------
    RunsError
        Rows with another number of cells than the header, or quotes that do not close.
    """
    records, lines = _records(text, source)
    if not records:
        raise RunsError(f"{source}: the file holds no table. Remedy: give a header and one row for each run.")
    header = _header(records.pop(0))
    del lines[0]
    rows = [_trim(record, len(header)) for record in records]
    _check_widths(rows, lines, len(header), source)
    frame = pd.DataFrame(rows, columns=range(len(header)), dtype=object)
    table = pd.concat([infer(frame[i].tolist()) for i in frame], axis=1)
    table.columns = header
    return table, tuple(lines)


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


def _records(text: str, source: str) -> tuple[list[list[str]], list[int]]:
    """Rows that have any cell, and the line where each ends."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records = []
    lines = []
    try:
        for record in reader:
            if any(cell.strip() for cell in record):
                records.append(record)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise RunsError(
            f"{source}: line {reader.line_num} is no CSV ({error}). Remedy: close quotes and save again."
        ) from error
    return records, lines


def _header(record: Sequence[str]) -> list[str]:
    return [name.strip() or f"unnamed_{i}" for i, name in enumerate(record)]


def _trim(record: list[str], width: int) -> list[str]:
    """Without empty cells beyond the header."""
    extra = record[width:]
    return record[:width] if not any(cell.strip() for cell in extra) else record


def _check_widths(rows: Sequence[Sequence[str]], lines: Sequence[int], width: int, source: str) -> None:
    wrong = [(line, len(row)) for row, line in zip(rows, lines, strict=True) if len(row) != width]
    if wrong:
        shown = ", ".join(f"line {line} has {cells}" for line, cells in wrong[:LINES_SHOWN])
        more = f" and {len(wrong) - LINES_SHOWN} more lines" if len(wrong) > LINES_SHOWN else ""
        raise RunsError(
            f"{source}: the header has {width} cells, but {shown}{more}. Remedy: give every row "
            f"{width} cells; put numbers with thousands separators in quotes or write them plainly."
        )


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
