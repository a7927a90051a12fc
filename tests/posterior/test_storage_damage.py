"""A file that is not a whole fit is refused, with the file, the reason and the remedy."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr

from bayes_scaling.errors import BayesScalingError, FitFileError
from bayes_scaling.files import netcdf
from bayes_scaling.files.seal import seal_of
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior import storage
from bayes_scaling.posterior.fit import load_fit
from bayes_scaling.posterior.storage import save
from tests.helpers.synthetic import synthetic_fit


@pytest.fixture(scope="module")
def fit():
    return synthetic_fit(per_group=4, chains=2, draws=20)


@pytest.fixture(scope="module")
def saved(fit, tmp_path_factory):
    return save(fit, tmp_path_factory.mktemp("saved") / "fit.nc")


def tampered(fit, path, change):
    """A file whose tree was changed before the checksum was taken."""
    tree = storage._file_tree(fit)
    tree.attrs = {"kind": storage.KIND, "format_version": str(storage.FORMAT_VERSION)} | dict(tree.attrs)
    change(tree)
    tree.attrs["sha256"] = netcdf.content_digest(tree)
    content = netcdf.tree_to_bytes(tree)
    path.write_bytes(content + seal_of(content))
    return path


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(FitFileError, match=r"no\.nc: no such file; save a fit there first"):
        load_fit(tmp_path / "no.nc")
    with pytest.raises(FitFileError, match="a folder, not a file"):
        load_fit(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 4096, b"params,tokens,loss\n1e8,2e9,3.1\n", b"\x89HDF\r\n\x1a\n", bytes(range(256)) * 9],
)
def test_files_of_another_kind_are_refused(tmp_path, content):
    path = tmp_path / "fit.nc"
    path.write_bytes(content)
    with pytest.raises(FitFileError, match=r"fit\.nc: not a NetCDF-4 file"):
        load_fit(path)


def test_netcdf_of_something_else_is_refused(tmp_path):
    path = tmp_path / "other.nc"
    xr.Dataset({"x": ("t", [1.0, 2.0])}).to_netcdf(path, engine="h5netcdf")
    assert path.read_bytes().startswith(b"\x89HDF")
    with pytest.raises(FitFileError, match="something else, not a fit of bayes_scaling"):
        load_fit(path)


def test_every_truncation_is_refused(saved, tmp_path):
    content, path = saved.read_bytes(), tmp_path / "cut.nc"
    for size in np.linspace(0, len(content) - 1, 60).astype(int):
        path.write_bytes(content[:size])
        with pytest.raises(FitFileError, match=r"cut\.nc: .*; fit again and save, or restore"):
            load_fit(path)


def test_a_flipped_byte_is_refused_or_harmless(fit, saved, tmp_path):
    content, path = saved.read_bytes(), tmp_path / "flipped.nc"
    rng, refused = np.random.default_rng(0), 0
    for position in rng.integers(0, len(content), 60):
        damaged = bytearray(content)
        damaged[position] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            loaded = load_fit(path)
        except FitFileError:
            refused += 1
        else:
            xr.testing.assert_identical(loaded.idata, fit.idata)  # an unused byte
    assert refused > 30


@pytest.mark.parametrize("group", ["posterior", "log_likelihood", "observed_data"])
def test_one_changed_value_is_refused(fit, saved, tmp_path, group):
    name = "E" if group == "posterior" else "loss"
    value = fit.idata[group][name].values.ravel()[3].tobytes()
    content = saved.read_bytes()
    assert content.count(value) >= 1
    path = tmp_path / "fit.nc"
    path.write_bytes(content.replace(value, np.float64(2.5).tobytes()))
    with pytest.raises(FitFileError, match="checksum differs"):
        load_fit(path)


def _set(name, value):
    return lambda tree: tree.attrs.update({name: value})


def _of_an_earlier_drift(tree):
    tree.attrs |= {"format_version": "1", "spec": ModelSpec(discrepancy="drift").to_json()}


def _drop_group(name):
    return lambda tree: tree.__delitem__(name)


def _drop_variable(group, name):
    def change(tree):
        tree[group] = xr.DataTree(tree[group].to_dataset().drop_vars(name))

    return change


def _change_runs(tree):
    document = json.loads(tree["runs"]["text"].item())
    column = next(c for c in document["columns"] if c["name"] == "loss")
    column["values"][0] += 0.1
    tree["runs"] = xr.DataTree(xr.Dataset({"text": json.dumps(document)}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("kind", "somebody.Else"), "kind 'somebody.Else', not a fit"),
        (_set("format_version", "3"), "format version 3, this package reads up to 2; upgrade"),
        (_set("format_version", "new"), "'new' is not a number"),
        (_of_an_earlier_drift, "the discrepancy has another form since; fit the runs again"),
        (_set("spec", "{"), "model spec cannot be rebuilt .*upgrade bayes_scaling or fit again"),
        (_set("spec", '{"law": "quantum"}'), "unknown law 'quantum'"),
        (_set("data_hash", "0" * 64), "not those that were fitted"),
        (_drop_group("posterior"), "group 'posterior' is missing"),
        (_drop_group("log_likelihood"), "group 'log_likelihood' is missing"),
        (_drop_group("runs"), "group 'runs' is missing"),
        (_drop_variable("posterior", "beta"), "group 'posterior' lacks beta"),
        (_drop_variable("observed_data", "loss"), "group 'observed_data' lacks loss"),
        (lambda t: t.__setitem__("runs", xr.DataTree(xr.Dataset({"text": "[]"}))), "runs cannot be rebuilt"),
        (_change_runs, "not those that were fitted"),
    ],
)
def test_whole_files_that_are_no_fit_are_refused(fit, tmp_path, change, message):
    with pytest.raises(FitFileError, match=message):
        load_fit(tampered(fit, tmp_path / "fit.nc", change))


def test_an_unchanged_file_made_the_same_way_loads(fit, tmp_path):
    loaded = load_fit(tampered(fit, tmp_path / "fit.nc", lambda tree: None))
    xr.testing.assert_identical(loaded.idata, fit.idata)


def test_the_error_is_one_of_the_package():
    assert issubclass(FitFileError, BayesScalingError)
