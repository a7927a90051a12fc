"""Tables that are no file: columns by name, Arrow's interface; and a home folder written as ~."""

from __future__ import annotations

import warnings

import pyarrow as pa
import pytest

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsError, RunsWarning
from tests.helpers.ladders import isoflop_frame


class Stream:
    """A table of another library, known by Arrow's interface alone."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


class Broken:
    """It says that it hands Arrow columns on, and does not."""

    def __arrow_c_stream__(self, requested_schema=None):
        raise ValueError("closed")


ARROW = pa.Table.from_pandas(isoflop_frame())


@pytest.mark.parametrize(
    "source",
    [ARROW, Stream(ARROW), ARROW.to_reader(), isoflop_frame().to_dict("list"), dict(isoflop_frame().items())],
    ids=["arrow", "stream", "reader", "lists", "series"],
)
def test_any_table_gives_the_same_runs(source) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        assert load_runs(source).data_hash == load_runs(isoflop_frame()).data_hash


def test_a_single_value_stands_in_every_row() -> None:
    columns = isoflop_frame().to_dict("list") | {"architecture": "gpt"}
    assert load_runs(columns).architectures == ("gpt",)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"params": [1.0, 2.0], "loss": [3.0]}, "unequal lengths: 'params' has 2, 'loss' has 1"),
        (Broken(), "Arrow cannot read it"),
        ({}, "empty"),
        (3.0, "cannot read runs from a float"),
    ],
)
def test_what_is_no_table_is_refused(source, message) -> None:
    with pytest.raises(RunsError, match=message):
        load_runs(source)


def test_the_home_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    isoflop_frame().to_csv(tmp_path / "runs.csv", index=False)
    assert len(load_runs("~/runs.csv")) == 15
    with pytest.raises(RunsError, match="no such file"):
        load_runs("~/other.csv")
