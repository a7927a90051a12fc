import json
from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.latency.backtest import LatencyBacktest, score, score_fits
from tests.helpers.command_line import assert_refused, records, run
from tests.helpers.latency_tables import queries, simulated, small_fit

pytestmark = pytest.mark.filterwarnings("ignore::bayes_scaling.errors.ConvergenceWarning")
QUANTILES = ("median", "mean", "q025", "q05", "q25", "q75", "q95", "q975")


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    return small_fit().save(tmp_path_factory.mktemp("latency") / "latency.nc")


@pytest.fixture(scope="module")
def asked(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("queries") / "queries.csv"
    queries(("llama",)).iloc[::-3].to_csv(path, index=False)
    return path


def test_predict_prints_one_record_a_row_in_order(saved, asked):
    rows = records("latency", "predict", saved, asked)
    expected = queries(("llama",)).iloc[::-3]
    assert [row["row"] for row in rows] == list(range(len(expected)))
    assert [row["batch_size"] for row in rows] == expected["batch_size"].tolist()
    assert [row["prefill"] for row in rows] == expected["prefill"].tolist()
    needed = {f"{name}_{q}" for name in ("ttft_ms", "step_time_ms") for q in QUANTILES}
    needed |= {"row", "architecture", "params", "batch_size", "prefill", "fits_probability"}
    assert needed <= set(rows[0])
    assert all(row["step_time_ms_q05"] < row["step_time_ms_q95"] for row in rows)


def test_predictions_and_coefficients_are_printed(saved, asked):
    shown = run("latency", "predict", saved, asked)
    assert shown.exit_code == 0 and "90% interval" in shown.stdout and "P(fits)" in shown.stdout
    shown = run("latency", "summary", saved)
    assert shown.exit_code == 0 and "key_bandwidth" in shown.stdout


def test_fit_writes_a_file_and_reports_the_checks(tmp_path):
    table = simulated()[0]
    table[(table["architecture"] == "llama") & (table["prefill"] > 0)].drop(
        columns=["step_time_ms", "measured"]
    ).to_csv(tmp_path / "timings.csv", index=False)
    output = tmp_path / "fit.nc"
    result = run("latency", "fit", tmp_path / "timings.csv", "-o", output, "--device", "H100-SXM",
                 "--draws", 20, "--tune", 20, "--chains", 2, "--json")  # fmt: skip
    assert result.exit_code == 1 and output.exists()  # so few draws fail the gate
    checks = {row["name"]: row["status"] for row in json.loads(result.stdout)}
    assert checks["ess_bulk"] == "FAIL"


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"step_time_ms": -1.0}, ("step_time_ms", "negative")),
        ({"ttft_ms": 0.0}, ("ttft_ms", "zeros")),
        ({"batch_size": 0}, ("batch_size", "1 or more")),
        ({"prefill": -1}, ("prefill", "negative")),
    ],
)
def test_bad_timings_are_refused_and_nothing_is_written(tmp_path, change, parts):
    table = simulated()[0].assign(**change)
    table.to_csv(tmp_path / "timings.csv", index=False)
    result = run(
        "latency", "fit", tmp_path / "timings.csv", "-o", tmp_path / "fit.nc", "--device", "H100-SXM"
    )
    assert_refused(result, *parts)
    assert not (tmp_path / "fit.nc").exists()


def test_an_unknown_device_is_asked_for_its_constants(tmp_path):
    result = run("latency", "fit", tmp_path / "none.csv", "-o", tmp_path / "fit.nc", "--device", "TPU-9")
    assert_refused(result, "TPU-9", "bytes_per_second")


def test_files_of_another_kind_are_refused(saved, tmp_path):
    runs = tmp_path / "runs.csv"
    runs.write_text("architecture,params,tokens,loss\nllama,1e9,1e10,2.5\n")
    assert_refused(run("latency", "predict", saved, runs), "batch_size", "missing")
    assert_refused(run("latency", "predict", runs, runs), "not a NetCDF")
    assert_refused(run("latency", "predict", tmp_path / "none.nc", runs), "no such file")
    assert_refused(run("check", saved), "LatencyFit")


def test_the_help_names_every_command():
    text = run("latency", "--help").stdout
    for name in ("fit", "predict", "summary", "backtest", "stages"):
        assert name in text


def test_scores_of_a_perfect_and_of_a_biased_prediction():
    import pandas as pd

    time = np.array([1.0, 2.0, 4.0, np.nan])
    rows = pd.DataFrame(
        {"left_out": 1e9, "architecture": "llama", "quantity": "ttft_ms",
         "time_ms": time, "median": time * 1.1, "q05": time * 0.9, "q95": time * 1.05,
         "roofline_ms": time / 2, "lines_ms": time * 3,
         "fits_probability": [0.9, 0.8, 0.4, 0.1], "measured": [1.0, 1.0, 1.0, 0.0]}
    )  # fmt: skip
    result = LatencyBacktest(rows, score(rows), score_fits(rows))
    found = result.scores.iloc[0]
    assert found["n"] == 3 and found["cover"] == 1.0
    assert found[["median_error", "roofline_error", "lines_error"]].tolist() == pytest.approx([0.1, 0.5, 2.0])
    assert result.fits.iloc[0]["accuracy"] == 0.75
    rows["q05"] = rows["time_ms"] * 1.01
    assert score(rows).iloc[0]["cover"] == 0.0
