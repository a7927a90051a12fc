"""Hostile pickles, read apart: none runs code, crashes the caller or hangs it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from bayes_scaling.errors import RunsError
from bayes_scaling.files.apart import run_apart
from tests.helpers.gadgets import gadgets

NAMES = tuple(gadgets(Path("/place")))
SECONDS = 20.0
FEW = (
    *("os.system", "INST os.system", "ndarray offset neg", "ndarray(buffer) dtype O", "dtype O list short"),
    *(
        "_restore_array no buffers",
        "deep list of dict keys (hash recursion)",
        "bytearray(4e9)",
        "ndarray O 5e8",
    ),
    *("Series dtype dateutil path", "bytearray appended under a view", "set of RangeIndex 1e8"),
)


def read(folder: Path, name: str) -> None:
    os.mkfifo(folder / "fifo")
    (folder / "secret").write_text("TZif secret")
    path = folder / "hostile.pkl"
    path.write_bytes(gadgets(folder)[name])
    before = sorted(os.listdir(folder))
    begun = time.monotonic()
    try:
        shown = run_apart(
            "tests.helpers.gadgets:show", path, error=RunsError, seconds=SECONDS, memory=6 * 2**30
        )
    except RunsError as error:
        shown = str(error)
        assert "hostile.pkl" in shown
    assert isinstance(shown, str) and time.monotonic() - begun < SECONDS - 1
    assert sorted(os.listdir(folder)) == before


@pytest.mark.parametrize("name", FEW)
def test_a_hostile_pickle_does_no_harm(tmp_path: Path, name: str) -> None:
    read(tmp_path, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(NAMES) - set(FEW)))
def test_no_hostile_pickle_does_harm(tmp_path: Path, name: str) -> None:
    read(tmp_path, name)


def test_a_whole_table_is_read_apart(tmp_path: Path) -> None:
    """The negative control."""
    import pandas as pd

    pd.DataFrame({"x": [1, 2]}).to_pickle(tmp_path / "hostile.pkl")
    assert run_apart("tests.helpers.gadgets:show", tmp_path / "hostile.pkl").startswith("DataFrame")
