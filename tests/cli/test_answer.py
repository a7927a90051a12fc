"""One command from a table to an answer, and the fit that it keeps."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from tests.helpers.command_line import assert_refused, run
from tests.helpers.examples import laplace
from tests.helpers.ladders import isoflop_frame

ASK = ("--compute", "1e19,1e21")


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A file of runs; every fit is a tiny one."""
    monkeypatch.setattr("bayes_scaling.posterior.fitting._sample", laplace)
    path = tmp_path / "runs.csv"
    isoflop_frame(noise=0.003).to_csv(path, index=False)
    return path


def test_from_a_file_to_an_answer_in_eighty_columns(table) -> None:
    result = run("answer", table, *ASK)
    assert result.exit_code in (0, 1), result.stderr
    lines = result.stdout.splitlines()
    body = [line for line in lines if "bayes-scaling check" not in line]  # which names a path
    assert max(map(len, body)) <= 80
    assert "1e21 FLOPs, context 2048, 1.0 decades of compute beyond the runs" in lines
    assert "1e19 FLOPs, context 2048, within the runs" in lines
    assert sum(line.lstrip().startswith("loss (nats/token)") for line in lines) == 2
    assert any("classical" in line for line in lines)


def test_a_published_table_with_its_own_names(table) -> None:
    """No architecture, no context, no tokens, and marks of the points that the authors drop."""
    frame = isoflop_frame(noise=0.003)
    flops = 6 * frame["params"] * frame["tokens"]
    raw = {
        "x": 1.0,
        "color": "#fff",
        "Model Size": frame["params"],
        "Training FLOP": flops,
        "loss": frame["loss"],
    }
    pd.DataFrame(raw).assign(outlier=[True] + [False] * 14).to_csv(table, index=False)
    assert_refused(run("answer", table, *ASK), "--set architecture=transformer")
    given = ("--set", "architecture=transformer", "--set", "context_length=2048", "--where", "not outlier")
    result = run("answer", table, *ASK, *given)
    assert "keeps 14: left out are 1 of 15 runs (line 2)" in result.stderr
    assert "14 runs of transformer" in result.stdout


def test_the_fit_is_kept_and_used_again(table) -> None:
    kept = table.with_suffix(".fit.nc")
    first = run("answer", table, *ASK)
    assert f"Saved {kept}" in first.stderr
    before = kept.read_bytes()
    again = run("answer", table, "--compute", "1e20")
    assert "used again" in again.stderr and kept.read_bytes() == before
    changed = isoflop_frame(noise=0.003)
    changed.loc[0, "loss"] *= 1.01
    changed.to_csv(table, index=False)
    anew = run("answer", table, *ASK)
    assert "made anew" in anew.stderr and kept.read_bytes() != before


def test_a_file_that_is_no_fit_is_left_alone(table) -> None:
    kept = table.with_suffix(".fit.nc")
    kept.write_text("my own notes")
    assert_refused(run("answer", table, *ASK), kept)
    assert kept.read_text() == "my own notes"


def test_records_hold_the_answer(table) -> None:
    rows = json.loads(run("answer", table, *ASK, "-o", table.with_name("other.nc"), "--json").stdout)
    assert [row["compute"] for row in rows] == [1e19, 1e21]
    for row in rows:
        assert row["chosen"] and row["params_q05"] < row["params_median"] < row["params_q95"]
        assert row["huber_tokens"] == pytest.approx(row["compute"] / 6 / row["huber_params_median"])


def test_the_page_is_written_too(table, tmp_path) -> None:
    page = tmp_path / "page.md"
    result = run("answer", table, "--compute", "1e20", "--report", page)
    assert f"Saved {page}" in result.stderr and "1e20" in page.read_text()


def test_losses_keep_their_unit(table) -> None:
    frame = isoflop_frame(noise=0.003)
    frame.rename(columns={"loss": "eval/bpb"}).to_csv(table, index=False)
    column = ("--column", "loss=eval/bpb")
    for command in (("describe", table, *column), ("answer", table, *ASK, *column)):
        shown = run(*command).stdout
        assert "loss (bits/byte)" in shown and "nats" not in shown
    fit = table.with_suffix(".fit.nc")
    shown = run("frontier", fit, "--compute", "1e20").stdout
    assert "loss (bits/byte)" in shown and "nats/token" not in shown
    page = table.with_suffix(".md")
    assert str(page) in run("report", fit, "--compute", "1e20", "-o", page).stdout
    written = page.read_text()
    assert "loss (bits/byte)" in written and "nats" not in written
    isoflop_frame().to_csv(table, index=False)
    assert "loss (nats/token)" in run("describe", table).stdout
