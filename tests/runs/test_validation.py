"""Faults of a table: all found at once, each with row, line, column, value and remedy."""

from __future__ import annotations

import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsError, RunsWarning
from bayes_scaling.runs.faults import InvalidRunsError
from bayes_scaling.runs.validation import require_fittable

NAMES = ("params", "tokens", "flops", "loss")


@pytest.fixture
def frame() -> pd.DataFrame:
    params, tokens = np.geomspace(1e8, 1e9, 8), np.geomspace(2e10, 2e9, 8)
    return pd.DataFrame(
        {
            "run_id": [f"r{i}" for i in range(8)],
            "architecture": "xlstm",
            "context_length": 8192,
            "params": params,
            "tokens": tokens,
            "flops": 6 * params * tokens,
            "loss": np.linspace(2.5, 3, 8),
            "loss_sd": 0.0,
            "weight": 1.0,
            "group": "a",
        }
    )


def _faults(frame: pd.DataFrame) -> pd.DataFrame:
    with pytest.raises(InvalidRunsError) as caught:
        load_runs(frame)
    return caught.value.faults


def test_the_frame_itself_is_valid(frame):
    assert load_runs(frame).notes == ()


CASES = [
    *[(name, value, code) for name in NAMES for value, code in (
        (np.nan, "missing value"), (None, "missing value"), ("", "missing value"), (pd.NA, "missing value"),
        (np.inf, "infinite"), (-np.inf, "infinite"), (0, "zero"), (-1.5, "negative"), ("abc", "not a number"),
        (True, "not a number"), ([1.0], "not a number"), (np.array([1.0]), "not a number"),
        (1 + 2j, "not a number"), (pd.Timestamp("2025-01-01"), "not a number"), (10**400, "infinite"),
        (Decimal("sNaN"), "not a number"),
    )],
    ("context_length", 2048.5, "not an integer"),
    ("context_length", "8k", "not a number"),
    ("context_length", 0, "zero"),
    ("context_length", -8192, "negative"),
    ("context_length", 1e300, "too long"),
    ("context_length", np.nan, "missing value"),
    ("architecture", "", "empty text"),
    ("architecture", "  ", "empty text"),
    ("architecture", np.nan, "empty text"),
    ("architecture", ["xlstm"], "not text"),
    ("architecture", "\ud800", "not text"),
    ("group", None, "empty text"),
    ("loss_sd", -0.1, "negative"),
    ("loss_sd", np.nan, "missing value"),
    ("weight", 0, "zero"),
    ("weight", -1, "negative"),
    ("run_id", "", "empty text"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "code"), CASES, ids=[f"{n}-{c}-{i}" for i, (n, _, c) in enumerate(CASES)]
)
def test_one_bad_cell(frame, name, value, code):
    column = frame[name].astype(object).tolist()
    column[3] = value
    frame[name] = pd.Series(column, dtype=object)
    faults = _faults(frame)
    assert faults[["row", "column", "code"]].values.tolist() == [[3, name, code]]
    assert faults["line"].isna().all()
    assert faults["remedy"].str.len().gt(10).all()


def test_values_that_are_good(frame):
    frame["params"] = [Decimal("1e8"), "2e8", "300,000,000", np.float32(4e8), 5 * 10**8, " 6e8 ", 7e8, "8E8"]
    frame["context_length"] = ["2,048", 2048.0, "2048", 2048, np.int32(2048), "2048.0", " 2048", 2048]
    frame["loss_sd"] = -0.0
    frame["flops"] = 6 * np.arange(1, 9) * 1e8 * frame["tokens"]
    runs = load_runs(frame)
    assert runs.frame["params"].tolist() == [n * 1e8 for n in range(1, 9)]
    assert runs.context_lengths == (2048,)
    assert not np.signbit(runs.frame["loss_sd"]).any()


@pytest.mark.parametrize("dtype", ["Float64", "float64[pyarrow]", "object", "string"])
def test_column_types(frame, dtype):
    expected = load_runs(frame).data_hash
    frame["loss"] = frame["loss"].astype(dtype)
    frame["architecture"] = frame["architecture"].astype("category")
    assert load_runs(frame).data_hash == expected


def test_architectures_may_be_numbers_and_are_stripped(frame):
    frame["architecture"] = pd.Series([1] * 8)
    assert load_runs(frame).architectures == ("1",)
    frame["architecture"] = " xlstm "
    assert load_runs(frame).architectures == ("xlstm",)


def test_repeated_run_id_names_every_copy(frame):
    frame.loc[5, "run_id"] = "r2"
    faults = _faults(frame)
    assert faults["row"].tolist() == [2, 5]
    assert set(faults["code"]) == {"repeated run_id"}


def test_all_faults_at_once_in_a_file(frame, tmp_path):
    table = frame.drop(columns=["group", "flops", "context_length"]).astype(object)
    table.loc[3, "loss"] = "abc"
    table.loc[5, "params"] = -1
    table.loc[6, "tokens"] = 0
    path = tmp_path / "runs.csv"
    table.to_csv(path, index=False)
    with pytest.raises(InvalidRunsError) as caught:
        load_runs(path)
    text = str(caught.value)
    for part in (
        str(path),
        "4 faults",
        "row 3 (line 5) 'abc'",
        "row 5 (line 7)",
        "row 6 (line 8)",
        "context_length",
    ):
        assert part in text
    assert text.count("Remedy:") == 4
    assert caught.value.faults["line"].dropna().tolist() == [7, 8, 5]


def test_the_list_shown_is_capped_and_the_table_is_whole(frame):
    frame = pd.concat([frame.drop(columns="run_id")] * 100, ignore_index=True)
    frame["loss"] = np.nan
    with pytest.raises(InvalidRunsError, match=r"row 4 nan, and 795 more \(800 in all\)") as caught:
        load_runs(frame)
    assert len(caught.value.faults) == 800
    assert len(str(caught.value)) < 500


def test_long_values_are_cut(frame):
    frame["loss"] = ["x" * 10_000, *["3.0"] * 7]
    assert _faults(frame)["value"].str.len().max() <= 40


@pytest.mark.parametrize(("table", "code"), [(pd.DataFrame(), "empty table"), (None, "header only")])
def test_empty_tables(frame, table, code):
    faults = _faults(frame.iloc[:0] if table is None else table)
    assert code in faults["code"].tolist()


def test_six_nd_beyond_floats(frame):
    frame = frame.drop(columns="flops")
    frame["params"] = 1e200
    frame["tokens"] = 1e200
    faults = _faults(frame)
    assert set(faults["code"]) == {"flops"}
    assert len(faults) == 8


def test_the_error_travels_to_other_processes(frame):
    frame.loc[0, "loss"] = -1
    with pytest.raises(InvalidRunsError) as caught:
        load_runs(frame)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value)
    pd.testing.assert_frame_equal(copy.faults, caught.value.faults)


def test_require_fittable(frame):
    require_fittable(load_runs(frame))
    with pytest.warns(RunsWarning, match="one run"):
        one = load_runs(frame.iloc[:1])
    with pytest.raises(RunsError, match="1 run cannot be fitted"):
        require_fittable(one)
    with pytest.raises(RunsError, match="no column 'loss'"):
        require_fittable(load_runs(frame.drop(columns="loss"), need_loss=False))
