"""A saved fit comes back the same, and appears whole or not at all."""

from __future__ import annotations

import os
from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_scaling.errors import FitFileError
from bayes_scaling.files import marked, netcdf
from bayes_scaling.posterior import storage
from bayes_scaling.posterior.fit import load_fit
from bayes_scaling.posterior.storage import save
from bayes_scaling.runs.findings import Finding
from tests.helpers.synthetic import synthetic_fit, with_group


@pytest.fixture(scope="module")
def fit():
    return synthetic_fit(per_group=4, chains=2, draws=20)


@pytest.fixture(scope="module")
def saved(fit, tmp_path_factory):
    return save(fit, tmp_path_factory.mktemp("saved") / "fit.nc")


def variables_of(fit):
    return {
        (n.path, name): v
        for n in fit.idata.subtree
        for name, v in n.to_dataset(inherit=False).variables.items()
    }


def test_round_trip_is_identical(fit, saved):
    loaded = load_fit(saved)
    xr.testing.assert_identical(loaded.idata, fit.idata)
    mine, theirs = variables_of(fit), variables_of(loaded)
    assert list(mine) == list(theirs)
    assert all(mine[key].dtype == theirs[key].dtype and mine[key].dims == theirs[key].dims for key in mine)
    assert loaded.spec == fit.spec
    pd.testing.assert_frame_equal(loaded.runs.frame, fit.runs.frame, check_exact=True)
    assert (loaded.runs.mapping, loaded.runs.notes, loaded.runs.source) == (
        fit.runs.mapping,
        fit.runs.notes,
        fit.runs.source,
    )
    assert loaded.runs.data_hash == fit.runs.data_hash


def test_saving_twice_changes_nothing(saved, tmp_path):
    again = save(load_fit(saved), tmp_path / "again.nc")
    xr.testing.assert_identical(load_fit(again).idata, load_fit(saved).idata)


def test_the_fit_itself_is_left_alone(fit, tmp_path):
    before = fit.idata.copy(deep=True)
    save(fit, tmp_path / "fit.nc")
    xr.testing.assert_identical(fit.idata, before)
    assert "runs" not in fit.idata.children


