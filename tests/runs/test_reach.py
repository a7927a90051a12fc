"""Distances from the runs."""

from __future__ import annotations

import numpy as np

from bayes_scaling.runs.reach import decades_outside, nearest_runs
from tests.helpers.synthetic import synthetic_fit

RUNS = synthetic_fit(chains=1, draws=2).runs


def test_decades_below_inside_above() -> None:
    known = np.array([1e19, 1e20])
    np.testing.assert_allclose(
        decades_outside(np.array([1e17, 1e19, 3e19, 1e20, 1e23]), known), [2, 0, 0, 0, 3], atol=1e-12
    )


def test_nearest_runs_fall_back_from_group_to_architecture_to_all() -> None:
    group = nearest_runs(RUNS, "params", "xlstm", 8192)
    architecture = nearest_runs(RUNS, "params", "xlstm", 4096)
    everything = nearest_runs(RUNS, "params", "mamba2", 8192)
    assert [len(group), len(architecture), len(everything)] == [48, 96, 192]
    assert set(group) < set(architecture) < set(everything)
