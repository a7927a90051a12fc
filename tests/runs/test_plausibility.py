"""Plausibility: a wrong unit is told wherever it stands, and good tables are told nothing."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.data.catalog import datasets
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsWarning
from bayes_scaling.runs.expected_loss import expected_loss
from bayes_scaling.runs.table import Runs
from tests.helpers.ladders import isoflop_frame

ABOUT_UNITS = {
    "units",
    "units of rows",
    "tokens per param",
    "off budgets",
    "far from budget",
    "loss above guessing",
    "losses far above",
    "far from the others",
    "unit in the name",
    "loss scale",
}


def _quiet(frame: pd.DataFrame, **keywords) -> Runs:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        return load_runs(frame, **keywords)


def _codes(frame: pd.DataFrame, **keywords) -> set[str]:
    return {note.code for note in _quiet(frame, **keywords).notes} & ABOUT_UNITS


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_good_ladder_is_told_nothing(noise) -> None:
    assert _codes(isoflop_frame(noise=noise)) == set()


@pytest.mark.parametrize("name", datasets().query("kind == 'shipped'")["name"].tolist())
def test_shipped_tables_are_told_nothing_about_units(name) -> None:
    assert _codes(load_runs(name).frame) == set()


@pytest.mark.parametrize("name", ["params", "tokens"])
@pytest.mark.parametrize("factor", [1e-9, 1e-6, 1e-3, 1e3])
def test_a_column_in_another_unit(name, factor) -> None:
    frame = isoflop_frame()
    assert _codes(frame.assign(**{name: frame[name] * factor}))


@pytest.mark.parametrize("name", ["params", "tokens"])
@pytest.mark.parametrize("factor", [1e-9, 1e-6, 1e-3, 0.1, 1e3])
@pytest.mark.parametrize("row", [0, 4, 7, 12])
def test_a_row_in_another_unit_is_named(name, factor, row) -> None:
    frame = isoflop_frame(noise=0.005)
    frame.loc[row, name] *= factor
    named = {row for note in _quiet(frame).notes if note.code in ABOUT_UNITS for row in note.rows}
    assert named == {row}


def test_lines_are_named_where_the_source_is_a_file(tmp_path) -> None:
    frame = isoflop_frame()
    frame.loc[7, "params"] /= 1e6
    path = tmp_path / "runs.csv"
    frame.to_csv(path, index=False)
    with pytest.warns(RunsWarning, match=r"params is .* in 1 of 15 runs \(line 9\)"):
        load_runs(path)


@pytest.mark.parametrize(
    ("change", "code", "advice"),
    [
        (np.exp, "loss above guessing", "perplexity"),
        (lambda loss: loss / np.log(2), "far from the others", "bits"),
    ],
)
def test_a_row_whose_loss_is_no_loss_in_nats(change, code, advice) -> None:
    frame = isoflop_frame()
    frame.loc[4, "loss"] = change(frame.loc[4, "loss"])
    notes = [note for note in _quiet(frame).notes if note.code == code]
    assert [note.rows for note in notes] == [(4,)]
    assert advice in notes[0].advice


def test_losses_that_are_all_perplexities_of_good_models() -> None:
    frame = isoflop_frame()
    frame["loss"] = np.exp(frame["loss"] - 1.4)  # 5 to 24: some below any fixed limit
    assert _codes(frame) & {"losses far above", "loss scale"}


@pytest.mark.parametrize(
    ("name", "column", "factor"),
    [
        ("params", "params_m", 1e-6),
        ("params", "Params (B)", 1e-9),
        ("tokens", "tokens (B)", 1e-9),
        ("flops", "total_gflops", 1e-9),
        ("flops", "PF-days", 1 / 8.64e19),
        ("loss", "eval/c4_en/bpb", 1.0),
        ("loss", "val_ppl", 1.0),
    ],
)
def test_a_name_that_tells_a_unit(name, column, factor) -> None:
    frame = isoflop_frame().assign(flops=lambda f: 6 * f["params"] * f["tokens"])
    frame[name] *= factor
    frame = frame.rename(columns={name: column})
    notes = [n for n in _quiet(frame, columns={name: column}).notes if n.code == "unit in the name"]
    assert [repr(column) in note.message for note in notes] == [True]


@pytest.mark.parametrize(
    ("name", "column"), [("params", "N"), ("tokens", "D"), ("flops", "C"), ("params", "params_m")]
)
def test_a_name_that_tells_no_unit_of_these_numbers(name, column) -> None:
    frame = isoflop_frame().assign(flops=lambda f: 6 * f["params"] * f["tokens"])
    frame["params"] *= 100  # too large for millions
    frame["tokens"] *= 100
    frame["flops"] *= 1e4
    frame = frame.rename(columns={name: column})
    assert "unit in the name" not in _codes(frame, columns={name: column})


def test_budgets_that_are_no_numbers_or_not_kept() -> None:
    frame = isoflop_frame().assign(budget=lambda f: 6 * f["params"] * f["tokens"])
    assert _codes(frame) == set()
    off = frame.copy()
    off.loc[3, "budget"] *= 1e3
    assert [n.rows for n in _quiet(off).notes if n.code == "far from budget"] == [(3,)]
    text = frame.astype({"budget": object})
    text.loc[3, "budget"] = "1e19 FLOPs"
    assert [n.rows for n in _quiet(text).notes if n.code == "budget"] == [(3,)]


def test_a_diverged_run_is_named() -> None:
    frame = isoflop_frame(noise=0.01)
    frame.loc[6, "loss"] *= 1.5
    notes = [note for note in _quiet(frame).notes if note.code == "far from the others"]
    assert [note.rows for note in notes] == [(6,)]
    assert "diverged" in notes[0].advice


def test_the_expected_loss_ignores_a_run_in_another_unit() -> None:
    frame = isoflop_frame()
    good = expected_loss(frame)
    np.testing.assert_allclose(good, frame["loss"], rtol=0.02)
    frame.loc[7, "params"] /= 1e6
    others = np.arange(len(frame)) != 7
    np.testing.assert_allclose(expected_loss(frame)[others], frame["loss"][others], rtol=0.03)