def test_columns_and_notes_of_any_kind_come_back(fit, tmp_path):
    size = len(fit.runs)
    extra = {
        "name": ["a", None] * (size // 2),
        "text": pd.array(["x", "y"] * (size // 2), dtype="str"),
        "mixed": [1, "a", None, 2.5] * (size // 4),
        "numpy": np.array([np.int64(3), np.float64(0.1)] * (size // 2), dtype=object),
        "flag": [True, False] * (size // 2),
        "third": [1 / 3, np.nan] * (size // 2),
        "nullable": pd.array([1, None] * (size // 2), dtype="Int64"),
        "when": pd.Timestamp("2024-05-06 07:08:09"),
        "kind": pd.Categorical(["u", "v"] * (size // 2)),
    }
    notes = (Finding("duplicates", "note", "two rows agree", "drop one", (1, 3)),)
    runs = replace(fit.runs, frame=fit.runs.frame.assign(**extra), mapping={"loss": "val_loss"}, notes=notes)
    loaded = load_fit(save(replace(fit, runs=runs), tmp_path / "fit.nc")).runs
    pd.testing.assert_frame_equal(loaded.frame, runs.frame, check_exact=True)
    assert (dict(loaded.mapping), loaded.notes) == ({"loss": "val_loss"}, notes)


def test_a_column_json_cannot_rebuild_comes_back_as_text(fit, tmp_path):
    frame = fit.runs.frame.assign(odd=[(i, 1) for i in range(len(fit.runs))])
    loaded = load_fit(save(replace(fit, runs=replace(fit.runs, frame=frame)), tmp_path / "fit.nc"))
    assert loaded.runs.frame["odd"].tolist() == [str(value) for value in frame["odd"]]


@pytest.mark.parametrize(
    "value", [None, True, {"a": [1, None]}, 2**70, -3, 0.1, "text", "json:text", [1.5, 2]]
)
def test_attributes_of_any_kind_come_back(fit, tmp_path, value):
    posterior = fit.idata["posterior"]["E"].assign_attrs(note=value)
    noted = with_group(fit, "posterior", E=posterior)
    noted.idata.attrs["note"] = value
    loaded = load_fit(save(noted, tmp_path / "fit.nc")).idata
    for found in (loaded.attrs["note"], loaded["posterior"]["E"].attrs["note"]):
        assert found == value and type(found) is type(value)


@pytest.mark.parametrize("text", ["object", "str", "U"])
def test_text_coordinates_of_any_type(fit, tmp_path, text):
    names = np.array(["a, long näme", "b"], dtype=object)
    coordinate = pd.array(names, dtype="str") if text == "str" else names.astype(text)
    term = xr.DataArray(np.ones((2, 20, 2)), dims=("chain", "draw", "term"), coords={"term": coordinate})
    loaded = load_fit(save(with_group(fit, "posterior", extra=term), tmp_path / "fit.nc"))
    assert loaded.idata["posterior"]["term"].values.tolist() == names.tolist()


def test_values_that_are_not_finite_come_back(fit, tmp_path):
    energy = fit.idata["sample_stats"]["energy"].copy()
    energy[0, :3] = [np.nan, np.inf, -np.inf]
    loaded = load_fit(save(with_group(fit, "sample_stats", energy=energy), tmp_path / "fit.nc"))
    np.testing.assert_array_equal(loaded.idata["sample_stats"]["energy"], energy)


def test_loading_is_eager_and_closes_the_file(fit, tmp_path):
    path = save(fit, tmp_path / "fit.nc")
    loaded = load_fit(path)
    with h5py.File(path, "r+") as file:  # HDF5 refuses this while the file is open for reading
        del file["posterior"]
    path.unlink()
    xr.testing.assert_identical(loaded.idata, fit.idata)


def test_an_existing_file_is_replaced(fit, saved, tmp_path):
    path = tmp_path / "fit.nc"
    path.write_bytes(b"old")
    assert save(fit, path) == path
    xr.testing.assert_identical(load_fit(path).idata, fit.idata)
    assert os.listdir(tmp_path) == ["fit.nc"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError(28, "No space left on device"), MemoryError])
@pytest.mark.parametrize("step", ["write", "check", "replace"])
def test_a_failed_save_leaves_the_folder_as_it_was(fit, tmp_path, monkeypatch, failure, step):
    path = tmp_path / "fit.nc"
    path.write_bytes(b"old")

    def fail(*args):
        raise failure

    target = {
        "write": (marked, "tree_to_bytes"),
        "check": (storage, "read_posterior"),
        "replace": (os, "replace"),
    }[step]
    monkeypatch.setattr(*target, fail)
    expected = FitFileError if isinstance(failure, OSError) else failure
    with pytest.raises(expected):
        save(fit, path)
    assert os.listdir(tmp_path) == ["fit.nc"] and path.read_bytes() == b"old"


def test_a_file_that_does_not_read_back_is_not_put_in_place(fit, tmp_path, monkeypatch):
    write = netcdf.tree_to_bytes
    monkeypatch.setattr(marked, "tree_to_bytes", lambda tree: write(tree)[:-500])
    with pytest.raises(FitFileError, match=r"fit\.nc: not a NetCDF-4 file, or damaged"):
        save(fit, tmp_path / "fit.nc")
    assert os.listdir(tmp_path) == []


def test_save_refuses_places_it_cannot_write(fit, tmp_path):
    with pytest.raises(FitFileError, match="a folder; give a file name"):
        save(fit, tmp_path)
    with pytest.raises(FitFileError, match="does not exist; make it first"):
        save(fit, tmp_path / "no" / "fit.nc")


def test_a_fit_of_other_runs_is_not_saved(fit, tmp_path):
    other = replace(fit.runs, frame=fit.runs.frame.assign(loss=fit.runs.frame["loss"] + 0.1))
    with pytest.raises(FitFileError, match="not those that were fitted"):
        save(replace(fit, runs=other), tmp_path / "fit.nc")
    assert os.listdir(tmp_path) == []
