"""A reader of results never changes the file; only a sweep that holds the lock mends it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.calibration.record import KIND, VERSION, _digest
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RecordError, RunsWarning, SweepError
from bayes_scaling.sweep.planning import planned_runs
from bayes_scaling.sweep.results import HEADER, append_row, finished_runs, read_results, resume_results
from bayes_scaling.sweep.verdict import RECORD, judge_sweep
from tests.helpers.command_line import assert_refused, run
from tests.sweep.test_planning import made_up

FOREIGN = {
    "table": b"a,b\n1,2\n3,4",
    "line": b"no end",
    "binary": bytes(range(256)) * 40,
    "wide cell": b"a," + b"x" * 131_073 + b"\n1,2\n3,4",
}


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def torn(tmp_path):
    path = tmp_path / "runs.csv"
    for spec in planned_runs()[:2]:
        append_row(path, made_up(spec))
    path.write_bytes(path.read_bytes()[:-30])
    return path


@pytest.mark.parametrize("kind", FOREIGN)
def test_no_reader_changes_a_file_of_another_kind(tmp_path, kind):
    path = tmp_path / "fit.nc"
    path.write_bytes(FOREIGN[kind])
    for call in (finished_runs, read_results, resume_results):
        with pytest.raises(SweepError, match=r"fit\.nc: "):
            call(path)
        assert path.read_bytes() == FOREIGN[kind]


def test_judging_leaves_every_file_as_it_was(tmp_path):
    path = tmp_path / "fit.nc"
    path.write_bytes(FOREIGN["table"])
    before = sha(RECORD)
    assert_refused(run("sweep", "judge", RECORD, path), "not a file of this sweep")
    assert path.read_bytes() == FOREIGN["table"] and sha(RECORD) == before
    assert [p.name for p in tmp_path.iterdir()] == ["fit.nc"]


def test_a_torn_line_is_left_in_the_file_and_said(torn):
    before = torn.read_bytes()
    with pytest.warns(RunsWarning, match="its last line has no end and is not read"):
        assert len(read_results(torn)) == 1
    assert len(finished_runs(torn)) == 1 and torn.read_bytes() == before
    assert len(resume_results(torn)) == 1  # the negative control: a sweep does mend it
    assert torn.read_bytes() == before[: before.rfind(b"\n") + 1]


def test_a_torn_header_is_begun_anew(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(HEADER[:40])
    assert resume_results(path) == set() and path.read_bytes() == b""
    append_row(path, made_up(planned_runs()[0]))
    assert len(read_results(path)) == 1


def test_rows_of_another_length_are_named(tmp_path):
    path = tmp_path / "runs.csv"
    append_row(path, made_up(planned_runs()[0]))
    path.write_bytes(path.read_bytes()[:-1] + b",more\n")
    with pytest.raises(SweepError, match=r"runs\.csv: row 2 has \d+ cells"):
        read_results(path)


@pytest.fixture(scope="module")
def measured() -> pd.DataFrame:
    return load_runs("measured").frame


def with_cell(frame: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    """One predicted run changed."""
    names = {row["run_id"] for row in json.loads(RECORD.read_text())["predictions"]}
    changed = frame.astype({column: object})
    changed.loc[changed.index[changed["run_id"].isin(names)][3], column] = value
    return changed


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1.0, 0.0, 1e300, "text", None])
@pytest.mark.parametrize("column", ["loss", "training_s", "budget"])
def test_results_that_no_run_can_have_are_not_judged(measured, column, value):
    with pytest.raises(SweepError, match=f"its {column} is .*, not between 0 and"):
        judge_sweep(RECORD, with_cell(measured, column, value))


def test_the_same_results_unchanged_are_judged(measured):
    """The negative control."""
    assert len(judge_sweep(RECORD, with_cell(measured, "loss", 2.5)).runs) == len(
        judge_sweep(RECORD, measured).runs
    )


@pytest.mark.parametrize("value", ["yesterday", 17, None])
def test_a_time_that_is_none_is_named(measured, value):
    with pytest.raises(SweepError, match="is not a time"):
        judge_sweep(RECORD, with_cell(measured, "finished", value))


def test_results_without_a_column_or_with_a_run_twice_are_refused(measured):
    with pytest.raises(SweepError, match="no column 'loss'"):
        judge_sweep(RECORD, measured.drop(columns="loss"))
    with pytest.raises(SweepError, match="is there twice"):
        judge_sweep(RECORD, pd.concat([measured, measured]))


def redigested(tmp_path: Path, change) -> Path:
    """The record that ships, changed, with a digest that fits."""
    content = json.loads(RECORD.read_text())
    content.pop("sha256")
    change(content)
    path = tmp_path / "record.json"
    path.write_text(json.dumps({**content, "sha256": _digest(content)}))
    return path


BROKEN = {
    "no created": lambda c: c.pop("created"),
    "created no time": lambda c: c.update(created="soon"),
    "created no zone": lambda c: c.update(created="2026-01-01T00:00:00"),
    "no predictions": lambda c: c.pop("predictions"),
    "predictions a number": lambda c: c.update(predictions=3),
    "predictions empty": lambda c: c.update(predictions=[]),
    "a median of text": lambda c: c["predictions"][0].update(median="2"),
    "a median of nan": lambda c: c["predictions"][0].update(median=float("nan")),
    "a median of infinity": lambda c: c["predictions"][0].update(median=float("inf")),
    "no optima": lambda c: c.pop("optima"),
    "an optimum of null": lambda c: c["optima"].__setitem__(0, None),
    "decisions of lists": lambda c: c.update(decisions=[[1]]),
    "a decision without a run": lambda c: c["decisions"][0].pop("run_id"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_record_that_lacks_a_part_is_refused(tmp_path, measured, kind):
    with pytest.raises(RecordError, match=r"record\.json: "):
        judge_sweep(redigested(tmp_path, BROKEN[kind]), measured)


def test_a_record_that_was_only_written_anew_is_judged(tmp_path, measured):
    """The negative control."""
    assert len(judge_sweep(redigested(tmp_path, lambda content: None), measured).runs)


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "9" * 5000, "\xff", ""])
def test_a_record_no_parser_likes_is_refused(tmp_path, text):
    path = tmp_path / "record.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RecordError, match=r"record\.json: "):
        judge_sweep(path, pd.DataFrame())
    assert (KIND, VERSION) == ("bayes_scaling preregistration", 2)
