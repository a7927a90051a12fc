"""Bad input on the command line: exit code 2, one message, no traceback, nothing written."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.helpers.command_line import GOOD_ROWS, HEADER, PLANNED, assert_refused, run
from tests.helpers.fits import small_fit, small_simulation


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def fit_file(folder):
    small_fit().save(folder / "small.nc")
    return folder / "small.nc"


@pytest.fixture(scope="module")
def runs_file(folder):
    (folder / "runs.csv").write_text(small_simulation().to_csv(), encoding="utf-8")
    return folder / "runs.csv"


@pytest.fixture
def no_sampling(monkeypatch):
    def never(*_, **__):
        raise AssertionError("the sampler was reached")

    monkeypatch.setattr("bayes_scaling.posterior.fitting._sample", never)


BAD_TABLES = {
    "empty": b"",
    "header_only": HEADER.encode(),
    "one_row": (HEADER + "llama,2048,1e8,2e9,3.1\n").encode(),
    "nan": (HEADER + GOOD_ROWS + "llama,2048,1e8,nan,3.1\n").encode(),
    "inf": (HEADER + GOOD_ROWS + "llama,2048,1e8,inf,3.1\n").encode(),
    "text": (HEADER + GOOD_ROWS + "llama,2048,160M,1e9,3.1\n").encode(),
    "zero": (HEADER + GOOD_ROWS + "llama,2048,0,1e9,3.1\n").encode(),
    "negative": (HEADER + GOOD_ROWS + "llama,2048,1e8,1e9,-3.1\n").encode(),
    "no_loss": b"architecture,context_length,params,tokens\nllama,2048,1e8,2e9\nllama,2048,2e8,2e9\n",
    "bytes": bytes(np.random.default_rng(0).integers(0, 256, 4000, dtype=np.uint8)),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_bad_tables_are_refused_before_sampling(tmp_path, no_sampling, name):
    path, output = tmp_path / f"{name}.csv", tmp_path / "fit.nc"
    path.write_bytes(BAD_TABLES[name])
    assert_refused(run("fit", path, "-o", output), path.name)
    assert not output.exists()


def test_a_good_table_reaches_the_sampler(tmp_path, no_sampling, runs_file):
    """The negative control of the tests above."""
    assert isinstance(run("fit", runs_file, "-o", tmp_path / "fit.nc").exception, AssertionError)


@pytest.mark.parametrize("source", ["missing.csv", "."])
def test_what_is_no_file_is_refused(tmp_path, no_sampling, source):
    assert_refused(run("fit", tmp_path / source, "-o", tmp_path / "fit.nc"), tmp_path)


@pytest.fixture(params=["missing", "folder", "truncated", "other_netcdf", "bytes", "empty"])
def broken_fit(request, tmp_path, fit_file):
    path = tmp_path / f"{request.param}.nc"
    whole = fit_file.read_bytes()
    if request.param == "folder":
        path.mkdir()
    elif request.param == "other_netcdf":
        pd.DataFrame({"a": [1.0]}).to_xarray().to_netcdf(path, engine="h5netcdf")
    elif request.param != "missing":
        path.write_bytes(
            {"truncated": whole[: len(whole) // 2], "bytes": BAD_TABLES["bytes"], "empty": b""}[request.param]
        )
    return path


@pytest.mark.parametrize(
    "question", [("check",), ("summary",), ("loo",), ("cite",), ("frontier", "--compute", 1e20)]
)
def test_broken_fits_are_refused(broken_fit, question):
    command, *rest = question
    assert_refused(run(command, broken_fit, *rest), broken_fit.name)


@pytest.mark.parametrize(
    ("output", "reason"),
    [("fit.csv", ".nc"), ("fit", ".nc"), ("no/such/fit.nc", "does not exist"), (".", "a folder")],
)
def test_output_is_checked_before_any_work(tmp_path, no_sampling, runs_file, output, reason):
    assert_refused(run("fit", runs_file, "-o", tmp_path / output), reason)
    assert list(tmp_path.iterdir()) == []


def test_closed_output_folder_is_refused(runs_file, no_sampling, tmp_path, monkeypatch):
    def closed(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("bayes_scaling.cli.arguments.TemporaryFile", closed)
    assert_refused(run("fit", runs_file, "-o", tmp_path / "fit.nc"), "Permission denied", "fit.nc")


def test_interrupt_leaves_nothing(runs_file, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("bayes_scaling.posterior.fitting._sample", interrupted)
    result = run("fit", runs_file, "-o", tmp_path / "fit.nc")
    assert result.exit_code == 130 and "Traceback" not in result.stderr and result.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--compute", "abc"), "'abc'"),
        (("--compute", "1e20,"), "''"),
        (("--compute", "nan"), "'nan'"),
        (("--compute", "-1e20"), "-1e+20"),
        (("--compute", "1e20", "--context-length", "8k"), "'8k'"),
        (("--compute", "1e20", "--context-length", "0.5"), "0.5"),
        (("--compute", "1e20", "--architecture", "mamba"), "mamba"),
        (("--compute", "1e20", "--cost", "7ND"), "7ND"),
    ],
)
@pytest.mark.parametrize("command", ["frontier", "compare"])
def test_bad_questions_are_refused(fit_file, command, options, part):
    assert_refused(run(command, fit_file, *options), part)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--law", "linear"), "linear"),
        (("--pooling", "some"), "some"),
        (("--backend", "stan"), "stan"),
        (("--draws", "0"), "draws"),
        (("--seed", "-1"), "seed"),
        (("--spec", "nowhere.toml"), "nowhere.toml"),
        (("--column", "architecture"), "NAME=COLUMN"),
        (("--column", "loss=nothing"), "nothing"),
        (("--column", "loss=a", "--column", "loss=b"), "twice"),
    ],
)
def test_bad_fit_options_are_refused(runs_file, tmp_path, no_sampling, options, part):
    assert_refused(run("fit", runs_file, "-o", tmp_path / "fit.nc", *options), part)


@pytest.mark.parametrize("text", ['law = "linear"', "law = ", "nonsense = 1", "[priors.E]\nmedian = -1"])
def test_bad_specs_are_refused(runs_file, tmp_path, no_sampling, text):
    spec = tmp_path / "spec.toml"
    spec.write_text(text)
    assert_refused(run("fit", runs_file, "-o", tmp_path / "fit.nc", "--spec", spec), "spec.toml")
    spec.write_text('law = "gamma"')
    assert_refused(run("fit", runs_file, "-o", tmp_path / "fit.nc", "--spec", spec, "--law", "gamma"), "both")


def test_usage_errors_give_two(fit_file):
    for arguments in (["nothing"], ["frontier", fit_file], ["frontier", fit_file, "--computer", "1"]):
        result = run(*arguments)
        assert result.exit_code == 2 and "Error: " in result.stderr and result.stdout == ""


def test_bad_predict_inputs_are_refused(fit_file, tmp_path):
    planned = tmp_path / "planned.csv"
    planned.write_text(PLANNED)
    assert_refused(run("predict", fit_file, planned, "--kind", "median"), "median")
    path = tmp_path / "other.csv"
    path.write_text("architecture,context_length,params,tokens\nmamba,2048,1e8,2e9\n")
    assert_refused(run("predict", fit_file, path), "mamba")


def test_the_entry_point_runs_in_a_process_of_its_own(fit_file):
    command = [sys.executable, "-m", "bayes_scaling.cli", "frontier", str(fit_file), "--compute", "1e20"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "params" in done.stdout and done.stderr == ""
    bad = subprocess.run([*command[:4], "no.nc", *command[5:]], capture_output=True, text=True, check=False)
    assert bad.returncode == 2 and bad.stderr.startswith("Error: no.nc") and bad.stdout == ""


def test_a_missing_fit_and_an_architecture_by_another_case_name_what_is_near(fit_file):
    beside = fit_file.with_name(f"{fit_file.stem}s.nc")
    missing = run("frontier", beside, "--compute", "1e20")
    assert_refused(missing, f"did you mean {fit_file.name}?", "--output of the command fit")
    other = run("frontier", fit_file, "--compute", "1e20", "--architecture", "xLSTM")
    assert_refused(other, "did you mean 'xlstm'?")
    far = run("frontier", fit_file, "--compute", "1e20", "--architecture", "rwkv")
    assert_refused(far, "this fit has")
    assert "did you mean" not in far.stderr
