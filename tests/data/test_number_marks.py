"""Commas and points in numbers: one meaning a file, and a refusal where there are two."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from bayes_scaling.data.number_marks import with_points
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsError, RunsWarning
from tests.helpers.ladders import isoflop_frame

HEADER = ("architecture", "context_length", "params", "tokens", "loss")


def _written(tmp_path, formats, delimiter, mark='"'):
    """The ladder with each column by its own format, quoted where the delimiter stands in a cell."""
    rows = [HEADER]
    for row in isoflop_frame().itertuples(index=False):
        cells = [formats.get(name, str)(value) for name, value in zip(HEADER, row, strict=True)]
        rows.append([f"{mark}{cell}{mark}" if delimiter in cell else cell for cell in cells])
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(delimiter.join(row) for row in rows))
    return path


def _us(value) -> str:
    return f"{value:,.0f}"


def _german(value) -> str:
    return f"{value:,.0f}".replace(",", ".")


def _decimal(digits, scale=1.0):
    return lambda value: f"{value / scale:.{digits}f}".replace(".", ",")


READ = [
    (",", {"params": _us, "tokens": _us}),
    (",", {"context_length": _us}),
    (";", {"params": _us, "tokens": _us}),
    (";", {"params": _german, "tokens": _german, "loss": _decimal(4)}),
    (";", {"loss": _decimal(5)}),
    ("\t", {"params": _german, "tokens": _german}),
    (",", {"loss": _decimal(4)}),
]


@pytest.mark.parametrize(("delimiter", "formats"), READ)
def test_one_meaning(tmp_path, delimiter, formats) -> None:
    path = _written(tmp_path, formats, delimiter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        frame = load_runs(path).frame
    for name in ("context_length", "params", "tokens", "loss"):
        np.testing.assert_allclose(frame[name].astype(float), isoflop_frame()[name], rtol=1e-4)


def test_decimal_commas_are_told_with_their_columns(tmp_path) -> None:
    formats = {"params": _decimal(3, 1e9), "tokens": _decimal(3, 1e9), "loss": _decimal(3)}
    with pytest.warns(RunsWarning, match="decimal commas .* 'params', 'tokens', 'loss'.*median of params"):
        frame = load_runs(_written(tmp_path, formats, ";")).frame
    np.testing.assert_allclose(frame["tokens"], isoflop_frame()["tokens"] / 1e9, atol=6e-4)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_two_meanings_are_refused_with_both(tmp_path, delimiter) -> None:
    path = tmp_path / "runs.csv"
    text = "\n".join(delimiter.join(("t", "2048", p, "33685169468", "4.57")) for p in ("124,439", "354,823"))
    path.write_text(delimiter.join(HEADER) + "\n" + text)
    with pytest.raises(RunsError, match=r"column 'params', line 2: '124,439' may be 124439 or 124\.439"):
        load_runs(path)


def test_marks_that_contradict_each_other_are_refused(tmp_path) -> None:
    path = tmp_path / "runs.csv"
    rows = ("t;2048;124,439;33685169468;4,575", "t;2048;1,354,823;33685169468;3,575")
    path.write_text(";".join(HEADER) + "\n" + "\n".join(rows).replace("4,575", "4,57"))
    with pytest.raises(RunsError, match="may divide thousands or mark decimals"):
        load_runs(path)


def test_text_with_commas_says_nothing_of_numbers(tmp_path) -> None:
    path = tmp_path / "runs.csv"
    frame = isoflop_frame().assign(note="a, b", params=lambda f: f["params"].map(_us))
    frame.to_csv(path, index=False)
    assert load_runs(path).frame["note"].tolist() == ["a, b"] * 15
    np.testing.assert_allclose(load_runs(path).frame["params"], isoflop_frame()["params"])


@pytest.mark.parametrize("mark", [" ", "'", "\u2019", "\u00a0", "\u202f"])
def test_spaces_and_apostrophes_divide_thousands(mark) -> None:
    rows = [[f"4{mark}947{mark}776", "3.5", "a 100"], [f"13{mark}994", "2,5", "b 200"]]
    changed, _ = with_points(rows, ["n", "x", "name"], [2, 3], ";", "t.csv")
    assert [row[0] for row in changed] == ["4947776", "13994"]
    assert [row[2] for row in changed] == ["a 100", "b 200"]


@pytest.mark.parametrize("cell", ["1 2345", "12 34", "1 234'567", "1  234"])
def test_other_spaces_stay(cell) -> None:
    changed, _ = with_points([[cell], ["5"]], ["n"], [2, 3], ";", "t.csv")
    assert changed[0][0] == cell
