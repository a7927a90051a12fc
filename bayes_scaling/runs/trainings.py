"""Rows that are no runs of their own: checkpoints of one training, and which row of several to keep."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from bayes_scaling.errors import RunsError
from bayes_scaling.runs.columns import CANONICAL, normalise
from bayes_scaling.runs.finding import Finding, rows_of

CHECKPOINTS = "checkpoints"
TAKES = ("last", "best")
RUN_NAMES = frozenset(
    normalise(name)
    for name in (
        *("run", "run name", "run label", "training", "training run", "train run", "trial", "experiment"),
        *("experiment name", "exp name", "job", "job id", "job name", "wandb name", "name"),
    )
)
GROUP = ("architecture", "context_length")
KINDS = ("params_total", "parallel_streams")  # tell models of equal params apart
SIZE = (*GROUP, "params", *KINDS, "group")
DESIGN = (*GROUP, "params", "tokens", *KINDS, "group")
FEWEST_NAMED = 3  # checkpoints of a training that a column names
FEWEST_EVEN = 8  # points at even distances of one size
FEWEST_MANY = 20  # points of one size: nobody trains one model so often
EVEN = 0.8  # share of the distances within 2% of their median
FALLS = 0.6  # share of the steps in which the loss falls
MOST_ROWS = 0.5  # share of the table


def checkpoints(frame: pd.DataFrame) -> Iterable[Finding]:
    """A finding where most rows are points along a few trainings.

    Parameters
    ----------
    frame : DataFrame
        Canonical columns, with losses, and the others of the table.
    """
    column = training_column(frame)
    keys = [column] if column is not None else _sizes(frame)
    if not keys:
        return
    sizes = frame.groupby(keys, sort=False).size()
    many = sizes[sizes > 1]
    how = f"column {column!r}" if column is not None else "equal params, rising tokens, falling loss"
    least, most = int(many.min()), int(many.max())
    each = f"{most}" if least == most else f"{least} to {most}"
    rest = f" and {len(sizes) - len(many)} runs of their own" if len(many) < len(sizes) else ""
    trainings = f"{len(many)} trainings of {each} checkpoints{rest}"
    message = f"{len(frame)} rows are {trainings} ({how}), not as many runs"
    shared = f', or give the points of one training one shift with offsets=["{column}"]' if column else ""
    advice = f'take the end of each with take="last"{shared}'
    rows = rows_of(frame.groupby(keys, sort=False)["loss"].transform("size") > 1)
    yield Finding(CHECKPOINTS, "warning", message, advice, rows)


def training_column(frame: pd.DataFrame) -> str | None:
    """The column that names trainings of which the table has several points each; None if there is none."""
    for name in (str(name) for name in frame if name not in CANONICAL):
        if normalise(name) not in RUN_NAMES or frame[name].isna().any():
            continue
        groups = frame.groupby(name, sort=False)
        one_size = all(groups[key].nunique().max() == 1 for key in (*GROUP, "params"))
        size = groups["loss"].transform("size")
        several = size >= FEWEST_NAMED
        if one_size and several.mean() >= MOST_ROWS and _falls(frame[several], [name]) >= FALLS:
            return name
    return None


def kept_rows(frame: pd.DataFrame, take: str, within: Sequence[str] | None = None) -> np.ndarray:
    """One row of several: the end of each training, or the lowest loss.

    Parameters
    ----------
    frame : DataFrame
        Canonical columns and the others of the table.
    take : {"last", "best"}
        The row of the most tokens, or of the lowest loss; of equals the last or the first.
    within : sequence of str, optional
        Rows alike in these columns, and in architecture and context length, are one. Default: the column
        that names trainings; else, for "last" equal params, for "best" equal params and tokens.

    Returns
    -------
    array of bool, shape (row,)
        True for the rows that are kept.

    Raises
    ------
    RunsError
        Another word, no losses, or a column that the table lacks.
    """
    if take not in TAKES:
        raise RunsError(f"take {take!r}: choose one of {', '.join(TAKES)}")
    if "loss" not in frame:
        raise RunsError("take: the runs have no loss to choose by")
    missing = [name for name in within or () if name not in frame]
    if missing:
        raise RunsError(f"within: no column {missing[0]!r}; the runs have {', '.join(map(str, frame))}")
    keys = [*dict.fromkeys((*GROUP, *(within or _usual(frame, take))))]
    column = frame["tokens" if take == "last" else "loss"].reset_index(drop=True)
    if take == "last":
        order = column.sort_values(kind="stable")
    else:
        order = column.iloc[::-1].sort_values(kind="stable", ascending=False)
    groups = frame.reset_index(drop=True).loc[order.index, keys]
    kept = np.zeros(len(frame), dtype=bool)
    kept[groups[~groups.duplicated(keep="last")].index] = True
    return kept


def _usual(frame: pd.DataFrame, take: str) -> list[str]:
    column = training_column(frame)
    if column is not None:
        return [column]
    return [name for name in (SIZE if take == "last" else DESIGN) if name in frame]


def _sizes(frame: pd.DataFrame) -> list[str]:
    """The columns by whose values the rows are points along trainings; none where they are not."""
    keys = [name for name in SIZE if name in frame]
    counts = frame.groupby(keys, sort=False)["tokens"].transform("nunique")
    along = np.array(counts >= FEWEST_MANY)
    some = (counts >= FEWEST_EVEN).to_numpy() & ~along
    if some.any():
        even = frame[some].groupby(keys, sort=False)["tokens"].transform(_even)
        along[some] = even.to_numpy(dtype=bool)
    if along.mean() < MOST_ROWS or _falls(frame[along], keys) < FALLS:
        return []
    return keys


def _even(tokens: pd.Series) -> bool:
    """Whether counts lie at even distances, as checkpoints do."""
    steps = np.diff(np.unique(tokens.to_numpy()))
    middle = np.median(steps)
    return bool((np.abs(steps - middle) <= 0.02 * middle).mean() >= EVEN)


def _falls(frame: pd.DataFrame, keys: Sequence[str]) -> float:
    """The share of the steps along the tokens in which the loss falls."""
    order = frame.sort_values("tokens", kind="stable")
    steps = order.groupby(list(keys), sort=False)["loss"].diff().dropna()
    return float((steps < 0).mean()) if len(steps) else 0.0
