"""How far a question lies from the runs it is answered from."""

from __future__ import annotations

import numpy as np

from bayes_scaling.runs.table import Runs


def decades_outside(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Decades by which each value lies outside the range of the known ones; 0 inside."""
    logs = np.log10(values)
    low = np.log10(known.min())
    high = np.log10(known.max())
    return np.maximum(0.0, np.maximum(logs - high, low - logs))


def nearest_runs(runs: Runs, column: str, architecture: str, context_length: int) -> np.ndarray:
    """The column for the group's runs; the architecture's or all where there are none."""
    frame = runs.frame
    same = (frame["architecture"].astype(str) == architecture).to_numpy()
    group = same & (frame["context_length"] == context_length).to_numpy()
    chosen = next(mask for mask in (group, same, np.ones_like(same)) if mask.any())
    return frame[column].to_numpy(dtype=float)[chosen]
