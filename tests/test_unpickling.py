"""Pickles: tables come through, anything that runs code does not."""

from __future__ import annotations

import os
import pickle
import subprocess

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.data.unpickling import load_pickle
from bayes_scaling.errors import RunsError


class Record:
    """Stand-in."""


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments) -> None:
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def saved(tmp_path, value):
    path = tmp_path / "file.pkl"
    path.write_bytes(pickle.dumps(value))
    return path


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2.5, None, "text"], "b": {"c": (1, 2)}},
        np.arange(6.0).reshape(2, 3),
        np.float64(2.5),
        pd.DataFrame({"x": [1, 2], "y": [0.5, np.nan]}),
        pd.DataFrame({"name": ["a", "b"], "value": [1.0, 2.0]}, index=[3, 4]),
        pd.Series([1.0, 2.0], name="loss"),
    ],
    ids=lambda v: type(v).__name__,
)
def test_tables_come_through(tmp_path, value) -> None:
    found = load_pickle(saved(tmp_path, value))
    if hasattr(value, "equals"):
        assert found.equals(value)
    else:
        assert np.all(found == value) if isinstance(value, np.ndarray) else found == value


def test_records_get_their_stand_in(tmp_path) -> None:
    record = Record()
    record.__dict__.update(name="run", loss=2.5)
    found = load_pickle(saved(tmp_path, [record]), {"Record": Record})[0]
    assert (found.name, found.loss) == ("run", 2.5)
    with pytest.raises(RunsError, match="Record"):
        load_pickle(saved(tmp_path, [record]))


@pytest.mark.parametrize(
    "attack",
    [
        lambda: Calls(os.system, "true"),
        lambda: Calls(eval, "1 + 1"),
        lambda: Calls(exec, "x = 1"),
        lambda: Calls(getattr, "text", "join"),
        lambda: Calls(subprocess.check_output, ["true"]),
        lambda: Calls(np.load, "file.npy"),
        lambda: Calls(pd.read_csv, "file.csv"),
        lambda: Calls(pd.eval, "1 + 1"),
        lambda: Calls(pickle.loads, b"\x80\x04N."),
        lambda: Calls(open, "file", "w"),
    ],
)
def test_calls_are_refused_before_they_run(tmp_path, monkeypatch, attack) -> None:
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path, {"runs": attack()})
    with pytest.raises(RunsError, match="refused"):
        load_pickle(path)
    assert [p.name for p in tmp_path.iterdir()] == ["file.pkl"]


def test_dotted_names_are_no_way_round(tmp_path) -> None:
    """Protocol 4 may name ``DataFrame.__init__.__globals__``-like paths."""
    path = tmp_path / "file.pkl"
    path.write_bytes(b"\x80\x04\x8c\x11pandas.core.frame\x8c\x10DataFrame.to_csv\x93.")
    with pytest.raises(RunsError, match=r"DataFrame\.to_csv"):
        load_pickle(path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04", b"not a pickle", bytes(range(64))])
def test_damaged_files(tmp_path, content: bytes) -> None:
    path = tmp_path / "file.pkl"
    path.write_bytes(content)
    with pytest.raises(RunsError, match=r"file\.pkl"):
        load_pickle(path)


def test_a_missing_file(tmp_path) -> None:
    with pytest.raises(RunsError, match="cannot be read"):
        load_pickle(tmp_path / "none.pkl")
