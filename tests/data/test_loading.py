"""Reading files: every kind gives the same runs, every bad file a RunsError with a remedy."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.data import catalog
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsError, RunsWarning
from bayes_scaling.runs.faults import InvalidRunsError


@pytest.fixture
def frame() -> pd.DataFrame:
    params = np.round(np.geomspace(1e8, 1e9, 8)).astype(int)
    tokens = np.round(np.geomspace(2e10, 2e9, 8)).astype(int)
    rng = np.random.default_rng(7)
    columns = {"params": params, "tokens": tokens, "loss": np.linspace(2.5, 3, 8) + rng.random(8) / 10}
    table = pd.DataFrame({"architecture": "xlstm", "context_length": 8192, **columns})
    return table.assign(note=[f"n{i}" for i in range(8)], steps=range(8), good=[True, False] * 4, lr=1e-3)


def _write(frame: pd.DataFrame, path: Path) -> Path:
    writers = {
        ".csv": lambda: frame.to_csv(path, index=False),
        ".tsv": lambda: frame.to_csv(path, index=False, sep="\t"),
        ".jsonl": lambda: path.write_text("\n".join(json.dumps(r) for r in frame.to_dict("records"))),
        ".parquet": lambda: frame.to_parquet(path),
        ".feather": lambda: frame.to_feather(path),
    }
    writers[path.suffix]()
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet", ".feather"])
def test_every_kind_gives_the_same_runs(frame, tmp_path, suffix):
    path = _write(frame, tmp_path / f"runs{suffix}")
    runs, expected = load_runs(path), load_runs(frame)
    assert runs.data_hash == expected.data_hash  # floats exact to the last bit
    pd.testing.assert_frame_equal(runs.frame, expected.frame)
    assert runs.source == str(path)
    assert load_runs(str(path)).data_hash == expected.data_hash


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace(",", ";"),
        lambda text: text.replace(",", "|"),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: text + ",,,,,,,,\n \n",
        lambda text: text.replace("\n", ",,\n").replace("lr,,", "lr", 1),
        lambda text: text.replace(",", " , "),
        lambda text: text.rstrip("\n"),
        lambda text: text.replace(",8192,", ',"8,192",'),
        lambda text: text.upper().replace("XLSTM", "xlstm"),
    ],
)
def test_spellings_of_csv(frame, tmp_path, change):
    path = tmp_path / "runs.csv"
    path.write_text(change(frame.to_csv(index=False)), encoding="utf-8", newline="")
    assert load_runs(path).data_hash == load_runs(frame).data_hash


def test_line_numbers_count_blank_and_quoted_lines(frame, tmp_path):
    frame.loc[0, "note"] = "two\nlines"
    frame["loss"] = frame["loss"].astype(object)
    frame.loc[3, "loss"] = "bad"
    path = tmp_path / "runs.csv"
    path.write_text("\n" + frame.to_csv(index=False))
    with pytest.raises(InvalidRunsError, match=r"row 3 \(line 7\) 'bad'"):
        load_runs(path)


def test_decimal_commas_are_read_and_told(frame, tmp_path):
    path = tmp_path / "runs.csv"
    frame.to_csv(path, index=False, sep=";", decimal=",")
    with pytest.warns(RunsWarning, match="commas are decimal commas"):
        runs = load_runs(path)
    assert runs.data_hash == load_runs(frame).data_hash


def test_unquoted_thousands_separators_are_a_fault(frame, tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(frame.to_csv(index=False).replace(",8192,", ",8,192,"))
    with pytest.raises(RunsError, match="line 2 has 10, line 3.*thousands separators in quotes"):
        load_runs(path)


def test_json_lines_names_row_and_line(frame, tmp_path):
    records = frame.to_dict("records")
    records[2]["loss"] = "bad"
    del records[4]["params"]
    path = tmp_path / "runs.jsonl"
    path.write_text("\n\n".join(json.dumps(r) for r in records))
    with pytest.raises(InvalidRunsError) as caught:
        load_runs(path)
    assert caught.value.faults[["row", "line", "code"]].values.tolist() == [
        [4, 9, "missing value"],
        [2, 5, "not a number"],
    ]


def test_parquet_index_is_kept_as_a_column(frame, tmp_path):
    frame.index = pd.Index([f"r{i}" for i in range(8)], name="run_id")
    path = _write(frame, tmp_path / "runs.parquet")
    assert load_runs(path).frame["run_id"].tolist() == frame.index.tolist()


BAD_CONTENT = [
    ("empty.csv", b"", "empty"),
    ("empty.parquet", b"", "empty"),
    ("blank.csv", b"\n \n\n", "no table"),
    ("header.csv", b"architecture,context_length,params,tokens,loss\n", "header and no rows"),
    ("random.csv", bytes(range(128, 256)), "not UTF-8"),
    ("latin.csv", "loss,modèle\n1,2\n".encode("latin-1"), "line 1 is not UTF-8 text .byte 0xe8"),
    ("wide.csv", "loss,params\n1,2\n".encode("utf-16"), "'tokens' is missing"),
    ("odd.csv", "loss,params\n1,2\n".encode("utf-16")[:-1], "not UTF-8"),
    ("quote.csv", b'loss,params\n1,"2\n', "close quotes"),
    ("text.csv", b"dear diary\n", "'loss' is missing"),
    ("nul.csv", b"\0\0\0", "missing"),
    ("field.csv", b"loss\n" + b"9" * 200_000, "no CSV"),
    ("random.parquet", b"abcdefgh" * 50, "cannot be read"),
    ("random.feather", b"abcdefgh" * 50, "cannot be read"),
    ("start.parquet", b"PAR1" + b"\0" * 100, "cannot be read"),
    ("start.feather", b"ARROW1" + b"\0" * 100, "cannot be read"),
    ("parquet.csv", b"PAR1" + b"\0" * 100, "this is a .parquet file"),
    ("sheet.csv", b"PK\x03\x04" + b"\0" * 100, "spreadsheet"),
    ("zip.csv", b"\x1f\x8b" + b"\0" * 100, "gzip"),
    ("text.jsonl", b"hello\n", "line 1 is not JSON"),
    ("list.jsonl", b"[1, 2]\n", "line 1 is not a JSON object"),
    ("deep.jsonl", b"[" * 100_000, "line 1 is not"),
    ("blank.jsonl", b"\n\n", "empty"),
    ("surrogate.jsonl", b'{"\\ud800": 1}\n', "Remedy"),
    ("runs.xlsx", b"x", "'.xlsx' are not read.*csv"),
    ("runs", b"x", "are not read"),
    ("runs.pkl", pickle.dumps({"loss": [1.0]}), "'.pkl' are not read"),
    ("pickle.csv", pickle.dumps({"loss": [1.0]}), "not UTF-8"),
]


@pytest.mark.parametrize(("name", "content", "match"), BAD_CONTENT, ids=[case[0] for case in BAD_CONTENT])
def test_bad_content(tmp_path, name, content, match):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RunsError, match=match) as caught:
        load_runs(path)
    assert str(path) in str(caught.value)
    assert "Remedy" in str(caught.value)


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_truncated_files(frame, tmp_path, suffix):
    path = _write(frame, tmp_path / f"runs{suffix}")
    content = path.read_bytes()
    for length in (9, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(RunsError, match="cannot be read.*Remedy"):
            load_runs(path)


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_text_that_is_no_utf8(frame, tmp_path, suffix):
    path = tmp_path / f"runs{suffix}"
    if suffix == ".parquet":
        frame.to_parquet(path, compression="none")
    else:
        frame.to_feather(path, compression="uncompressed")
    load_runs(path)
    content = path.read_bytes()
    assert b"xlstm" in content
    path.write_bytes(content.replace(b"xlstm", b"\x80lstm"))
    with pytest.raises(RunsError, match="cannot be read.*UTF"):
        load_runs(path)


def test_paths_that_are_no_files(tmp_path):
    with pytest.raises(RunsError, match="a folder"):
        load_runs(tmp_path)
    with pytest.raises(RunsError, match="no such file or data set"):
        load_runs(tmp_path / "absent.csv")
    with pytest.raises(RunsError, match="Remedy"):
        load_runs(tmp_path / ("x" * 5000 + ".csv"))
    with pytest.raises(RunsError, match="Remedy"):
        load_runs("a\0b.csv")
    (tmp_path / "my_runs.csv").write_text("x")
    with pytest.raises(RunsError, match="did you mean my_runs.csv"):
        load_runs(tmp_path / "my_run.csv")


def test_unknown_data_set_has_a_suggestion():
    with pytest.raises(RunsError, match="did you mean simulated"):
        load_runs("simulatd")


def test_catalogue():
    table = catalog.datasets()
    assert list(table) == list(catalog.FIELDS)
    assert table["name"].tolist() == list(catalog.NAMES)
    shipped = table.loc[table["kind"] == "shipped", ["name", "file", "sha256"]]
    assert len(shipped) and (shipped.map(len) > 0).all(axis=None)
    assert all(load_runs(name).source == name for name in shipped["name"])
    with pytest.raises(RunsError, match="choose one of simulated"):
        catalog.shipped_path("nope")


def test_a_changed_data_set_is_refused(tmp_path, monkeypatch):
    original = catalog.shipped_path("simulated").read_bytes()
    monkeypatch.setattr(catalog, "FOLDER", tmp_path)
    with pytest.raises(RunsError, match="no file"):
        load_runs("simulated")
    (tmp_path / "simulated_runs.csv").write_bytes(original)
    assert len(load_runs("simulated")) == 300
    (tmp_path / "simulated_runs.csv").write_bytes(original.replace(b"3.24", b"3.25", 1))
    with pytest.raises(RunsError, match="changed since it was shipped.*install the package again"):
        load_runs("simulated")
