"""What commas and points in the numbers of a file mean: decided once, from its cells and its delimiter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bayes_scaling.errors import RunsError

NUMBER = re.compile(r"[+-]?(?=[\d.,]*\d)[\d.,]+([eE][+-]?\d+)?")
POINT = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)?(\.\d*)?([eE][+-]?\d+)?")
COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)?(,\d*)?([eE][+-]?\d+)?")
# Marks of thousands that can be nothing else: spaces, also those that do not break, and apostrophes.
SPACED = re.compile(r"[+-]?\d{1,3}([ '\u2019\u00a0\u202f])\d{3}(\1\d{3})*([.,]\d*)?")
_SPACES = re.compile(r"[ '\u2019\u00a0\u202f]")
LEADING_ZERO = re.compile(r"[+-]?0[.,]\d{3}([.,]\d{3})*")
MISSING = frozenset(
    {"", "na", "n/a", "nan", "null", "none", "-", "inf", "-inf", "+inf", "infinity", "-infinity"}
)
SHOWN = 5
PLAIN = "write numbers without thousands separators, with a decimal point"


@dataclass(frozen=True)
class Cell:
    """A number with a comma or several points.

    Attributes
    ----------
    column : int
    row : int
    text : str
    point, comma : bool
        Whether it is a number with a decimal point (commas divide thousands), or with a decimal comma.
    """

    column: int
    row: int
    text: str
    point: bool
    comma: bool


def with_points(
    rows: Sequence[Sequence[str]],
    header: Sequence[str],
    lines: Sequence[int],
    delimiter: str,
    source: str,
) -> tuple[list[list[str]], str | None]:
    """The cells with every number written by a decimal point and without thousands separators.

    Spaces and apostrophes between digits by threes divide thousands.

    Parameters
    ----------
    rows : sequence of sequences of str
    header : sequence of str
    lines : sequence of int
        The line of each row.
    delimiter : str
        Between cells: in a file divided by commas a comma inside quotes divides thousands, if nothing in
        the file says otherwise.
    source : str

    Returns
    -------
    rows : list of lists of str
    note : str or None
        What was taken for what, where the file has decimal commas.

    Raises
    ------
    RunsError
        Cells that may be read in two ways, each with both readings.
    """
    rows = _without_spaces(rows, len(header))
    if not any("," in cell or cell.count(".") > 1 for row in rows for cell in row):
        return [list(row) for row in rows], None
    cells = list(_marked(rows, len(header)))
    if not any("," in cell.text or cell.text.count(".") > 1 for cell in cells):
        return [list(row) for row in rows], None
    both = [cell for cell in cells if cell.point and cell.comma]
    point = [cell for cell in cells if cell.point and not cell.comma]
    comma = [cell for cell in cells if cell.comma and not cell.point]
    decimal_comma = bool(comma) and not point
    thousands = any("," in cell.text for cell in point) or delimiter == ","
    doubtful = [cell for cell in both if "," in cell.text or comma]
    if doubtful and not decimal_comma and (comma or not thousands):
        raise _ambiguous(doubtful, header, lines, source)
    changed = [list(row) for row in rows]
    for cell in cells:
        by_comma = cell.comma and (decimal_comma or not cell.point)
        changed[cell.row][cell.column] = _plain(cell.text, by_comma)
    if not comma:
        return changed, None
    names = ", ".join(
        repr(header[column]) for column in sorted({cell.column for cell in cells if cell.comma})
    )
    read = f"{comma[0].text} is {_plain(comma[0].text, True)}"
    return changed, f"commas are decimal commas and points divide thousands in {names}: {read}"


def _without_spaces(rows: Sequence[Sequence[str]], width: int) -> Sequence[Sequence[str]]:
    """The cells without spaces and apostrophes that divide thousands, in columns of nothing but numbers."""
    spaced = (row for row in rows if _SPACES.search("".join(row)))
    if not any(SPACED.fullmatch(cell.strip()) for row in spaced for cell in row):
        return rows
    changed = [list(row) for row in rows]
    for column in range(width):
        texts = [row[column].strip() for row in rows]
        if all(SPACED.fullmatch(t) or NUMBER.fullmatch(t) or t.casefold() in MISSING for t in texts):
            for row, text in zip(changed, texts, strict=True):
                row[column] = _SPACES.sub("", text) if SPACED.fullmatch(text) else text
    return changed


def _marked(rows: Sequence[Sequence[str]], width: int) -> Iterator[Cell]:
    """Numbers that hold a comma or a point, in columns that hold nothing but numbers."""
    for column in range(width):
        texts = [row[column].strip() for row in rows]
        marked = [i for i, text in enumerate(texts) if "," in text or "." in text]
        if not marked or not all(NUMBER.fullmatch(t) or t.casefold() in MISSING for t in texts):
            continue
        for row in marked:
            text = texts[row]
            zero = bool(LEADING_ZERO.fullmatch(text))
            point = bool(POINT.fullmatch(text)) and not (zero and "," in text)
            comma = bool(COMMA.fullmatch(text)) and not (zero and "." in text)
            if point or comma:
                yield Cell(column, row, text, point, comma)


def _plain(text: str, decimal_comma: bool) -> str:
    if decimal_comma:
        return text.replace(".", "").replace(",", ".")
    return text.replace(",", "")


def _ambiguous(cells: Sequence[Cell], header: Sequence[str], lines: Sequence[int], source: str) -> RunsError:
    """The refusal of cells with two readings, one of each column."""
    first = {cell.column: cell for cell in reversed(cells)}
    shown = [
        f"column {header[column]!r}, line {lines[cell.row]}: {cell.text!r} may be {_plain(cell.text, False)} "
        f"or {_plain(cell.text, True)}"
        for column, cell in sorted(first.items())
    ]
    more = f"; and {len(shown) - SHOWN} more columns" if len(shown) > SHOWN else ""
    return RunsError(
        f"{source}: a comma may divide thousands or mark decimals. {'; '.join(shown[:SHOWN])}{more}. "
        f"Remedy: {PLAIN}."
    )
