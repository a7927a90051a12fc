from __future__ import annotations

import math

import pytest

from bayes_scaling.printing import numbers
from bayes_scaling.printing.as_html import as_html
from bayes_scaling.printing.as_text import as_text
from bayes_scaling.printing.blocks import wide_tables, written
from bayes_scaling.printing.table import Column, print_heading, print_line, print_table


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (354_321_000, "354M"),
        (14.1e9, "14.1B"),
        (999_600_000, "1.00B"),
        (2e12, "2.00T"),
        (999.9e12, "1e15"),
        (3.456e17, "3.46e17"),
        (160, "160"),
        (8.949, "8.95"),
        (1100, "1.10K"),
        (math.nan, "-"),
        (math.inf, "inf"),
    ],
)
def test_count(value, text):
    assert numbers.count(value) == text


@pytest.mark.parametrize(("value", "text"), [(1e20, "1e20"), (2.04e16, "2.04e16"), (9.999e19, "1e20")])
def test_power(value, text):
    assert numbers.power(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "< 0.01"), (0.004, "< 0.01"), (0.5, "0.50"), (0.994, "0.99"), (1.0, "> 0.99")]
)
def test_probability_is_never_certain(value, text):
    assert numbers.probability(value) == text


def test_losses_and_factors():
    assert numbers.loss(2.78691) == "2.7869"
    assert numbers.signed_loss(0.0959) == "+0.0959" and numbers.signed_loss(-0.1) == "-0.1000"
    assert numbers.factor(2.115) == "2.12x" and numbers.factor(11.15) == "11.2x"
    assert numbers.factor(math.inf) == "inf" and numbers.loss(math.nan) == "-"


@pytest.fixture
def columns() -> list[Column]:
    rows = ("1.00B to 2.00B", "354M to 1.00T")
    wide = tuple(Column(f"interval {i}", rows, wide=True) for i in range(6))
    return [Column("name", ("transformer", "xlstm"), right=False), Column("params (90%)", rows), *wide]


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


def test_tables_are_narrow_unless_all_columns_are_wanted(capsys, columns):
    print_table(columns)
    narrow = capsys.readouterr().out
    assert "params (90%)" in narrow and "interval" not in narrow and widest(narrow) < 100
    with wide_tables():
        print_table(columns)
    wide = capsys.readouterr().out
    assert wide.count("interval") == 6 and widest(wide) > 100  # the control: it would not have fitted
    assert "\n".join(line.rstrip() for line in wide.splitlines()) + "\n" == wide


@pytest.mark.parametrize(("said", "width"), [("60", 60), ("140", 140), ("none", 100), ("3", 100)])
def test_lines_are_as_wide_as_columns_says_in_a_pipe(capsys, monkeypatch, said, width):
    monkeypatch.setenv("COLUMNS", said)
    print_line("word " * 80)
    assert width - 6 < widest(capsys.readouterr().out) <= width


def test_a_page_keeps_what_printers_write(capsys):
    with written() as blocks:
        print_heading("Runs")
        print_line("three <b>words</b>")
    assert capsys.readouterr().out == ""
    assert as_text(blocks) == "Runs\n====\n\nthree <b>words</b>"
    assert "&lt;b&gt;words" in as_html(blocks) and "<h4>Runs</h4>" in as_html(blocks)
    print_line("after")
    assert capsys.readouterr().out == "after\n"


def test_table_aligns_and_keeps_long_cells(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    long = "advice " * 60
    print_table([Column("n", ("1", "100")), Column("advice", (long, "short"), right=False)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("  1 ") and lines[3].startswith("100 ")
    assert long.strip() in lines[2]


def test_markup_in_cells_is_plain_text(capsys):
    print_table([Column("where", ("E [xlstm, 8192]", "[bold]x"), right=False)])
    out = capsys.readouterr().out
    assert "E [xlstm, 8192]" in out and "[bold]x" in out


def test_heading_is_underlined(capsys):
    print_heading("Runs")
    assert capsys.readouterr().out == "\nRuns\n====\n\n"
