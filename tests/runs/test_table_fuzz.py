"""Whatever a file holds, only a RunsError or valid runs come out."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsError, RunsWarning
from bayes_scaling.runs.table import Runs

SETTINGS = settings(max_examples=60, deadline=None, derandomize=True, database=None)
HEADER = ("architecture", "context_length", "params", "tokens", "loss")
MAGIC = {".csv": b"", ".jsonl": b"{", ".parquet": b"PAR1", ".feather": b"ARROW1\0\0"}
CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["8192", "1e9", "1,000", "NaN", "inf", "-0", "1e999", "", "\ud800", "\0", '"', "0x10"]),
    st.lists(st.integers(), max_size=2),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def _frame(rows: int = 4) -> pd.DataFrame:
    params = np.geomspace(1e8, 1e9, rows)
    columns = {"params": params, "tokens": params[::-1] * 20, "loss": np.linspace(2.5, 3, rows)}
    return pd.DataFrame({"architecture": "xlstm", "context_length": 8192, **columns})


def _loads_or_refuses(source) -> bool:
    """Whether valid runs came out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        try:
            runs: Runs | RunsError = load_runs(source)
        except RunsError as error:
            runs = error
    if isinstance(runs, Runs):
        _assert_valid(runs)
    else:
        assert "Remedy" in str(runs)
    return isinstance(runs, Runs)


def _assert_valid(runs: Runs) -> None:
    frame = runs.frame
    assert len(frame) > 0
    numbers = frame[["context_length", "params", "tokens", "flops", "loss"]].to_numpy(dtype=float)
    assert (np.isfinite(numbers) & (numbers > 0)).all()
    assert frame["context_length"].dtype == "int64"
    assert (frame["architecture"].str.len() > 0).all()
    assert len(runs.data_hash) == 64
    assert runs.describe()["n"].sum() == len(runs)


def test_the_control_is_valid(folder):
    assert _loads_or_refuses(_frame())


@pytest.mark.parametrize("suffix", MAGIC)
@SETTINGS
@given(content=st.binary(max_size=200), lead=st.booleans())
def test_random_bytes(folder, suffix, content, lead):
    path = folder / f"bytes{suffix}"
    path.write_bytes((MAGIC[suffix] if lead else b"") + content)
    _loads_or_refuses(path)


@SETTINGS
@given(text=st.text(alphabet="abN,;\t\n\r\"'1.5e-|\ufeff ", max_size=80))
def test_random_text_under_a_good_header(folder, text):
    path = folder / "text.csv"
    path.write_text(",".join(HEADER) + "\n" + text, encoding="utf-8", newline="")
    _loads_or_refuses(path)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".feather"])
@SETTINGS
@given(data=st.data())
def test_damaged_files(folder, suffix, data):
    """A byte changed, or the end cut off."""
    path = folder / f"damaged{suffix}"
    content = bytearray(_written(suffix))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    path.write_bytes(bytes(content[:cut]))
    _loads_or_refuses(path)


@SETTINGS
@given(data=st.data())
def test_corrupted_cells_of_a_frame(data):
    frame = _frame().astype(object)
    for _ in range(data.draw(st.integers(0, 3))):
        row, name = data.draw(st.integers(0, 3)), data.draw(st.sampled_from(HEADER))
        frame[name] = pd.Series([*frame[name][:row], data.draw(CELLS), *frame[name][row + 1 :]], dtype=object)
    _loads_or_refuses(frame)


@SETTINGS
@given(records=st.lists(st.dictionaries(st.sampled_from([*HEADER, "N", "extra"]), CELLS), max_size=4))
def test_random_json_lines(folder, records):
    path = folder / "records.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records))
    _loads_or_refuses(path)


@SETTINGS
@given(names=st.lists(st.one_of(st.text(max_size=5), st.integers(), st.none()), max_size=5))
def test_random_column_names(names):
    frame = pd.DataFrame([[1.0] * len(names)] * 2, columns=pd.Index(names, dtype=object))
    _loads_or_refuses(frame)
    both = pd.concat([_frame(), frame], axis=1)
    _loads_or_refuses(both)


def _written(suffix: str) -> bytes:
    buffer = io.BytesIO()
    frame = _frame()
    if suffix == ".parquet":
        frame.to_parquet(buffer)
    elif suffix == ".feather":
        frame.to_feather(buffer)
    elif suffix == ".csv":
        frame.to_csv(buffer, index=False)
    else:
        frame.to_json(buffer, orient="records", lines=True)
    return buffer.getvalue()
