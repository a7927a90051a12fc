"""ln L over ln C at a fixed ratio of tokens to params."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.classical.budgets import COLUMNS, isoflop_budgets, split_at_gaps
from bayes_scaling.classical.power_law import fit_power_law
from bayes_scaling.classical.resampling import (
    check_bootstrap,
    group_name,
    groups_of,
    resample_counts,
    warn_left_out,
)
from bayes_scaling.classical.tables import spread_columns
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsError

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
        from the residuals), slope_q025, slope_q975 and other quantiles (bootstrap, of six runs or more),
        intercept, intercept_se, runs, compute_low, compute_high.

    Raises
    ------
    RunsError
        No ratio with three runs over a factor of two in compute; no such column.

    Warns
    -----
    RunsWarning
        Ratios that several runs share and that have no line.

    Examples
    --------
    >>> import pandas as pd
    >>> runs = pd.DataFrame({"params": [1e8, 4e8, 16e8], "loss": [3.3, 2.9, 2.6]})
    >>> runs = runs.assign(architecture="llama", context_length=8192, tokens=20 * runs["params"])
    >>> slopes = bs.classical.token_param_slopes(runs, resamples=0)
    >>> slopes[["tokens_per_param", "slope"]].round(3).values.tolist()
    [[20.0, -0.043]]
    """
    check_bootstrap(resamples, seed)
    frame = load_runs(runs).frame
    if ratio is not None and ratio not in frame:
        raise RunsError(f"no column {ratio!r} to name the ratios: the table has {', '.join(map(str, frame))}")
    named = next((name for name in COLUMNS if name in frame), None)
    if ratio is None and named is not None:
        frame = frame[~np.isfinite(isoflop_budgets(frame, named))]
    rows, left_out = [], []
    for key, at in groups_of(frame):
        for members in _ratios(frame.iloc[at], ratio):
            why = _why_no_line(members)
            if not why:
                line = _line(members, resamples, seed, key)
                rows.append({"architecture": key[0], "context_length": key[1]} | line)
            elif ratio is not None or len(members) > 1:
                left_out.append(f"{group_name(key)}, {_mean_ratio(members):.3g} tokens per param: {why}")
    if not rows:
        raise RunsError(
            f"no ratio of tokens to params has {FEWEST} runs over a factor of {FACTOR:g} in compute: this "
            "table has no lines of fixed ratio"
        )
    warn_left_out(left_out)

    return pd.DataFrame(rows)


def _ratios(group: pd.DataFrame, ratio: str | None) -> list[pd.DataFrame]:
    if ratio is not None:
        return [part for _, part in group.groupby(ratio, sort=True, observed=True)]
    return [group.iloc[rows] for rows in split_at_gaps(_log_ratio(group), GAP)]


def _log_ratio(runs: pd.DataFrame) -> np.ndarray:
    return np.log(runs["tokens"].to_numpy(dtype=float) / runs["params"].to_numpy(dtype=float))


def _mean_ratio(runs: pd.DataFrame) -> float:
    return float(np.exp(_log_ratio(runs).mean()))


def _why_no_line(members: pd.DataFrame) -> str:
    """Why runs of one ratio are no line; empty where they are."""
    if len(members) < FEWEST:
        return f"{len(members)} runs, {FEWEST} needed"
    if np.ptp(_log_ratio(members)) > WIDEST:
        return f"{len(members)} runs over too many ratios without a gap"
    if members["flops"].max() < FACTOR * members["flops"].min():
        return f"{len(members)} runs over less than a factor of {FACTOR:g} in compute"
    return ""


def _line(members: pd.DataFrame, resamples: int, seed: int, key: tuple[str, int]) -> dict[str, Any]:
    compute = members["flops"].to_numpy(dtype=float)
    loss = members["loss"].to_numpy(dtype=float)
    law = fit_power_law(compute, loss)
    ratio = _mean_ratio(members)
    resamples = resamples if len(loss) >= FEWEST_RESAMPLED else 0
    counts = resample_counts(len(loss), resamples, seed, *key, f"{ratio:.6g}")
    slopes = np.append(law.exponent, _weighted_slopes(np.log(compute), np.log(loss), counts))
    return {
        "tokens_per_param": ratio,
        **spread_columns("slope", slopes),
        "slope_se": float(law.exponent_se),
        "intercept": float(law.log_scale),
        "intercept_se": float(law.log_scale_se),
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
