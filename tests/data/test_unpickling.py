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
        pd.Series(["a", None], name="text", dtype="str"),
        pd.Series(["a", 1.5, None], dtype=object),
        pd.Series(pd.to_datetime(["2025-01-01", None])),
        pd.Series(["x", "y", "x"], dtype="category"),
        np.array(["2025-01-01"], dtype="M8[ns]"),
        np.array(["a", "bc"]),
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


STATES = {
    "class": b"cpandas.core.indexes.base\nIndex\n(N}\x8c\x05poked\x8c\x03yesstb.",
    "function": b"cpandas.core.indexes.base\n_new_Index\n}\x8c\x05poked\x8c\x03yessb.",
    "record": b"cstudy\nRecord\n(N}\x8c\x05poked\x8c\x03yesstb.",
}


@pytest.mark.parametrize("kind", STATES)
def test_a_state_is_for_values_only(tmp_path, kind: str) -> None:
    """Else a pickle could change pandas itself for the rest of the process."""
    path = tmp_path / "file.pkl"
    path.write_bytes(b"\x80\x04" + STATES[kind])
    with pytest.raises(RunsError, match="refused, the pickle sets attributes of"):
        load_pickle(path, {"Record": Record})
    assert not hasattr(pd.Index, "poked") and not hasattr(Record, "poked")
    assert not hasattr(pd.core.indexes.base._new_Index, "poked")


def test_structured_dtypes_are_refused(tmp_path) -> None:
    with pytest.raises(RunsError, match="structured dtype"):
        load_pickle(saved(tmp_path, np.zeros(2, dtype=[("a", "i4"), ("b", "O")])))


def test_a_shared_dtype_keeps_its_order(tmp_path) -> None:
    """A state given to the one float64 of NumPy would turn every array of it."""
    path = tmp_path / "file.pkl"
    order = b"(K\x03\x8c\x01>NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb."
    path.write_bytes(b"\x80\x04cnumpy\ndtype\n\x8c\x02f8\x89\x89\x87R" + order)
    found = load_pickle(path)
    assert found.byteorder == ">" and np.dtype("f8").byteorder == "="


def test_arrow_offsets_outside_the_buffer_are_refused(tmp_path) -> None:
    content = pickle.dumps(pd.Series(["abcd", "efgh"], dtype="str"))
    offsets = np.array([0, 4, 8], dtype="i8").tobytes()
    assert content.count(offsets) == 1
    path = tmp_path / "file.pkl"
    path.write_bytes(content.replace(offsets, np.array([0, 4, 1 << 40], dtype="i8").tobytes()))
    with pytest.raises(RunsError, match="cannot be read"):
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
