"""Approach 1 of Hoffmann et al. 2022: the lowest loss at each compute, and power laws along it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.classical.power_law import PowerLaw, fit_power_law
from bayes_scaling.classical.resampling import (
    Key,
    check_bootstrap,
    group_name,
    groups_of,
    resample_counts,
    warn_left_out,
)
from bayes_scaling.classical.tables import Ranges, at_budgets, frontier_table, ranges_of, spread_columns
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsError
from bayes_scaling.faces.faced import Faced

METHODS = ("hull", "envelope")
BINS_PER_DECADE = 10
FEWEST = 3  # points on an envelope


@dataclass(frozen=True, eq=False, repr=False)
class EnvelopeFit(Faced, printer="classical.show_points"):
    """The points on the envelope, and power laws of resamples along it.

    Attributes
    ----------
    points : mapping of (architecture, context_length) to DataFrame
        Rows of the runs that lie on it, by compute.
    laws : mapping of (architecture, context_length) to mapping
        ``params``, ``tokens``, ``loss``: power laws over compute, each field (1 + resample,); row 0 is
        that of all runs.
    ranges : mapping of (architecture, context_length) to mapping
        Smallest and largest flops, params and tokens of the group's runs.
    method : str
    """

    points: dict[Key, pd.DataFrame]
    laws: dict[Key, dict[str, PowerLaw]]
    ranges: dict[Key, Ranges]
    method: str

    def table(self) -> pd.DataFrame:
        """All points on the envelopes."""
        return pd.concat(self.points.values(), ignore_index=True)

    def power_laws(self) -> pd.DataFrame:
        """One row for each group and quantity: A, exponent, bootstrap standard errors and quantiles."""
        rows = []
        for key, laws in self.laws.items():
            for quantity, law in laws.items():
                row: dict[str, Any] = {"architecture": key[0], "context_length": key[1], "quantity": quantity}
                scale = spread_columns("A", np.exp(law.log_scale))
                row |= {"A": scale["A"], "A_se": scale["A_se"], "points": int(law.points[0])}
                rows.append(row | spread_columns("exponent", law.exponent))
        return pd.DataFrame(rows)

    def frontier(self, compute: Any) -> pd.DataFrame:
        """Table of params, tokens and loss along the envelope at any budgets."""
        budgets = np.atleast_1d(np.asarray(compute, dtype=float))
        cells = {key: at_budgets(laws, budgets) for key, laws in self.laws.items()}
        names = {"cost": "as run", "estimator": self.method}
        return frontier_table(cells, self.ranges, budgets, budgets, names)


def envelope_fit(
    runs: Any, *, method: str = "hull", curve: str | None = None, resamples: int = 200, seed: int = 0
) -> EnvelopeFit:
    """Find the runs, or the checkpoints along training curves, of the lowest loss for their compute.

    Parameters
    ----------
    runs : Runs, path, DataFrame or catalogue name
        One row a finished run, or one row a checkpoint with its tokens and FLOPs so far. Checkpoints of an
        unfinished learning-rate schedule lie above what a run of that length reaches.
    method : {"hull", "envelope"}
        The lower convex hull of ln L over ln C, or the lowest loss in each tenth of a decade that no
        cheaper run reaches.
    curve : str, optional
        Column that names the training curve of each checkpoint; the bootstrap draws whole curves. Default:
        each row is a run of its own.
    resamples, seed : int
        The bootstrap of a lowest value is rough: a resample has no run below the best one.

    Raises
    ------
    RunsError
        An unknown method, no such column; no group whose envelope has three points.

    Warns
    -----
    RunsWarning
        Groups whose envelope has fewer.

    Examples
    --------
    >>> found = bs.classical.envelope_fit("simulated", resamples=0)
    >>> len(found.points)  # groups of architecture and context length
    6
    """
    if method not in METHODS:
        raise RunsError(f"unknown method {method!r}; choose one of {', '.join(METHODS)}")
    check_bootstrap(resamples, seed)
    frame = load_runs(runs).frame
    if curve is not None and curve not in frame:
        raise RunsError(f"no column {curve!r} to name the curves: the table has {', '.join(map(str, frame))}")
    points = {}
    laws = {}
    ranges = {}
    left_out = []
    for key, at in groups_of(frame):
        group = frame.iloc[at]
        rows = _on_envelope(group, method)
        if len(rows) < FEWEST:
            left_out.append(f"{group_name(key)}: {len(rows)} points on the {method}; it needs three")
            continue
        points[key], ranges[key] = group.iloc[rows].reset_index(drop=True), ranges_of(group)
        laws[key] = _resampled(group, method, _masks(group, curve, resamples, seed, key))
    if not points:
        raise RunsError(f"no envelope: {'; '.join(left_out)}. Remedy: give runs over more compute")
    warn_left_out(left_out)
    return EnvelopeFit(points, laws, ranges, method)


def _on_envelope(group: pd.DataFrame, method: str) -> np.ndarray:
    """Row numbers by compute."""
    x = np.log(group["flops"].to_numpy(dtype=float))
    y = np.log(group["loss"].to_numpy(dtype=float))
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


def _masks(group: pd.DataFrame, curve: str | None, resamples: int, seed: int, key: Key) -> list[np.ndarray]:
    """Which rows are in the group, then in each resample."""
    units = np.arange(len(group))
    if curve is not None:
        units = np.unique(group[curve].astype(str), return_inverse=True)[1]
    counts = resample_counts(int(units.max()) + 1, resamples, seed, *key)
    return [np.ones(len(group), dtype=bool), *(counts[:, units] > 0)]


def _resampled(group: pd.DataFrame, method: str, masks: list[np.ndarray]) -> dict[str, PowerLaw]:
    found: dict[str, list[PowerLaw]] = {"params": [], "tokens": [], "loss": []}
    for mask in masks:
        sample = group[mask]
        chosen = sample.iloc[_on_envelope(sample, method)]
        compute = chosen["flops"].to_numpy(dtype=float)
        for name, laws in found.items():
            laws.append(fit_power_law(compute, chosen[name].to_numpy(dtype=float)))
    return {name: PowerLaw(*map(np.stack, zip(*laws, strict=True))) for name, laws in found.items()}
