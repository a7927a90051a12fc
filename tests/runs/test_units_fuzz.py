"""Tables written in every way people write them: no number is ten times wrong without a finding."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsError, RunsWarning
from bayes_scaling.runs.mixed_units import mixed_units
from tests.helpers.ladders import isoflop_frame
from tests.helpers.table_mutations import NUMBERS, Written, ladder, written
from tests.runs.test_plausibility import ABOUT_UNITS


def _outcome(table: Written, path) -> str:
    """What becomes of a table: refused, right, told, alarm (told though right), or silent."""
    path.write_bytes(table.data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        try:
            runs = load_runs(path, columns=table.columns or None)
        except RunsError:
            return "refused"
    assert len(runs) == len(table.truth)
    pairs = [(runs.frame[name].to_numpy(float), table.truth[name].to_numpy(float)) for name in NUMBERS]
    wrong = max(float(np.abs(np.log10(read / true)).max()) for read, true in pairs) > 0.999
    told = any(note.code in ABOUT_UNITS for note in runs.notes if note.severity == "warning")
    return {(True, True): "told", (True, False): "silent", (False, True): "alarm", (False, False): "right"}[
        wrong, told
    ]


def _outcomes(seeds, tmp_path) -> Counter[str]:
    found: Counter[str] = Counter()
    for seed in seeds:
        table = written(seed)
        outcome = _outcome(table, tmp_path / "runs.csv")
        assert outcome != "silent", (seed, table.told)
        found[outcome] += 1
    return found


def test_no_number_is_wrong_in_silence(tmp_path) -> None:
    found = _outcomes(range(60), tmp_path)
    assert found["told"] > 30 and found["right"] > 5 and found["alarm"] <= 2


@pytest.mark.slow
def test_no_number_is_wrong_in_silence_in_five_hundred_tables(tmp_path) -> None:
    found = _outcomes(range(500), tmp_path)
    assert found["told"] > 300 and found["right"] > 60
    assert found["refused"] < 50 and found["alarm"] < 10


def test_the_fuzz_sees_what_is_silent(tmp_path) -> None:
    """The negative control: twenty times too many tokens in all rows is plausible."""
    truth = isoflop_frame()
    data = truth.assign(tokens=truth["tokens"] / 20).to_csv(index=False).encode()
    assert _outcome(Written(data, truth), tmp_path / "runs.csv") == "silent"


@pytest.mark.parametrize("column", ["params", "tokens"])
@pytest.mark.parametrize("base", ["budgets", "ratios"])
@pytest.mark.parametrize("factor", [1e3, 1e6, 1e9])
def test_rows_in_another_unit_are_named(column, base, factor) -> None:
    frame = isoflop_frame(0.005) if base == "budgets" else ladder(np.random.default_rng(1))
    assert list(mixed_units(frame)) == []
    rows = [2, 6, 7, 11]
    frame.loc[rows, column] = frame.loc[rows, column] / factor
    (note,) = mixed_units(frame)
    assert (
        note.rows == tuple(rows) and f"{column} look as if" in note.message and f"{factor:g}" in note.message
    )


def test_rows_that_lie_apart_and_fit_are_told_nothing() -> None:
    """Sizes far below the others, with the losses of such sizes."""
    frame = ladder(np.random.default_rng(2))
    small = frame.assign(params=frame["params"] / 1e2, tokens=frame["tokens"] / 1e2)
    small["loss"] = 1.75 + 420 * small["params"] ** -0.34 + 1400 * small["tokens"] ** -0.32
    assert list(mixed_units(pd.concat([frame, small.head(8)], ignore_index=True))) == []
