"""Rows whose params or tokens are in another unit than those of the others, by their losses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_scaling.runs.expected_loss import expected_loss
from bayes_scaling.runs.finding import Finding, of_rows, rows_of

FACTORS = {1e3: "thousands", 1e6: "millions", 1e9: "billions"}
GAP = np.log(5.0)  # of tokens per param or of compute, between the rows in question and the others
MOST_GAPS = 8
FEWEST = 6  # rows that are not in question
OFF = 0.1  # of ln loss, as the rows stand
MENDED = 0.3  # of that, in the other unit
MOST = 0.3  # of ln loss, that a row adds to the cost


@dataclass(frozen=True)
class Mended:
    """Rows, the column and the factor that mend them, and how far all rows then lie from one law."""

    rows: np.ndarray
    column: str
    factor: float
    cost: float


def mixed_units(frame: pd.DataFrame) -> Iterable[Finding]:
    """A finding where rows lie apart in tokens per param or in compute, and fit once a unit is mended.

    Parameters
    ----------
    frame : DataFrame
        params, tokens and loss (nats).
    """
    found = [fit for apart, columns in _candidates(frame) for fit in _mended(frame, apart, columns)]
    if not found:
        return
    best = min(found, key=lambda fit: fit.cost)
    rows = pd.Series(best.rows, index=frame.index)
    unit = FACTORS[best.factor]
    message = f"{best.column} look as if in {unit} in {of_rows(rows)}: times {best.factor:g} the losses fit"
    advice = f"give {best.column} as a plain count in every row"
    yield Finding("units of rows", "warning", message, advice, rows_of(rows))


def _candidates(frame: pd.DataFrame) -> Iterable[tuple[np.ndarray, tuple[str, ...]]]:
    """Rows on one side of a gap, and the columns whose unit would have set them there."""
    params = np.log(frame["params"].to_numpy(dtype=float))
    tokens = np.log(frame["tokens"].to_numpy(dtype=float))
    sides = (
        (tokens - params, ("tokens",)),
        (params - tokens, ("params",)),
        (params + tokens, ("tokens", "params")),
    )
    for values, columns in sides:
        ordered = np.sort(values)
        for place in np.flatnonzero(np.diff(ordered) > GAP)[:MOST_GAPS]:
            apart = values <= ordered[place]
            if (~apart).sum() >= max(FEWEST, apart.sum()):
                yield apart, columns


def _mended(frame: pd.DataFrame, apart: np.ndarray, columns: tuple[str, ...]) -> Iterable[Mended]:
    """The units by which the rows in question join the law of the others, if they do not as they stand."""
    off = float(np.median(_distances(frame, apart)[apart]))
    if off < OFF:
        return
    for column in columns:
        for factor in FACTORS:
            values = frame[column].where(~apart, frame[column] * factor)
            distances = _distances(frame.assign(**{column: values}), apart)
            if np.median(distances[apart]) < MENDED * off:
                yield Mended(apart, column, factor, float(np.minimum(distances, MOST).mean()))


def _distances(frame: pd.DataFrame, apart: np.ndarray) -> np.ndarray:
    """Distances in ln loss from a law of the rows that are not in question."""
    expected = expected_loss(frame, ~apart)
    return np.asarray(np.abs(np.log(frame["loss"].to_numpy(dtype=float) / expected)))
