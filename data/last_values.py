"""The last or the lowest value of a curve as it stands in a file, cell by cell."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bayes_scaling.errors import RunsError

CHOICES = ("last", "best")


def check_choice(choose: str) -> None:
    """Refuse another word than those of `CHOICES`.

    Raises
    ------
    RunsError
    """
    if choose not in CHOICES:
        raise RunsError(f"choose {choose!r}: give one of {', '.join(CHOICES)}")


def chosen_point(cells: Sequence[str], lines: Sequence[int], place: str, choose: str) -> int | None:
    """The row of the last or of the lowest value; None where the curve ends in NaN or infinity.

    Parameters
    ----------
    cells : sequence of str
        Of one column; empty ones are skipped.
    lines : sequence of int
        The line of each cell.
    place : str
        File and column, for messages.
    choose : {"last", "best"}

    Raises
    ------
    RunsError
        A cell that is neither empty nor a number, or no value at all.
    """
    values = {row: _number(cell, lines[row], place) for row, cell in enumerate(cells) if cell}
    if not values:
        raise RunsError(f"{place}: no point has a loss. Remedy: leave the run out or export it again.")
    last = max(values)
    if not math.isfinite(values[last]):
        return None
    finite = {row: value for row, value in values.items() if math.isfinite(value)}
    return last if choose == "last" else min(finite, key=lambda row: finite[row])


def _number(cell: str, line: int, place: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise RunsError(
            f"{place}: line {line} holds {cell!r:.40}, which is no number. Remedy: correct or empty the cell."
        ) from None
