from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from bayes_scaling.cli import app
from bayes_scaling.data.simulation import shipped_truth
from bayes_scaling.data.truth import Truth
from bayes_scaling.demo import BUDGETS, run_demo, save_results, true_optima, truth_coverage
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.laws import GAMMA_LAW
from tests.fits import small_fit, small_simulation

FIGURES = {"frontier.png", "comparison.png", "isoflop.png", "residuals.png", "coefficients.png"}
FILES = {*FIGURES, "fit.nc", "report.html"}


@pytest.fixture(scope="module")
def fit():
    return small_fit()


@pytest.fixture(scope="module")
def coverage(fit):
    return truth_coverage(fit, small_simulation().truth).set_index("quantity")


def test_demo_runs_through(tmp_path, capsys):
    result = run_demo(tmp_path / "out", draws=120, chains=2)
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert {path.name for path in result.files} == FILES
    text = capsys.readouterr().out
    assert text.rstrip().endswith(str(tmp_path / "out" / "report.html"))
    for heading in ("Runs", "Fit", "Compute-optimal", "Which architecture wins", "The truth behind"):
        assert heading in text
    totals = result.coverage.set_index("quantity").loc[["all coefficients", "all optima"], "share"]
    # Draws of one data set are right or wrong together: far under 0.9 would still be a broken fit.
    assert (totals > 0.6).all()


def test_coverage_counts_every_group_and_budget(coverage):
    assert (coverage.loc[list(GAMMA_LAW.names), "of"] == 4).all()
    assert (coverage.loc[["optimal params", "optimal tokens", "loss there"], "of"] == 4 * len(BUDGETS)).all()
    assert coverage.loc["all coefficients", "of"] == 24 and coverage.loc["all optima", "of"] == 48
    assert np.allclose(coverage["share"], coverage["inside"] / coverage["of"])
    assert (coverage["nominal"] == 0.9).all()


def test_coverage_sees_a_wrong_truth(fit, coverage):
    truth = small_simulation().truth
    moved = truth.coefficients.assign(E=truth.coefficients["E"] * 2, alpha=truth.coefficients["alpha"] * 2)
    wrong = truth_coverage(fit, Truth(truth.law, moved, truth.nu)).set_index("quantity")
    assert wrong.loc[["E", "alpha", "loss there"], "inside"].sum() == 0
    assert coverage.loc[["E", "alpha"], "inside"].sum() > 0


def test_true_optima_are_the_cheapest_on_the_budget():
    truth = shipped_truth()
    table = true_optima(truth, [1e20])
    assert np.allclose(6 * table["params"] * table["tokens"], 1e20)
    for factor in (0.8, 1.25):
        moved = table.assign(params=table["params"] * factor, tokens=table["tokens"] / factor)
        assert (truth.expected_loss(moved) > table["loss"]).all()


def test_results_need_no_sampling(fit, tmp_path, monkeypatch):
    monkeypatch.setattr("bayes_scaling.page.write_report", lambda fit, path, *_: path)
    assert {path.name for path in save_results(fit, tmp_path)} == FILES


def test_a_bad_folder_is_refused_before_the_fit(tmp_path, monkeypatch):
    monkeypatch.setattr("bayes_scaling.demo._fitted", lambda *_: pytest.fail("fitted"))
    (tmp_path / "file").write_text("")
    with pytest.raises(BayesScalingError, match="file: no folder to write in"):
        run_demo(tmp_path / "file")
    result = CliRunner().invoke(app, ["demo", "-o", str(tmp_path / "file")])
    assert result.exit_code == 2 and result.stderr.startswith("Error: ")


def test_json_prints_the_coverage_only(tmp_path, monkeypatch, fit):
    monkeypatch.setattr("bayes_scaling.demo._fitted", lambda *_: fit)
    monkeypatch.setattr("bayes_scaling.demo.save_results", lambda *_: (tmp_path / "report.html",))
    result = CliRunner().invoke(app, ["demo", "-o", str(tmp_path), "--json"])
    assert result.exit_code == 1  # the small fit has too few draws to pass its checks
    assert {"quantity", "inside", "of", "share", "nominal"} == set(json.loads(result.stdout)[0])
    assert "Which architecture wins" in result.stderr
