"""Distances from the runs."""

from __future__ import annotations

import numpy as np

from bayes_scaling.runs.reach import (
    COLUMNS,
    decades_from_group,
    decades_outside,
    group_size,
    nearest_runs,
    reach_columns,
)
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


def test_four_distances_of_a_group() -> None:
    group = RUNS.frame.query("architecture == 'xlstm' and context_length == 8192")
    asked = {name: np.array([1.0, 100.0]) * group[COLUMNS[name]].max() for name in ("compute", "params")}
    asked["tokens"] = np.array([0.001, 1.0]) * group["tokens"].min()
    far = decades_from_group(RUNS, "xlstm", 8192, asked)
    wanted = {"compute": [0, 2], "params": [0, 2], "tokens": [3, 0], "context": [0, 0]}
    assert list(far) == list(wanted)
    for name, decades in wanted.items():
        np.testing.assert_allclose(far[name], decades, atol=1e-9)


def test_a_context_is_as_far_as_it_lies_from_the_architectures_contexts() -> None:
    point = {"compute": np.array([1e19])}
    far = [decades_from_group(RUNS, "xlstm", length, point)["context"][0] for length in (204.8, 4096, 81920)]
    np.testing.assert_allclose(far, [1, 0, 1])
    assert [group_size(RUNS, "xlstm", length) for length in (4096, 8192)] == [0, 48]


def test_the_farthest_of_the_columns_leaves_out_what_is_not_known() -> None:
    parts = {"compute": [0.5, 2.0], "params": [1.0, np.nan], "tokens": [0.0, np.nan], "context": [0.0, 0.0]}
    columns = reach_columns({name: np.array(values) for name, values in parts.items()})
    assert columns["extrapolation_decades"].tolist() == [1.0, 2.0]
    assert list(columns)[1:] == [f"{name}_extrapolation_decades" for name in parts]
