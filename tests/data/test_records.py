"""Delimiters and headers: by quotes, the suffix, `sep=`, comments and the widths of the rows."""

from __future__ import annotations

import json

import pytest

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsError
from tests.helpers.ladders import isoflop_frame


def _same(path) -> bool:
    return load_runs(path).data_hash == load_runs(isoflop_frame()).data_hash


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_other_delimiters_in_quoted_names(tmp_path, delimiter, suffix) -> None:
    path = tmp_path / f"runs{suffix}"
    names = {"architecture": "arch", "loss": "loss"}
    frame = isoflop_frame().rename(columns=names).assign(**{"score (a, b, c, d, e, f, g; h|i)": 1.0})
    frame.to_csv(path, index=False, sep=delimiter)
    assert _same(path)


def test_a_tsv_has_tabs_whatever_its_header_says(tmp_path) -> None:
    path = tmp_path / "runs.tsv"
    frame = isoflop_frame().rename(columns={"loss": "loss (c4, paloma, wiki, books, code, mean)"})
    path.write_text("\t".join(frame) + "\n" + frame.to_csv(index=False, sep="\t", header=False))
    columns = {"loss": "loss (c4, paloma, wiki, books, code, mean)"}
    assert load_runs(path, columns).data_hash == load_runs(isoflop_frame()).data_hash
    with pytest.raises(RunsError, match="1 fault.*\n.*'loss' is missing"):
        load_runs(path)


@pytest.mark.parametrize(
    "head", ["# exported by a tracker\n# units: counts\n", "sep=,\n", "\n# a, b; c\n\n", "\ufeffsep=,\n# x\n"]
)
def test_lines_before_the_header(tmp_path, head) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(head + isoflop_frame().to_csv(index=False))
    assert _same(path)
    frame = isoflop_frame().astype({"loss": object})
    frame.loc[2, "loss"] = "bad"
    path.write_text(head + frame.to_csv(index=False))
    with pytest.raises(RunsError, match=rf"line {4 + head.count(chr(10))}\) 'bad'"):
        load_runs(path)


def test_a_header_behind_a_comment_mark(tmp_path) -> None:
    path = tmp_path / "runs.csv"
    frame = isoflop_frame().drop(columns="architecture")
    path.write_text("# written by a script\n# " + frame.to_csv(index=False))
    with pytest.raises(RunsError, match="1 fault.*\n.*'architecture' is missing"):
        load_runs(path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_text_that_begins_with_its_mark(tmp_path, encoding) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(isoflop_frame().to_csv(index=False), encoding=encoding)
    assert _same(path)


def test_the_line_taken_for_the_header_is_shown(tmp_path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("Runs of May\n" + isoflop_frame().to_csv(index=False))
    with pytest.raises(
        RunsError, match="Line 1 was taken for the header: 'Runs of May'.*row of column names"
    ):
        load_runs(path)


def test_a_cell_too_many(tmp_path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(isoflop_frame().to_csv(index=False).replace("transformer,", "trans,former,", 1))
    with pytest.raises(RunsError, match="line 2 has 6. .*put cells that hold ',' in quotes") as caught:
        load_runs(path)
    assert "thousands" not in str(caught.value)


def test_nested_json_lines_have_dotted_names(tmp_path) -> None:
    path = tmp_path / "runs.jsonl"
    lines = [
        json.dumps(
            {
                "config": {"arch": "transformer", "ctx": 2048, "n_params": int(row.params)},
                "summary": {"tokens": int(row.tokens), "val_loss": row.loss},
            }
        )
        for row in isoflop_frame().itertuples()
    ]
    path.write_text("\n".join(lines))
    assert _same(path)
