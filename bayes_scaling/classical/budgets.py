"""Which runs make one isoFLOP curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.errors import RunsError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("isoflop_group", "budget")
GAP = 0.05  # in ln flops: runs of one budget lie closer, budgets lie farther apart


def isoflop_budgets(frame: pd.DataFrame, budget: str | None = None) -> np.ndarray:
    """The budget of each run in FLOPs, NaN for runs of none.

    Parameters
    ----------
    frame : DataFrame
    budget : str, optional
        The column that names it. Default: ``isoflop_group`` or ``budget`` where the table has one, else
        runs of one group whose flops follow each other within 5% are one budget, its geometric mean.

    Raises
    ------
    RunsError
        No such column.
    """
    if budget is not None and budget not in frame:
        raise RunsError(
            f"no column {budget!r} to name the budgets: the table has {', '.join(map(str, frame))}"
        )
    named = budget or next((name for name in COLUMNS if name in frame), None)
    if named is not None:
        import pandas as pd

        values = pd.to_numeric(frame[named], errors="coerce").to_numpy(dtype=float)
        return np.where(values > 0, values, np.nan)
    return _by_gaps(frame)


def _by_gaps(frame: pd.DataFrame) -> np.ndarray:
    budgets = np.full(len(frame), np.nan)
    groups = frame.groupby(["architecture", "context_length"], sort=False, observed=True).indices
    for rows in groups.values():
        logs = np.log(frame["flops"].to_numpy(dtype=float)[rows])
        order = np.argsort(logs)
        cluster = np.cumsum(np.diff(logs[order], prepend=logs[order][0]) > GAP)
        for k in np.unique(cluster):
            members = order[cluster == k]
            budgets[rows[members]] = np.exp(logs[members].mean())
    return budgets
