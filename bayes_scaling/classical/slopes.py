"""ln L over ln C at a fixed ratio of tokens to params."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.classical.budgets import COLUMNS, isoflop_budgets
from bayes_scaling.classical.power_law import fit_power_law
from bayes_scaling.classical.resampling import groups_of, resample_counts, spread_columns
from bayes_scaling.errors import RunsError
from bayes_scaling.runs import load_runs

if TYPE_CHECKING:
    import pandas as pd

GAP = 0.1  # in ln(tokens / params): runs of one ratio lie closer
WIDEST = 0.25  # wider stretches without a gap are no fixed ratio
FEWEST, FEWEST_RESAMPLED = 3, 6
FACTOR = 2.0  # of compute that a line must span


def token_param_slopes(
    runs: Any, *, ratio: str | None = None, resamples: int = 200, seed: int = 0
) -> pd.DataFrame:
    """Straight lines ln L = slope ln C + intercept, one for each group and ratio.

    Parameters
    ----------
    runs : Runs, path, DataFrame or catalogue name
    ratio : str, optional
        Column that names each run's ratio. Default: runs of one group whose tokens / params follow each
        other within 10% are one ratio; runs that a column ``isoflop_group`` or ``budget`` puts on an
        isoFLOP curve are left out.
    resamples, seed : int

    Returns
    -------
    DataFrame
        architecture, context_length, tokens_per_param (geometric mean), slope, slope_se (standard error
        from the residuals), slope_q025, slope_q975 (bootstrap, of six runs or more), intercept, runs,
        compute_low, compute_high.

    Raises
    ------
    RunsError
        No ratio with three runs over a factor of two in compute; no such column.
    """
    frame = load_runs(runs).frame
    if ratio is not None and ratio not in frame:
        raise RunsError(f"no column {ratio!r} to name the ratios: the table has {', '.join(map(str, frame))}")
    named = next((name for name in COLUMNS if name in frame), None)
    if ratio is None and named is not None:
        frame = frame[~np.isfinite(isoflop_budgets(frame, named))]
    rows = []
    for (architecture, context_length), at in groups_of(frame):
        for members in _ratios(frame.iloc[at], ratio):
            if len(members) >= FEWEST and members["flops"].max() >= FACTOR * members["flops"].min():
                line = _line(members, resamples, seed)
                rows.append({"architecture": architecture, "context_length": context_length} | line)
    if not rows:
        raise RunsError(
            f"no ratio of tokens to params has {FEWEST} runs over a factor of {FACTOR:g} in compute: this "
            "table has no lines of fixed ratio"
        )
    import pandas as pd

    return pd.DataFrame(rows)


def _ratios(group: pd.DataFrame, ratio: str | None) -> list[pd.DataFrame]:
    if ratio is not None:
        return [part for _, part in group.groupby(ratio, sort=True, observed=True)]
    logs = np.log(group["tokens"].to_numpy(dtype=float) / group["params"].to_numpy(dtype=float))
    order = np.argsort(logs)
    cluster = np.cumsum(np.diff(logs[order], prepend=logs[order][:1]) > GAP)
    members = [order[cluster == k] for k in np.unique(cluster)]
    return [group.iloc[rows] for rows in members if np.ptp(logs[rows]) <= WIDEST]


def _line(members: pd.DataFrame, resamples: int, seed: int) -> dict[str, Any]:
    compute, loss = (members[name].to_numpy(dtype=float) for name in ("flops", "loss"))
    law = fit_power_law(compute, loss)
    ratio = np.log(members["tokens"].to_numpy(dtype=float) / members["params"].to_numpy(dtype=float)).mean()
    resamples = resamples if len(loss) >= FEWEST_RESAMPLED else 0
    counts = resample_counts(np.zeros(len(loss), dtype=int), resamples, seed)
    slopes = np.append(law.exponent, _weighted_slopes(np.log(compute), np.log(loss), counts))
    return {
        "tokens_per_param": float(np.exp(ratio)),
        **spread_columns("slope", slopes),
        "slope_se": float(law.exponent_se),
        "intercept": float(law.log_scale),
        "runs": len(loss),
        "compute_low": compute.min(),
        "compute_high": compute.max(),
    }


def _weighted_slopes(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Least-squares slope of each resample; NaN where it holds one compute only."""
    total = counts.sum(1)
    dx = x - (counts @ x / total)[:, None]
    spread = (counts * dx**2).sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 1e-9, (counts * dx * y).sum(1) / spread, np.nan)
