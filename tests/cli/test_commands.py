from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.cli.running.output import print_json
from tests.helpers.command_line import GOOD_ROWS, HEADER, PLANNED, assert_refused, records, run
from tests.helpers.fits import small_fit, small_simulation
from tests.helpers.synthetic import synthetic_fit

COMMANDS = (
    *("demo", "describe", "fit", "check", "summary"),
    *("predict", "frontier", "iso-loss", "optimal-params", "context", "compare", "compare-runs", "loo"),
    *("backtest", "sbc", "stack", "classical", "figures", "cite", "datasets", "fetch"),
    *("decide", "lifetime", "plan", "design", "map"),
    "bench",
)
HEAVY = [
    *("numpy", "pandas", "xarray", "jax", "numpyro", "pymc", "pytensor"),
    *("arviz_base", "arviz_stats", "matplotlib", "scipy", "rich"),
]
QUANTILES = ("median", "mean", "q025", "q05", "q25", "q75", "q95", "q975")


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
    (folder / "planned.csv").write_text(PLANNED)
    return folder / "planned.csv"


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
    table = bs.frontier(fit, [3e19, 1e20, 1e21], 8192).table(full=True)
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


def test_what_is_no_number_is_null(capsys):
    table = pd.DataFrame({"a": [1.5, np.nan], "b": [np.inf, 2e-300], "c": pd.array([1, None], dtype="Int64")})
    print_json(table.assign(name=["é", None]))
    assert json.loads(capsys.readouterr().out) == [
        {"a": 1.5, "b": None, "c": 1, "name": "é"},
        {"a": None, "b": 2e-300, "c": None, "name": None},
    ]


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
    assert records("fetch", "simulated")[0]["path"].endswith(".csv")
    assert_refused(run("fetch", "nothing"), "'nothing'")


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
    far = run("frontier", fit_file, "--compute", 3e21, "--context-length", 65536).stdout
    for part in ("outside the fitted runs", "compute by up to", "context by up to 0.9 decades"):
        assert part in far
    assert "no run of transformer at context 65536, xlstm at context 65536" in far
    near = run("frontier", fit_file, "--compute", 3e19).stdout
    assert "compute by up to" not in near and "compute (FLOPs)" in near
    assert "loss (nats/token)" in run("predict", fit_file, planned_file).stdout


def test_numbers_are_right_aligned(fit_file):
    verdict, *lines = run("frontier", fit_file, "--compute", "1e19,1e21").stdout.splitlines()
    assert verdict.startswith("FAIL")
    end = lines[0].index("context (tokens)") + len("context (tokens)")
    rows = lines[2 : 2 + 8]
    assert len({len(line.rstrip()) for line in rows}) == 1
    assert all(line[end - 1].isdigit() and line[end : end + 1].strip() == "" for line in rows)


def test_fit_saves_what_the_python_interface_gives(runs_file, tmp_path):
    output = tmp_path / "fit.nc"
    small = ("--draws", 60, "--tune", 150, "--chains", 2, "--max-draws", 60, "--seed", 1)
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

    monkeypatch.setattr("bayes_scaling.cli.running.fits.fit", record)
    path, spec = tmp_path / "runs.csv", tmp_path / "spec.toml"
    path.write_text("train_set," + HEADER + "c4,llama,2048,1e8,2e9,3.1\npile,llama,2048,2e8,4e9,2.9\n")
    spec.write_text('law = "chinchilla"\n[priors.E]\nmedian = 1.5\n')
    result = run("fit", path, "-o", tmp_path / "fit.nc", "--spec", spec, "--column", "architecture=train_set")
    assert result.exit_code == 0, result.stderr
    assert seen["runs"].architectures == ("c4", "pile")
    assert seen["spec"].law == "chinchilla" and seen["spec"].prior("E").median == 1.5
    assert "overall: PASS" in result.stdout and "Warning: groups with fewer" in result.stderr
