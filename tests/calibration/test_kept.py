"""Kept forecasts: what was changed is computed anew, what is of something else is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.calibration.kept import Kept, read_kept, write_kept
from bayes_scaling.errors import RunsError, RunsWarning
from tests.helpers.synthetic import synthetic_frame

CUTS = [6e19]


def made(folder, frame=None):
    frame = synthetic_frame(8) if frame is None else frame
    with ThreadPoolExecutor(1) as pool:
        return bs.backtest(
            frame, cuts=CUTS, forecasters=["isoflop line"], executor=pool, folder=folder, progress=False
        )


@pytest.fixture
def kept(tmp_path):
    rows = made(tmp_path).rows
    (path,) = tmp_path.glob("*.csv")
    return path, rows


CHANGES = {
    "header only": lambda text: "\n".join(text.split("\n")[:2]) + "\n",
    "empty": lambda text: "",
    "a row less": lambda text: text[: text.rstrip().rfind("\n") + 1],
    "a digit": lambda text: text.replace(".", ".1", 1) if "." in text else text + "1",
    "an open quote": lambda text: text + '"',
    "of before": lambda text: text.split("\n", 1)[1],
    "no text": lambda text: text + "\udcff",
}


@pytest.mark.parametrize("kind", CHANGES)
def test_what_was_changed_is_computed_anew_and_said(kept, kind) -> None:
    path, rows = kept
    text = path.read_text()
    path.write_bytes(CHANGES[kind](text).encode("utf-8", "surrogateescape"))
    with pytest.raises(RunsError, match=rf"{path.name}: "):
        bs.load_backtest(path.parent)
    with pytest.warns(RunsWarning, match="It is computed anew"):
        again = made(path.parent)
    pd.testing.assert_frame_equal(again.rows, rows, check_dtype=False)
    assert path.read_text() == text


def test_what_was_not_changed_is_read_to_the_digit(kept) -> None:
    """The negative control: no warning, and the file is not written again."""
    path, rows = kept
    before = path.stat().st_mtime_ns
    pd.testing.assert_frame_equal(made(path.parent).rows, rows, check_dtype=False, check_exact=True)
    assert path.stat().st_mtime_ns == before


def test_a_file_under_another_key_is_not_believed(kept, tmp_path) -> None:
    path, rows = kept
    found = read_kept(path)
    write_kept(path, Kept(found.study, "0" * 20, found.rows.iloc[:1]))
    assert len(made(path.parent).rows) == len(rows)


def test_two_back_tests_in_a_folder_are_refused(kept) -> None:
    path, rows = kept
    assert len(bs.load_backtest(path.parent).rows) == len(rows)
    made(path.parent, synthetic_frame(8, seed=1))
    with pytest.raises(RunsError, match="holds more than one back-test"):
        bs.load_backtest(path.parent)


def test_names_that_look_like_nothing_come_back(tmp_path) -> None:
    rows = pd.DataFrame({"architecture": ["None", "NA"], "by": "a", "split": "null", "forecaster": "nan"})
    write_kept(tmp_path / "a.csv", Kept("s", "k", rows.assign(loss=[0.1, None])))
    found = read_kept(tmp_path / "a.csv").rows
    assert found["architecture"].tolist() == ["None", "NA"] and found["loss"].isna().tolist() == [False, True]
