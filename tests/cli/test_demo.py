from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from bayes_scaling.cli import app
from bayes_scaling.cli.running.demo import run_demo, save_results
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.sweep.verdict import shipped_verdict
from tests.helpers.fits import small_fit

FIGURES = {"frontier", "comparison", "isoflop", "residuals", "coefficients", "predictions"}
FILES = {*(f"{name}.png" for name in FIGURES), "fit.nc", "report.html"}


@pytest.fixture
def fit(monkeypatch):
    """A stand-in for the fit of the measured runs, and budgets near its own runs."""
    monkeypatch.setattr("bayes_scaling.cli.running.demo.BUDGETS", (6e19, 2e20, 6e20))
    monkeypatch.setattr("bayes_scaling.cli.running.demo.CURVE", (6e18, 6e20, 5))
    return small_fit()


def test_demo_runs_through(tmp_path, capsys):
    result = run_demo(tmp_path / "out", draws=120, chains=2, max_draws=120)
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert {path.name for path in result.files} == FILES
    text = capsys.readouterr().out
    assert text.rstrip().endswith(str(tmp_path / "out" / "report.html"))
    for heading in ("Runs", "Fit", "Compute-optimal", "Which architecture wins", "How predictions did"):
        assert heading in text
    assert result.verdict.groups["runs"].iloc[-1] == len(result.verdict.runs)


def test_results_need_no_sampling(fit, tmp_path, monkeypatch):
    monkeypatch.setattr("bayes_scaling.cli.running.demo.write_report", lambda fit, path, *_, **__: path)
    assert {path.name for path in save_results(fit, shipped_verdict(), tmp_path)} == FILES


def test_a_bad_folder_is_refused_before_the_fit(tmp_path, monkeypatch):
    monkeypatch.setattr("bayes_scaling.cli.running.demo._fitted", lambda *_: pytest.fail("fitted"))
    (tmp_path / "file").write_text("")
    with pytest.raises(BayesScalingError, match="file: no folder to write in"):
        run_demo(tmp_path / "file")
    result = CliRunner().invoke(app, ["demo", "-o", str(tmp_path / "file")])
    assert result.exit_code == 2 and result.stderr.startswith("Error: ")


def test_json_prints_how_the_predictions_did(tmp_path, monkeypatch, fit):
    monkeypatch.setattr("bayes_scaling.cli.running.demo._fitted", lambda *_: fit)
    monkeypatch.setattr("bayes_scaling.cli.running.demo.save_results", lambda *_: (tmp_path / "report.html",))
    result = CliRunner().invoke(app, ["demo", "-o", str(tmp_path), "--json"])
    assert result.exit_code == 1  # the small fit has too few draws to pass its checks
    assert {"architecture", "runs", "inside_50", "inside_90", "bias"} <= set(json.loads(result.stdout)[0])
    assert "Which architecture wins" in result.stderr
