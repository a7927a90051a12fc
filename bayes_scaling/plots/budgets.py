"""Budgets that curves of a fit are drawn along."""

from __future__ import annotations

import numpy as np

from bayes_scaling.runs.table import Runs

POINTS = 25  # budgets along a frontier
ABOVE = 10.0  # how far beyond the runs a frontier is drawn


def budgets_of(runs: Runs) -> np.ndarray:
    """Budgets (compute,) in FLOPs from the least of the runs to a decade beyond their most."""
    flops = runs.frame["flops"].to_numpy(dtype=float)
    return np.geomspace(flops.min(), ABOVE * flops.max(), POINTS)
