"""What a user says of a table: one value for all rows, which rows, one row of several, and what follows."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest

from bayes_scaling.data.row_filter import rows_where
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsError, RunsWarning
from tests.helpers.ladders import isoflop_frame


def _quiet(source, **keywords):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        return load_runs(source, **keywords)


def _told(runs, code: str) -> list[str]:
    return [note.message for note in runs.notes if note.code == code]


BARE = isoflop_frame().drop(columns=["architecture", "context_length"])


def test_one_value_for_all_runs() -> None:
    with pytest.raises(RunsError, match="constants="):
        _quiet(BARE)
    runs = _quiet(BARE, constants={"architecture": "gpt", "context_length": 4096})
    assert runs.architectures == ("gpt",) and runs.context_lengths == (4096,)
    with pytest.raises(RunsError, match="'params', which the table has"):
        _quiet(BARE, constants={"params": 1e8})
    with pytest.raises(RunsError, match="is a list"):
        _quiet(BARE, constants={"architecture": ["gpt"]})


def test_a_constant_stands_for_a_column_of_a_like_name() -> None:
    runs = _quiet(isoflop_frame().rename(columns={"architecture": "arch"}), constants={"architecture": "gpt"})
    assert runs.architectures == ("gpt",) and "arch" in runs.frame


TABLE = pd.DataFrame(
    {"N": [1e7, 1e9, 1e8], "outlier": [False, True, False], "a b": ["x", "y", "z"], "t": ["p", "q", "r"]}
)


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("N > 1e8", [1]),
        ("params >= 1e8", [1, 2]),
        ("outlier == False", [0, 2]),
        ("~outlier", [0, 2]),
        ("not outlier or t == 'q'", [0, 1, 2]),
        ("`a b` == 'y'", [1]),
        ("`a b` in ['y', 'z'] & N < 1e9", [2]),
        ("t not in ('p',)", [1, 2]),
        ("1e7 < N < 1e9", [2]),
        ("-N / 1e6 < -50", [1, 2]),
    ],
)
def test_a_condition_keeps_rows(condition, kept) -> None:
    assert rows_where(TABLE, condition, {"params": "N"}).nonzero()[0].tolist() == kept


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("outlier == 'False'", "true or false"),  # never equal: all rows would be left
        ("t != 3", "compared with"),
        ("N == 'big'", "compared with"),
        ("t + 1 > 2", "arithmetic"),
        ("n > 1e8", "no column 'n'; did you mean 'N'"),
        ("N", "true or false of no row"),
        ("N and outlier", "neither true nor false"),
        ("a b", "no condition"),
        ("", "no condition"),
        ("(" * 400, "no condition"),
        ("__import__('os').getcwd()", "not understood"),
        ("N.mean() > 1", "not understood"),
        ("@N > 1", "no condition"),
        ("N in 3", "list behind"),
    ],
)
def test_what_is_no_condition_is_refused(condition, reason) -> None:
    with pytest.raises(RunsError, match=reason):
        rows_where(TABLE, condition)


def test_rows_left_out_are_counted_and_named(tmp_path) -> None:
    path = tmp_path / "runs.csv"
    isoflop_frame().assign(odd=[True, *[False] * 13, True]).to_csv(path, index=False)
    assert _told(_quiet(path), "left out") == []
    runs = _quiet(path, where="odd == False")
    assert len(runs) == 13
    assert _told(runs, "left out") == [
        "where 'odd == False' keeps 13: left out are 2 of 15 runs (line 2, 16)"
    ]
    with pytest.raises(RunsError, match="true of none of 15 rows"):
        _quiet(path, where="params < 1")


def test_faults_behind_a_condition_keep_their_lines(tmp_path) -> None:
    path = tmp_path / "runs.csv"
    frame = isoflop_frame().assign(odd=False)
    frame.loc[2, "odd"] = True
    frame.loc[9, "loss"] = -1.0
    frame.to_csv(path, index=False)
    with pytest.raises(RunsError, match=r"row 8 \(line 11\)"):
        _quiet(path, where="not odd")


SWEEP = pd.concat(
    [isoflop_frame().assign(lr=lr, loss=lambda f, x=lr: f["loss"] * (1 + x)) for lr in (0.2, 0, 0.1)]
)


def test_the_best_of_a_sweep_is_taken() -> None:
    runs = _quiet(SWEEP, take="best", within=["params", "tokens"])
    assert len(runs) == 15 and set(runs.frame["lr"]) == {0.0}
    (told,) = _told(runs, "left out")
    assert "take best within params, tokens keeps 15" in told and "30 of 45" in told
    assert len(_quiet(SWEEP, take="best")) == 15


def test_architectures_never_compete() -> None:
    both = pd.concat([isoflop_frame(), isoflop_frame().assign(architecture="other")])
    assert len(_quiet(both, take="best", within=["params", "tokens"])) == 30


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"take": "first"}, "last, best"),
        ({"within": ["params"]}, "give take="),
        ({"take": "best", "within": ["lr"]}, "no column 'lr'"),
    ],
)
def test_what_cannot_be_taken_is_refused(options, reason) -> None:
    with pytest.raises(RunsError, match=reason):
        _quiet(isoflop_frame(), **options)


def test_tokens_follow_from_flops_and_params() -> None:
    frame = isoflop_frame()
    flops = 6 * frame["params"] * frame["tokens"]
    runs = _quiet(frame.drop(columns="tokens").assign(flops=flops))
    assert runs.frame["tokens"].to_numpy() == pytest.approx(frame["tokens"].to_numpy())
    assert len(_told(runs, "tokens assumed")) == 1
    with pytest.raises(RunsError, match="'tokens' is missing"):
        _quiet(frame.drop(columns="tokens"))


@pytest.mark.parametrize("column", ["loss", "loss_sd", "weight", "flops"])
def test_planned_runs_need_no_more_than_their_design(column) -> None:
    frame = isoflop_frame().assign(loss_sd=0.01, weight=1.0, flops=1e19)
    frame.loc[3, column] = float("nan")
    with pytest.raises(RunsError, match="empty or NaN"):
        _quiet(frame)
    runs = _quiet(frame, need_loss=False)
    assert len(runs) == 15
    assert [m for m in _told(runs, "not read") if f"'{column}'" in m and "1 of its cells" in m]


def test_a_fault_in_the_design_of_planned_runs_is_refused() -> None:
    frame = isoflop_frame()
    frame.loc[3, "tokens"] = float("nan")
    with pytest.raises(RunsError, match="'tokens' has empty"):
        _quiet(frame, need_loss=False)


def test_planned_runs_may_have_two_losses() -> None:
    frame = isoflop_frame().assign(val_loss=3.0)
    with pytest.raises(RunsError, match="may each be 'loss'"):
        _quiet(frame)
    assert "loss" not in _quiet(frame, need_loss=False).mapping
