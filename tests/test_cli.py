from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import bayes_scaling as bs
from bayes_scaling.cli import app
from tests.fits import small_fit, small_simulation
from tests.synthetic import synthetic_fit

COMMANDS = "demo describe fit check summary predict frontier compare loo cite datasets".split()
HEAVY = "numpy pandas xarray jax numpyro pymc pytensor arviz_base arviz_stats matplotlib scipy rich".split()
QUANTILES = ("median", "mean", "q025", "q05", "q25", "q75", "q95", "q975")
HEADER = "architecture,context_length,params,tokens,loss\n"
GOOD_ROWS = "llama,2048,1e8,2e9,3.1\nllama,2048,2e8,4e9,2.9\n"


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def records(*arguments):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)
    assert isinstance(rows, list) and rows
    assert all(not isinstance(value, list | dict) for row in rows for value in row.values())
    return rows


def assert_refused(result, *parts):
    assert result.exit_code == 2, (result.stdout, result.stderr, result.exception)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ") and result.stderr.count("Error: ") == 1
    assert "Traceback" not in result.stderr
    for part in parts:
        assert str(part) in result.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def fit():
    return small_fit()


@pytest.fixture(scope="module")
def fit_file(fit, folder):
    fit.save(folder / "small.nc")
    return folder / "small.nc"


@pytest.fixture(scope="module")
def good_file(folder):
    """Passes its checks."""
    synthetic_fit().save(folder / "good.nc")
    return folder / "good.nc"


@pytest.fixture(scope="module")
def runs_file(folder):
    (folder / "runs.csv").write_text(small_simulation().to_csv(), encoding="utf-8")
    return folder / "runs.csv"


@pytest.fixture(scope="module")
def planned_file(folder):
    """Two designs without a loss, in an order that no sorting gives."""
    text = "architecture,context_length,params,tokens\nxlstm,8192,1e9,2e10\ntransformer,2048,3e8,6e9\n"
    (folder / "planned.csv").write_text(text)
    return folder / "planned.csv"


@pytest.fixture
def no_sampling(monkeypatch):
    def never(*_, **__):
        raise AssertionError("the sampler was reached")

    monkeypatch.setattr("bayes_scaling.fitting._sample", never)


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom bayes_scaling.cli import main\nsys.argv = ['bayes-scaling', '--help']\n"
        "try:\n    main()\nexcept SystemExit as leave:\n    assert not leave.code\n"
        f"print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert all(f"\n  {command} " in done.stdout for command in COMMANDS)


def test_heavy_names_are_modules_that_exist():
    """The negative control of the test above."""
    from importlib.util import find_spec

    assert all(find_spec(name) for name in HEAVY)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(command):
    result = run(command, "--help")
    assert result.exit_code == 0 and "--json" in result.stdout


def test_version():
    assert run("--version").stdout == f"bayes-scaling {bs.__version__}\n"


def test_frontier_records_are_the_table(fit, fit_file):
    rows = records(
        "frontier", fit_file, "--compute", "1e20,1e21", "--compute", "3e19", "--context-length", 8192
    )
    assert [(r["architecture"], r["compute"]) for r in rows] == [
        (a, c) for a in ("transformer", "xlstm") for c in (3e19, 1e20, 1e21)
    ]
    names = {f"{name}_{q}" for name in ("params", "tokens", "loss") for q in QUANTILES}
    assert names | {"architecture", "context_length", "compute", "cost"} <= set(rows[0])
    table = bs.frontier(fit, [3e19, 1e20, 1e21], 8192).table()
    for name in names:
        assert np.allclose([r[name] for r in rows], table[name], rtol=1e-12)
    assert {r["cost"] for r in rows} == {"6ND"} and {r["context_length"] for r in rows} == {8192}


def test_frontier_of_one_architecture_and_an_unseen_context(fit_file):
    rows = records(
        "frontier", fit_file, "--compute", 1e20, "--context-length", 16384, "--architecture", "xlstm"
    )
    assert [(r["architecture"], r["context_length"]) for r in rows] == [("xlstm", 16384)]


