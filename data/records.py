"""The records of delimited text: its delimiter, its header and the line on which each row ends."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

from bayes_scaling.errors import RunsError

DELIMITERS = ",;\t|"
SAMPLE = 50  # records, to tell the delimiter by
SEPARATOR = re.compile(r"sep=(.)", re.IGNORECASE)
COMMENT = "#"
_NUMBER = re.compile(r"[+-]?[\d.,]*\d[\d.,]*([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Records:
    """Text as records.

    Attributes
    ----------
    header : list of str
    header_line : int
    rows : list of lists of str
        Those that have any cell.
    lines : list of int
        The line on which each row ends, from 1.
    delimiter : str
    """

    header: list[str]
    header_line: int
    rows: list[list[str]]
    lines: list[int]
    delimiter: str


def read_records(text: str, source: str, suffix: str = "") -> Records:
    """Header and rows of a text.

    The delimiter is the one that ``sep=`` in the first line names, a tab in a ``.tsv`` file that has any,
    or else the one by which the rows have the most cells, as many as the header. Lines that start with
    ``#`` before the header are left out; where what follows is numbers alone, the last of them is the header.

    Raises
    ------
    RunsError
        No table, or quotes that do not close.
    """
    lines = text.split("\n")
    start, named, comments = _head(lines)
    body = "\n".join(lines[start:])
    delimiter = named or _delimiter(body, suffix)
    records, ends = _parse(body, delimiter, source, start)
    if comments and records and all(_NUMBER.fullmatch(cell.strip()) for cell in records[0]):
        header = next(csv.reader([comments[-1].lstrip(COMMENT + " ")], delimiter=delimiter))
        if len(header) == len(records[0]):
            return Records(header, start, records, ends, delimiter)
    if not records:
        raise RunsError(f"{source}: the file holds no table. Remedy: give a header and one row for each run.")
    return Records(records[0], ends[0], records[1:], ends[1:], delimiter)


def _head(lines: Sequence[str]) -> tuple[int, str | None, list[str]]:
    """Where the table starts, the delimiter that a first line names, and the comments before the table."""
    named = None
    comments = []
    for number, line in enumerate(lines):
        content = line.strip("\ufeff \t")
        separator = SEPARATOR.fullmatch(line.strip("\ufeff \r"))
        if separator:
            named = separator.group(1)
        elif content.startswith(COMMENT):
            comments.append(content)
        elif content:
            return number, named, comments
    return len(lines), named, comments


def _delimiter(text: str, suffix: str) -> str:
    """The delimiter of a text; a comma where it has one column."""
    if suffix == ".tsv" and "\t" in text.split("\n", 1)[0]:
        return "\t"
    best = (False, 0.0, 0)
    chosen = ","
    for delimiter in DELIMITERS:
        score = _score(text, delimiter)
        if score[0] and score > best:
            best = score
            chosen = delimiter
    return chosen


def _score(text: str, delimiter: str) -> tuple[bool, float, int]:
    """Whether there are several columns, the share of rows as wide as the header, and its width."""
    widths: list[int] = []
    try:
        for record in csv.reader(StringIO(text, newline=""), delimiter=delimiter):
            if any(cell.strip() for cell in record):
                widths.append(len(record) - _empty_end(record))
            if len(widths) > SAMPLE:
                break
    except csv.Error:
        pass
    if not widths:
        return False, 0.0, 0
    width = widths[0]
    alike = sum(other <= width for other in widths) / len(widths)
    wide = sum(1 < other <= width for other in widths) / len(widths)
    return width > 1, wide if width > 1 else alike, width


def _empty_end(record: Sequence[str]) -> int:
    """How many empty cells end a record."""
    empty = 0
    for cell in reversed(record):
        if cell.strip():
            return empty
        empty += 1
    return empty


def _parse(text: str, delimiter: str, source: str, before: int) -> tuple[list[list[str]], list[int]]:
    """Rows that have any cell, and the line where each ends."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records = []
    lines = []
    try:
        for record in reader:
            if any(cell.strip() for cell in record):
                records.append(record)
                lines.append(before + reader.line_num)
    except csv.Error as error:
        line = before + reader.line_num
        raise RunsError(
            f"{source}: line {line} is no CSV ({error}). Remedy: close quotes and save again."
        ) from error
    return records, lines
