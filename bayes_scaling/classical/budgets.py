"""Which runs make one isoFLOP curve."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_scaling.classical.resampling import groups_of
from bayes_scaling.errors import RunsError

COLUMNS = ("isoflop_group", "budget")
GAP = 0.05  # in ln flops: runs of one budget lie closer, budgets lie farther apart
WIDEST = 0.25  # wider stretches without a gap are no budget


def budget_column(frame: pd.DataFrame, budget: str | None = None) -> str | None:
    """The column that names the budgets, None where there is none.

    Raises
    ------
    RunsError
        No column of the given name.
    """
    if budget is not None and budget not in frame:
        raise RunsError(
            f"no column {budget!r} to name the budgets: the table has {', '.join(map(str, frame))}"
        )
    return budget or next((name for name in COLUMNS if name in frame), None)


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
    named = budget_column(frame, budget)
    if named is not None:
        values = pd.to_numeric(frame[named], errors="coerce").to_numpy(dtype=float)
        return np.where(values > 0, values, np.nan)
    return _by_gaps(frame)


def why_no_curve(flops: np.ndarray, needed: int, named: bool) -> str:
    """Why runs of one budget are no isoFLOP curve; empty where they are."""
    if len(flops) < needed:
        return f"{len(flops)} runs, {needed} needed"
    if not named and np.log(flops.max() / flops.min()) > WIDEST:
        return f"{len(flops)} runs from {flops.min():.3g} to {flops.max():.3g} FLOPs without a gap"
    return ""


def _by_gaps(frame: pd.DataFrame) -> np.ndarray:
    budgets = np.full(len(frame), np.nan)
    for _, rows in groups_of(frame):
        logs = np.log(frame["flops"].to_numpy(dtype=float)[rows])
        for members in split_at_gaps(logs, GAP):
            budgets[rows[members]] = np.exp(logs[members].mean())
    return budgets


def split_at_gaps(values: np.ndarray, gap: float) -> list[np.ndarray]:
    """Row numbers of each stretch of values that follow each other within the gap, in rising order."""
    order = np.argsort(values, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(values[order]) > gap) + 1)
