"""Rows that are not runs of their own, and columns that nothing reads."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.data.catalog import datasets
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsWarning
from tests.helpers.ladders import isoflop_frame


def _quiet(source, **keywords):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        return load_runs(source, **keywords)


def _notes(source, code: str):
    return [note for note in _quiet(source).notes if note.code == code]


def curves(points: int = 30, sizes: int = 4, geometric: bool = False) -> pd.DataFrame:
    """Points along trainings of several sizes."""
    parts = []
    for number, params in enumerate(np.geomspace(2e7, 1e9, sizes)):
        ends = np.geomspace(1, points, points) if geometric else np.arange(1, points + 1)
        tokens = 4e8 * ends
        loss = 1.75 + 420 * params**-0.34 + 1400 * tokens**-0.32
        parts.append(pd.DataFrame({"run": f"m{number}", "params": params, "tokens": tokens, "loss": loss}))
    return pd.concat(parts, ignore_index=True).assign(architecture="gpt", context_length=2048)


@pytest.mark.parametrize("name", ["run", "Run Name", "experiment"])
def test_points_of_named_trainings(name) -> None:
    (note,) = _notes(curves(7, geometric=True).rename(columns={"run": name}), "checkpoints")
    assert note.severity == "warning"
    assert f"28 rows are 4 trainings of 7 checkpoints (column '{name}')" in note.message
    assert 'take="last"' in note.advice and f'offsets=["{name}"]' in note.advice


@pytest.mark.parametrize("frame", [curves(10), curves(25, geometric=True)], ids=["even", "many"])
def test_points_of_trainings_without_names(frame) -> None:
    (note,) = _notes(frame.drop(columns="run"), "checkpoints")
    assert "4 trainings" in note.message and "offsets" not in note.advice


@pytest.mark.parametrize(
    "frame",
    [
        isoflop_frame(),
        isoflop_frame().assign(run=[f"r{i}" for i in range(15)]),
        curves(7, geometric=True).drop(columns="run"),  # runs at growing tokens per param
        curves(7, geometric=True).rename(columns={"run": "size"}),
        curves(10).assign(run=lambda f: f.index, loss=lambda f: f["loss"].to_numpy()[::-1]),
    ],
    ids=["grid", "named", "ratios", "sizes", "rising"],
)
def test_runs_of_their_own_are_told_nothing(frame) -> None:
    assert _notes(frame, "checkpoints") == []


@pytest.mark.parametrize("name", datasets().query("kind == 'shipped'")["name"].tolist())
def test_shipped_tables_hold_runs(name) -> None:
    assert [n.code for n in load_runs(name).notes if n.code in ("checkpoints", "marked rows")] == []


def test_the_last_point_of_each_training_is_taken() -> None:
    frame = curves().sample(frac=1.0, random_state=3)
    runs = _quiet(frame, take="last")
    assert runs.frame["run"].nunique() == len(runs) == 4
    assert set(runs.frame["tokens"]) == {1.2e10}
    assert len(_quiet(frame.drop(columns="run"), take="last")) == 4
    assert [note for note in runs.notes if note.code == "checkpoints"] == []


def _sweep(**columns) -> pd.DataFrame:
    """Three runs of each design, 10% apart."""
    parts = [isoflop_frame().assign(**{n: v[i] for n, v in columns.items()}) for i in range(3)]
    return pd.concat([part.assign(loss=part["loss"] * 1.1**i) for i, part in enumerate(parts)])


def test_settings_that_were_swept_are_named() -> None:
    (note,) = _notes(
        _sweep(lr=[1e-3, 2e-3, 4e-3], bs=[64, 128, 256], train_loss=[1, 2, 3]), "conflicting runs"
    )
    assert note.advice.startswith("lr, bs vary among them") and 'take="best"' in note.advice
    assert "architecture" not in note.advice and "train_loss" not in note.advice


def test_a_corpus_is_named() -> None:
    (note,) = _notes(_sweep(corpus=["a", "b", "c"], lr=[1e-3, 2e-3, 4e-3]), "conflicting runs")
    assert "missing from architecture: 'corpus'" in note.advice and "take" not in note.advice


def test_nothing_varies() -> None:
    (note,) = _notes(_sweep(), "conflicting runs")
    assert note.advice.endswith("may be missing from architecture")


def test_marked_and_unfinished_rows_are_named() -> None:
    frame = isoflop_frame()
    marked = [i in (2, 5) for i in range(15)]
    (note,) = _notes(frame.assign(is_outlier=marked), "marked rows")
    assert note.rows == (2, 5) and "is_outlier == False" in note.advice
    states = ["crashed" if m else "finished" for m in marked]
    (state,) = _notes(frame.assign(State=states), "unfinished runs")
    assert state.rows == (2, 5) and state.severity == "warning" and "State == 'finished'" in state.advice
    assert not _notes(frame.assign(is_outlier=False, State="finished"), "marked rows")
    assert not _notes(frame.assign(State="finished"), "unfinished runs")


def test_active_params_are_not_read_in_silence() -> None:
    frame = isoflop_frame()
    (note,) = _notes(frame.assign(active_params=frame["params"] / 4), "active params")
    assert note.severity == "warning" and len(note.rows) == 15
    assert _notes(frame.assign(active_params=frame["params"]), "active params") == []