def test_predict_records_keep_the_order_of_the_rows(fit, fit_file, planned_file):
    rows = records("predict", fit_file, planned_file)
    assert [(r["row"], r["architecture"], r["context_length"]) for r in rows] == [
        (0, "xlstm", 8192),
        (1, "transformer", 2048),
    ]
    expected = fit.predict(pd.read_csv(planned_file)).mean(("chain", "draw")).to_numpy()
    assert np.allclose([r["mean"] for r in rows], expected)
    assert {"row", "params", "tokens", "mean", "sd", "median", "q025", "q975"} <= set(rows[0])


def test_predicted_responses_scatter_more_than_means(fit_file, planned_file):
    mean, response = (records("predict", fit_file, planned_file, "--kind", k) for k in ("mean", "response"))
    assert all(r["sd"] > m["sd"] for m, r in zip(mean, response, strict=True))


def test_compare_records(fit, fit_file):
    rows = records("compare", fit_file, "--compute", 1e20, "--context-length", 8192)
    pairs = {(r["architecture"], r["other"]): r for r in rows}
    assert set(pairs) == {("transformer", "xlstm"), ("xlstm", "transformer")}
    forth, back = pairs["xlstm", "transformer"], pairs["transformer", "xlstm"]
    assert math.isclose(forth["probability"] + back["probability"], 1)
    assert math.isclose(forth["difference_mean"], -back["difference_mean"])
    assert {f"{n}_{q}" for n in ("difference", "multiplier") for q in QUANTILES} <= set(forth)


def test_missing_numbers_are_null(fit_file):
    """xLSTM wins everywhere here, so no crossing exists."""
    rows = records("compare", fit_file, "--compute", 1e19, "--context-length", 8192)
    assert any(row["crossing_median"] is None for row in rows)


def test_summary_records(fit, fit_file):
    rows = records("summary", fit_file)
    assert {
        "variable",
        "architecture",
        "context_length",
        "mean",
        "sd",
        "q05",
        "ess_bulk",
        "ess_tail",
        "r_hat",
    } <= set(rows[0])
    assert [r["variable"] for r in rows].count("E") == 4
    assert next(r["context_length"] for r in rows if r["variable"] == "nu") is None


def test_check_exit_code_is_that_of_the_worst(fit_file, good_file):
    good, bad = run("check", good_file, "--json"), run("check", fit_file, "--json")
    assert (good.exit_code, bad.exit_code) == (0, 1)
    for result in (good, bad):
        rows = json.loads(result.stdout)
        assert {"name", "status", "value", "threshold", "advice"} <= set(rows[0])
    assert any(row["status"] == "FAIL" for row in rows)
    assert run("check", good_file).exit_code == 0


def test_loo_of_one_and_of_two(fit, fit_file, folder):
    assert records("loo", fit_file)[0]["model"] == "small"
    fit.save(folder / "again.nc")
    rows = records("loo", fit_file, folder / "again.nc")
    assert {row["model"] for row in rows} == {"small", "again"} and rows[0]["elpd_difference"] == 0
    assert "elpd" in run("loo", fit_file, folder / "again.nc").stdout
    assert_refused(run("loo", fit_file, fit_file), "small.nc", "more than once")


def test_loo_tells_fits_of_one_name_apart(fit, fit_file, tmp_path):
    fit.save(tmp_path / "small.nc")
    names = {row["model"] for row in records("loo", fit_file, tmp_path / "small.nc")}
    assert names == {str(fit_file), str(tmp_path / "small.nc")}


def test_loo_of_other_runs_is_refused(fit_file, good_file):
    assert_refused(run("loo", fit_file, good_file), "different runs")


def test_cite_all_and_of_a_fit(fit_file):
    everything, used = records("cite"), records("cite", fit_file)
    assert {r["key"] for r in used} < {r["key"] for r in everything}
    assert all(r["bibtex"].startswith("@") for r in everything)
    assert run("cite", fit_file).stdout.startswith("@software{bayes_scaling")


def test_datasets():
    assert "simulated" in {row["name"] for row in records("datasets")}
    assert "simulated" in run("datasets").stdout


def test_describe(runs_file):
    rows = records("describe", runs_file)
    assert sum(row["n"] for row in rows) == len(small_simulation().runs)
    assert "loss (nats/token)" in run("describe", runs_file).stdout


def test_describe_shows_findings_once(tmp_path):
    path = tmp_path / "few.csv"
    path.write_text(HEADER + GOOD_ROWS)
    shown, quiet = run("describe", path), run("describe", path, "--json")
    assert (shown.stdout + shown.stderr).count("fewer than 6 runs") == 1
    assert len(json.loads(quiet.stdout)) == 1 and quiet.stderr.count("fewer than 6 runs") == 1


