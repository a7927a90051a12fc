"""Approach 1 of Hoffmann et al. 2022: the lowest loss at each compute, and power laws along it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.classical.power_law import fit_power_law
from bayes_scaling.classical.resampling import frontier_table, groups_of, resample_counts
from bayes_scaling.errors import RunsError
from bayes_scaling.runs import load_runs

if TYPE_CHECKING:
    import pandas as pd

METHODS = ("hull", "envelope")
BINS_PER_DECADE = 10


@dataclass(frozen=True, eq=False)
class EnvelopeFit:
    """The points on the envelope, and power laws of resamples along it.

    Attributes
    ----------
    points : mapping of (architecture, context_length) to DataFrame
        Rows of the runs that lie on it, by compute.
    exponents : mapping of (architecture, context_length) to mapping
        ``params``, ``tokens``, ``loss``: (log_scale, exponent) of each resample, (1 + resample, 2).
    method : str
    """

    points: dict[tuple[str, int], pd.DataFrame]
    exponents: dict[tuple[str, int], dict[str, np.ndarray]]
    method: str

    def table(self) -> pd.DataFrame:
        """All points on the envelopes."""
        import pandas as pd

        return pd.concat(self.points.values(), ignore_index=True)

    def frontier(self, compute: Any) -> pd.DataFrame:
        """Table of params, tokens and loss along the envelope at any budgets."""
        budgets = np.atleast_1d(np.asarray(compute, dtype=float))
        cells = {
            key: {n: np.exp(v[:, :1] + v[:, 1:] * np.log(budgets)) for n, v in laws.items()}
            for key, laws in self.exponents.items()
        }
        return frontier_table(cells, budgets, self.method, "as run")


def envelope_fit(runs: Any, *, method: str = "hull", resamples: int = 200, seed: int = 0) -> EnvelopeFit:
    """Find the runs, or the checkpoints along training curves, of the lowest loss for their compute.

    Parameters
    ----------
    runs : Runs, path, DataFrame or catalogue name
        One row a finished run, or one row a checkpoint with its tokens and FLOPs so far. Checkpoints of an
        unfinished learning-rate schedule lie above what a run of that length reaches.
    method : {"hull", "envelope"}
        The lower convex hull of ln L over ln C, or the lowest loss in each tenth of a decade that no
        cheaper run reaches.
    resamples, seed : int

    Raises
    ------
    RunsError
        An unknown method; a group whose envelope has fewer than three points.
    """
    if method not in METHODS:
        raise RunsError(f"unknown method {method!r}; choose one of {', '.join(METHODS)}")
    frame = load_runs(runs).frame
    points, exponents = {}, {}
    for key, at in groups_of(frame):
        group = frame.iloc[at]
        rows = _on_envelope(group, method)
        if len(rows) < 3:
            raise RunsError(
                f"{key[0]} at context length {key[1]}: the {method} has {len(rows)} points; it needs three"
            )
        points[key] = group.iloc[rows].reset_index(drop=True)
        exponents[key] = _resampled(group, method, resamples, seed)
    return EnvelopeFit(points, exponents, method)


def _on_envelope(group: pd.DataFrame, method: str) -> np.ndarray:
    """Row numbers by compute."""
    x, y = (np.log(group[name].to_numpy(dtype=float)) for name in ("flops", "loss"))
    return lower_hull(x, y) if method == "hull" else _lowest_in_bins(x, y)


def lower_hull(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Row numbers of the falling part of the lower convex hull, by x (Andrew's monotone chain)."""
    order = np.lexsort((y, x))
    hull: list[int] = []
    for i in order:
        while len(hull) >= 2 and _turns_up(x, y, hull[-2], hull[-1], i):
            hull.pop()
        if not hull or y[i] < y[hull[-1]]:
            hull.append(int(i))
    return np.array(hull)


def _turns_up(x: np.ndarray, y: np.ndarray, a: int, b: int, c: int) -> bool:
    """Whether b lies on or above the line from a to c."""
    return bool((x[b] - x[a]) * (y[c] - y[a]) <= (y[b] - y[a]) * (x[c] - x[a]))


def _lowest_in_bins(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    bins = np.floor(x / np.log(10) * BINS_PER_DECADE).astype(int)
    best = [np.flatnonzero(bins == b)[np.argmin(y[bins == b])] for b in np.unique(bins)]
    lowest = np.minimum.accumulate(y[best])
    return np.array([i for i, low in zip(best, lowest, strict=True) if y[i] <= low])


def _resampled(group: pd.DataFrame, method: str, resamples: int, seed: int) -> dict[str, np.ndarray]:
    counts = resample_counts(np.zeros(len(group), dtype=int), resamples, seed)
    samples = [group, *(group[row > 0] for row in counts)]
    laws: dict[str, list[list[float]]] = {"params": [], "tokens": [], "loss": []}
    for sample in samples:
        chosen = sample.iloc[_on_envelope(sample, method)]
        compute = chosen["flops"].to_numpy(dtype=float)
        for name, found in laws.items():
            law = fit_power_law(compute, chosen[name].to_numpy(dtype=float))
            found.append([float(law.log_scale), float(law.exponent)])
    return {name: np.array(found) for name, found in laws.items()}
