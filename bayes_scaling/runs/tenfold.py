"""Single rows off the others by little, as a digit too many in params or tokens would set them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from bayes_scaling.runs.expected_loss import expected_loss
from bayes_scaling.runs.finding import Finding, of_rows, rows_of

CHANGES = (("params", 0.1), ("params", 10.0), ("tokens", 0.1), ("tokens", 10.0))
FAR = 6.0  # robust standard deviations of ln loss: a row in question
NEAR = 2.0  # of them: a row that is mended
LEAST = 0.003  # of ln loss: the smallest standard deviation that is believed
SHARE = 0.1  # of the rows: more in question are no slips


def tenfold_slips(frame: pd.DataFrame, parts: Iterable[np.ndarray]) -> Iterable[Finding]:
    """A note of rows whose losses fit once their params or tokens are ten times more or less.

    Parameters
    ----------
    frame : DataFrame
        params, tokens and loss (nats).
    parts : iterable of arrays of bool, shape (row,)
        The rows that one law may describe.
    """
    slips = np.zeros(len(frame), dtype=bool)
    for mask in parts:
        slips[np.flatnonzero(mask)] |= _slips(frame[mask])
    if slips.any():
        rows = pd.Series(slips, index=frame.index)
        message = f"losses off the others by little, as if params or tokens were tenfold, in {of_rows(rows)}"
        advice = "compare params and tokens of these rows with their source"
        yield Finding("tenfold", "note", message, advice, rows_of(rows))


def _slips(part: pd.DataFrame) -> np.ndarray:
    """The rows of one part that a factor of ten mends."""
    off = np.log(part["loss"].to_numpy(dtype=float) / expected_loss(part))
    spread = max(1.4826 * float(np.median(np.abs(off))), LEAST)
    asked = np.abs(off) > FAR * spread
    mended = np.zeros(len(part), dtype=bool)
    if not asked.any() or asked.mean() > SHARE:
        return mended
    for column, factor in CHANGES:
        changed = part[asked].assign(**{column: part[column][asked] * factor})
        both = pd.concat([part, changed], ignore_index=True)
        among = np.arange(len(both)) < len(part)
        among[: len(part)] &= ~asked
        left = np.log(both["loss"].to_numpy(dtype=float) / expected_loss(both, among))[len(part) :]
        mended[asked] |= np.abs(left) < NEAR * spread
    return mended