@pytest.mark.parametrize(
    "question", [("frontier", "--compute", "1e20"), ("compare", "--compute", "1e22"), ("summary",), ("loo",)]
)
def test_tables_for_people_are_whole_and_without_colour(fit_file, question):
    command, *rest = question
    text = run(command, fit_file, *rest).stdout
    assert "\x1b" not in text and "…" not in text
    assert command == "loo" or "90% interval" in text
    assert "q025" not in text


def test_notes_tell_of_extrapolation(fit_file, planned_file):
    assert "outside the fitted runs" in run("frontier", fit_file, "--compute", 1e23).stdout
    near = run("frontier", fit_file, "--compute", 3e19).stdout
    assert "outside the fitted runs" not in near and "compute (FLOPs)" in near
    assert "loss (nats/token)" in run("predict", fit_file, planned_file).stdout


def test_numbers_are_right_aligned(fit_file):
    lines = run("frontier", fit_file, "--compute", "1e19,1e21").stdout.splitlines()
    end = lines[0].index("context (tokens)") + len("context (tokens)")
    rows = lines[2 : 2 + 8]
    assert len({len(line.rstrip()) for line in rows}) == 1
    assert all(line[end - 1].isdigit() and line[end : end + 1].strip() == "" for line in rows)


def test_fit_saves_what_the_python_interface_gives(runs_file, tmp_path):
    output = tmp_path / "fit.nc"
    small = ("--draws", 60, "--tune", 150, "--chains", 2, "--seed", 1)
    result = run("fit", runs_file, "-o", output, *small, "--json")
    assert result.exit_code == 1  # so few draws cannot pass
    assert {row["name"] for row in json.loads(result.stdout)} >= {"r_hat", "ess_bulk", "divergences"}
    saved = bs.load_fit(output)
    assert saved.runs.data_hash == small_fit().runs.data_hash
    assert np.allclose(saved.posterior["E"], small_fit().posterior["E"])
    assert str(output) in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["fit.nc"]


def test_fit_reads_a_spec_and_maps_columns(tmp_path, monkeypatch):
    seen = {}

    def record(runs, spec, **_):
        seen.update(runs=runs, spec=spec)
        return synthetic_fit()

    monkeypatch.setattr("bayes_scaling.fitting.fit", record)
    path, spec = tmp_path / "runs.csv", tmp_path / "spec.toml"
    path.write_text("train_set," + HEADER + "c4,llama,2048,1e8,2e9,3.1\npile,llama,2048,2e8,4e9,2.9\n")
    spec.write_text('law = "chinchilla"\n[priors.E]\nmedian = 1.5\n')
    result = run("fit", path, "-o", tmp_path / "fit.nc", "--spec", spec, "--column", "architecture=train_set")
    assert result.exit_code == 0, result.stderr
    assert seen["runs"].architectures == ("c4", "pile")
    assert seen["spec"].law == "chinchilla" and seen["spec"].prior("E").median == 1.5
    assert "overall: PASS" in result.stdout and "Note: " in result.stderr


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
    result = run("fit", path, "-o", output)
    assert result.exit_code == 2 and result.stdout == "", result.exception
    message = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(message) == 1 and path.name in message[0]
    assert "Traceback" not in result.stderr
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

    monkeypatch.setattr("bayes_scaling.fitting._sample", interrupted)
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


def test_bad_predict_inputs_are_refused(fit_file, planned_file, tmp_path):
    assert_refused(run("predict", fit_file, planned_file, "--kind", "median"), "median")
    path = tmp_path / "other.csv"
    path.write_text("architecture,context_length,params,tokens\nmamba,2048,1e8,2e9\n")
    assert_refused(run("predict", fit_file, path), "mamba")


def test_the_entry_point_runs_in_a_process_of_its_own(fit_file):
    command = [sys.executable, "-m", "bayes_scaling.cli", "frontier", str(fit_file), "--compute", "1e20"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "params" in done.stdout and done.stderr == ""
    bad = subprocess.run([*command[:4], "no.nc", *command[5:]], capture_output=True, text=True, check=False)
    assert bad.returncode == 2 and bad.stderr.startswith("Error: no.nc") and bad.stdout == ""
