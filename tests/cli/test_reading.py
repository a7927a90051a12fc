"""Options that say how a table is read, and advice in the command line's own words."""

from __future__ import annotations

import pytest

from bayes_scaling.cli.wording import as_options
from tests.helpers.command_line import assert_refused, records, run
from tests.helpers.ladders import isoflop_frame


@pytest.fixture
def bare(tmp_path):
    """A table without architecture and context length, one row of which is marked."""
    frame = isoflop_frame().drop(columns=["architecture", "context_length"])
    path = tmp_path / "runs.csv"
    frame.assign(outlier=[i == 4 for i in range(len(frame))]).to_csv(path, index=False)
    return path


SET = ("--set", "architecture=gpt", "--set", "context_length=2048")


def test_describe_takes_values_and_conditions(bare) -> None:
    assert_refused(run("describe", bare), "--set architecture=transformer", "--column context_length=")
    (row,) = records("describe", bare, *SET)
    assert (row["architecture"], row["context_length"], row["n"]) == ("gpt", 2048, 15)
    (row,) = records("describe", bare, *SET, "--where", "outlier == False")
    assert row["n"] == 14
    shown = run("describe", bare, *SET).stdout
    assert "--where 'outlier == False' leaves them out" in shown


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--set", "architecture"), "NAME=VALUE"),
        (("--set", "a=1", "--set", "a=2"), "names 'a' twice"),
        ((*SET, "--where", "outlier = 1"), "no condition"),
        ((*SET, "--within", "params"), "give --take last or --take best"),
        ((*SET, "--take", "first"), "last, best"),
    ],
)
def test_options_that_say_nothing_are_refused(bare, options, part) -> None:
    assert_refused(run("describe", bare, *options), part)


def test_one_of_several_rows(tmp_path) -> None:
    path = tmp_path / "runs.csv"
    frame = isoflop_frame()
    frame.loc[frame.index.repeat(3)].assign(lr=[1, 2, 3] * 15, loss=[3.0, 2.0, 4.0] * 15).to_csv(
        path, index=False
    )
    shown = run("describe", path).stdout
    assert "lr varies among them: keep the best of each with --take best --within params,tokens" in shown
    (row,) = records("describe", path, "--take", "best", "--within", "params,tokens")
    assert (row["n"], row["loss_max"]) == (15, 2.0)


def test_checkpoints_are_not_fitted_as_runs(tmp_path) -> None:
    path = tmp_path / "runs.csv"
    frame = isoflop_frame().head(4)
    points = frame.loc[frame.index.repeat(10)].assign(run=[f"m{i // 10}" for i in range(40)])
    share = [(i % 10 + 1) / 10 for i in range(40)]
    points.assign(tokens=points["tokens"] * share, loss=[4 - s for s in share]).to_csv(path, index=False)
    result = run("fit", path, "-o", tmp_path / "fit.nc")
    assert_refused(result, "4 trainings of 10 checkpoints", "--take last", "--offset run", "--rows-are-runs")
    assert not (tmp_path / "fit.nc").exists()


@pytest.mark.parametrize("option", ["--context-length", "--compute"])
@pytest.mark.parametrize("value", ["2,048", "16,384", "1,000,000"])
def test_a_thousands_separator_is_no_list(tmp_path, option, value) -> None:
    other = "--compute" if option == "--context-length" else "--context-length"
    result = run("frontier", tmp_path / "no.nc", option, value, other, "2048")
    assert_refused(result, value, value.replace(",", ""), "or the list")


@pytest.mark.parametrize("value", ["2048,8192", "32,128", "1e20,1e21"])
def test_a_list_is_a_list(tmp_path, value) -> None:
    result = run("frontier", tmp_path / "no.nc", "--compute", value)
    assert "or the list" not in result.stderr and "no.nc" in result.stderr


@pytest.mark.parametrize(
    ("python", "option"),
    [
        ('name yours with columns={"loss": "..."}', "name yours with --column loss=..."),
        ('constants={"context_length": 2048}', "--set context_length=2048"),
        ('take="best" and within=["params", "tokens"]', "--take best --within params,tokens"),
        ("where=\"State == 'finished'\" leaves", "--where \"State == 'finished'\" leaves"),
        ('where="outlier == False" leaves', "--where 'outlier == False' leaves"),
        ("where=\"`a b` == 'x'\"", "--where \"\\`a b\\` == 'x'\""),
        ('or fit with errors="skewed"', "or fit with --errors skewed"),
        ('or use cost="6ND"', "or use --cost 6ND"),
        (
            "save a fit there first with fit.save(path)",
            "save a fit there first with --output of the command fit",
        ),
        ("the table has {'a': 1}", "the table has {'a': 1}"),
    ],
)
def test_advice_is_the_command_lines(python, option) -> None:
    assert as_options(python) == option
