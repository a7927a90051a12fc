"""Findings: each is made by what it is about, and by nothing else."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsWarning
from bayes_scaling.runs.table import Runs


@pytest.fixture
def frame() -> pd.DataFrame:
    params, tokens = np.geomspace(1e8, 1e9, 8), np.geomspace(2e10, 2e9, 8)
    flops = 6 * params * tokens
    columns = {"params": params, "tokens": tokens, "flops": flops, "loss": np.linspace(2.5, 3, 8)}
    return pd.DataFrame({"architecture": "xlstm", "context_length": 8192, **columns})


def _quiet(frame: pd.DataFrame, **keywords) -> Runs:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        return load_runs(frame, **keywords)


def _codes(frame: pd.DataFrame, **keywords) -> list[str]:
    return [note.code for note in _quiet(frame, **keywords).notes]


def _with_row(frame: pd.DataFrame, row: int, loss: float) -> pd.DataFrame:
    return pd.concat([frame, frame.iloc[[row]].assign(loss=loss)], ignore_index=True)


def test_nothing_odd(frame):
    assert _codes(frame) == []


@pytest.mark.parametrize(
    ("factor", "code", "severity"),
    [
        (1.0, "duplicates", "warning"),
        (1 + 5e-5, "duplicates", "warning"),
        (1.002, "replicates", "note"),
        (1.1, "conflicting runs", "warning"),
    ],
)
def test_repeated_designs(frame, factor, code, severity):
    runs = _quiet(_with_row(frame, 2, frame["loss"][2] * factor))
    assert [(note.code, note.severity, note.rows) for note in runs.notes] == [(code, severity, (2, 8))]


def test_exact_duplicates_are_counted(frame):
    assert "(2 exactly)" in _quiet(_with_row(frame, 2, frame["loss"][2])).notes[0].message


def test_a_group_tells_repeated_designs_apart(frame):
    again = _with_row(frame, 2, 3.5).assign(group=["a"] * 8 + ["b"])
    assert _codes(again) == []


def test_seeds_of_their_own_make_repeats_plain_replicates(frame):
    again = _with_row(frame, 2, frame["loss"][2] * 1.1)
    (finding,) = _quiet(again.assign(seed=[0] * 8 + [1])).notes
    assert (finding.code, finding.severity) == ("replicates", "note")
    assert "losses within 10%" in finding.message
    assert _codes(again.assign(seed=0)) == ["conflicting runs"]


def test_few_runs(frame):
    extra = frame.iloc[[0, 7]].assign(architecture="llama")
    runs = _quiet(pd.concat([frame, extra]))
    assert [note.code for note in runs.notes] == ["few runs"]
    assert "llama at 8192 (2)" in runs.notes[0].message
    assert "xlstm" not in runs.notes[0].message


def test_one_run(frame):
    assert _codes(frame.iloc[:1]) == ["one run"]


def test_one_ratio(frame):
    frame["tokens"] = 20 * frame["params"]
    frame["flops"] = 6 * frame["params"] * frame["tokens"]
    assert _codes(frame) == ["one ratio"]


@pytest.mark.parametrize("name", ["params", "tokens"])
def test_narrow_range(frame, name):
    frame[name] = np.geomspace(1e9, 3e9, 8)
    runs = _quiet(frame.drop(columns="flops"))
    found = [note for note in runs.notes if note.code == "narrow range"]
    assert len(found) == 1
    assert found[0].message.startswith(name)


def test_many_groups_are_cut_short(frame):
    parts = [frame.iloc[[0, 7]].assign(architecture=f"arch{i}") for i in range(9)]
    assert "and 4 more" in _quiet(pd.concat(parts)).notes[0].message


@pytest.mark.parametrize("factor", [0.2, 4.0])
def test_flops_far_from_six_nd(frame, factor):
    frame.loc[4, "flops"] *= factor
    runs = _quiet(frame)
    assert [(note.code, note.rows) for note in runs.notes] == [("flops far from 6ND", (4,))]


def test_flops_with_attention_are_fine(frame):
    frame["flops"] *= 2
    assert _codes(frame) == []


@pytest.mark.parametrize(("name", "factor"), [("params", 1e-9), ("tokens", 1e-9), ("context_length", 2**-10)])
def test_units(frame, name, factor):
    frame[name] = frame[name] * factor
    runs = _quiet(frame.drop(columns="flops"))
    assert [note.code for note in runs.notes if note.code == "units"] == ["units"]
    assert name in next(note.message for note in runs.notes if note.code == "units")


def test_perplexity(frame):
    frame["loss"] = np.exp(frame["loss"])
    assert "loss scale" in _codes(frame)


@pytest.mark.parametrize(("step", "sd"), [(0.1, "0.029"), (0.01, "0.0029")])
def test_rounded_losses(frame, step, sd):
    many = pd.concat(
        [frame.assign(params=frame["params"] * k, flops=frame["flops"] * k) for k in (1, 1.1, 1.2)]
    )
    assert "rounded" not in _codes(many)
    rounded = many.assign(loss=step * np.round((many["loss"] + 0.01 * np.arange(24)) / step))
    (found,) = [note for note in _quiet(rounded).notes if note.code == "rounded"]
    assert f"{step:g}" in found.message and sd in found.advice
    assert "rounded" not in _codes(rounded.assign(loss_sd=0.003))
    assert "rounded" not in _codes(rounded.head(10))


def test_names_alike(frame):
    frame["architecture"] = "xLSTM"
    both = pd.concat([frame, frame.assign(architecture="x-lstm", loss=frame["loss"] * 0.99)])
    assert _codes(both) == ["similar names"]


def test_planned_runs_are_not_asked_to_identify_a_law(frame):
    assert _codes(frame.iloc[:1].drop(columns="loss"), need_loss=False) == []


def test_one_warning_a_load(frame):
    frame["loss"] = np.exp(frame["loss"])
    frame.loc[4, "flops"] *= 9
    with pytest.warns(RunsWarning) as caught:
        load_runs(frame)
    assert len(caught) == 1
    assert "6 * params" in str(caught[0].message)
    assert "perplexity" in str(caught[0].message)
    assert caught[0].filename == __file__


def test_notes_do_not_warn(frame):
    runs = load_runs(_with_row(frame, 2, frame["loss"][2] * 1.002).drop(columns="flops"))
    assert {note.severity for note in runs.notes} == {"note"}


def test_a_subset_has_its_own_findings(frame):
    runs = load_runs(frame)
    chosen = runs.subset(np.arange(8) < 2)
    assert "few runs" in [note.code for note in chosen.notes]
