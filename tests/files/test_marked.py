"""A saved file is sealed, looked at before it is parsed, and never follows what points outside of it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from bayes_scaling.errors import FitFileError, FitFileWarning
from bayes_scaling.files import marked
from bayes_scaling.files.seal import LENGTH, opened, seal_of
from bayes_scaling.files.structure import require_plain
from bayes_scaling.posterior.fit import load_fit
from tests.helpers.hostile_hdf5 import changes
from tests.helpers.synthetic import synthetic_fit

NAMES = tuple(changes(Path("folder")))
LONGEST = 10.0  # seconds
APART = ("external link to a pipe", "storage in a pipe", "many groups", "version superscript")


@pytest.fixture(scope="module")
def fit():
    return synthetic_fit(per_group=8, chains=2, draws=100)


@pytest.fixture(scope="module")
def saved(fit, tmp_path_factory) -> Path:
    return fit.save(tmp_path_factory.mktemp("saved") / "fit.nc")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("hostile")
    with h5py.File(made / "other.h5", "w") as file:
        file["x"] = np.ones(4)
    os.mkfifo(made / "fifo")
    return made


def changed(saved: Path, folder: Path, name: str) -> bytes:
    """The content of a hostile file, without a seal."""
    image = io.BytesIO(saved.read_bytes()[:-LENGTH])
    with h5py.File(image, "r+") as file:
        changes(folder)[name](file)
    return image.getvalue()


def refused(path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(FitFileError, match=rf"{path.name}: "):
        load_fit(path)
    assert time.monotonic() - begun < LONGEST


@pytest.mark.parametrize("name", NAMES)
def test_hostile_files_with_a_seal_of_their_own_are_refused(saved, folder, tmp_path, name) -> None:
    content = changed(saved, folder, name)
    path = tmp_path / "fit.nc"
    path.write_bytes(content + seal_of(content))
    refused(path)


@pytest.mark.parametrize("name", APART)
def test_hostile_files_without_a_seal_are_refused(saved, folder, tmp_path, name) -> None:
    path = tmp_path / "fit.nc"
    path.write_bytes(changed(saved, folder, name))
    refused(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(NAMES) - set(APART)))
def test_all_hostile_files_without_a_seal_are_refused(saved, folder, tmp_path, name) -> None:
    path = tmp_path / "fit.nc"
    path.write_bytes(changed(saved, folder, name))
    refused(path)


@pytest.mark.parametrize("name", ["external link", "storage in a file", "virtual"])
def test_other_files_are_not_opened(saved, folder, monkeypatch, name) -> None:
    """A missing file would be an error of its own if it were looked for."""
    content = changed(saved, folder, name)
    with pytest.raises(FitFileError, match=r"is a link to somewhere else|is kept in other files"):
        require_plain(content)
    require_plain(saved.read_bytes()[:-LENGTH])  # the negative control


def test_a_byte_that_hung_hdf5_is_refused_before_it(saved, tmp_path, monkeypatch) -> None:
    content = bytearray(saved.read_bytes())
    content[3968] ^= 0xF7
    path = tmp_path / "fit.nc"
    path.write_bytes(content)
    monkeypatch.setattr(marked, "tree_from_bytes", lambda *_: pytest.fail("parsed"))
    monkeypatch.setattr(marked, "require_plain", lambda *_: pytest.fail("parsed"))
    refused(path)


def test_a_file_of_before_the_seal_loads_with_a_note(fit, saved, tmp_path) -> None:
    path = tmp_path / "old.nc"
    path.write_bytes(saved.read_bytes()[:-LENGTH])
    with pytest.warns(FitFileWarning, match=r"old\.nc: saved by an earlier version, without a seal"):
        loaded = load_fit(path)
    xr.testing.assert_identical(loaded.idata, fit.idata)
    again = loaded.save(tmp_path / "new.nc")
    xr.testing.assert_identical(load_fit(again).idata, fit.idata)  # and without one: warnings are errors


def test_a_file_of_before_the_seal_that_was_changed_is_refused(saved, tmp_path) -> None:
    content = saved.read_bytes()[:-LENGTH]
    with h5py.File(io.BytesIO(content)) as file:
        value = file["posterior/E"][0, 3, 0, 0].tobytes()
    path = tmp_path / "old.nc"
    path.write_bytes(content.replace(value, np.float64(2.5).tobytes()))
    with pytest.raises(FitFileError, match="checksum differs"):
        load_fit(path)


def test_other_readers_open_a_sealed_file(fit, saved) -> None:
    with xr.open_dataset(saved, group="posterior", engine="h5netcdf") as found:
        np.testing.assert_array_equal(found["E"], fit.posterior["E"])


@pytest.mark.parametrize("missing", [1, 5, LENGTH - 1])
def test_half_a_seal_is_no_old_file(saved, missing) -> None:
    with pytest.raises(FitFileError, match="its end is not where its header says"):
        opened(saved.read_bytes()[:-missing], "fit.nc")
    assert opened(saved.read_bytes()[:-LENGTH], "fit.nc")[1] is False


FULL = """
import resource, sys, warnings
from pathlib import Path
from bayes_scaling.errors import FitFileError
from bayes_scaling.posterior.fit import load_fit
fit = load_fit(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    fit.save(sys.argv[2])
except FitFileError as error:
    print("clean:", error)
print("alive", fit.posterior["E"].size)
"""


@pytest.mark.parametrize(("room", "outcome"), [(50_000, "clean: "), (10**9, "alive")])
def test_a_disk_that_becomes_full_is_an_error_and_the_fit_lives(saved, tmp_path, room, outcome) -> None:
    target = tmp_path / "fit.nc"
    target.write_bytes(b"old")
    command = [sys.executable, "-c", FULL, str(saved), str(target), str(room)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(outcome) and "alive 800" in done.stdout
    assert (target.read_bytes() == b"old") is (outcome == "clean: ")
    assert os.listdir(tmp_path) == ["fit.nc"]
