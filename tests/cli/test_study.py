"""Commands of a study: inverse questions, context length, classical estimates, figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling.classical import isoflop_fit, token_param_slopes
from bayes_scaling.plots import study
from bayes_scaling.plots.study import save_figures
from tests.classical.test_isoflop import grid
from tests.helpers.command_line import assert_refused, records, run
from tests.helpers.fits import small_fit
from tests.helpers.synthetic import synthetic_fit

pytestmark = pytest.mark.filterwarnings("ignore::bayes_scaling.errors.RunsWarning")
FIT = synthetic_fit(draws=60)


@pytest.fixture(scope="module")
def fit_file(tmp_path_factory):
    return FIT.save(tmp_path_factory.mktemp("study") / "fit.nc")


@pytest.fixture(scope="module")
def runs_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "runs.csv"
    grid(0.3, points=11, noise=1e-3).to_csv(path, index=False)
    return path


def test_iso_loss_records_are_the_table(fit_file) -> None:
    found = records("iso-loss", fit_file, "--loss", "2.6,2.5", "--cost", "accounted")
    table = bs.iso_loss(FIT, [2.6, 2.5], cost="accounted").table(full=True)
    assert [row["compute_median"] for row in found] == pytest.approx(list(table["compute_median"]))


def test_optimal_params_records_are_the_table(fit_file) -> None:
    found = records("optimal-params", fit_file, "--params", "7e9", "--architecture", "xlstm")
    table = bs.optimal_for_params(FIT, 7e9, architecture="xlstm").table(full=True)
    assert [row["tokens_q05"] for row in found] == pytest.approx(list(table["tokens_q05"]))


def test_context_records_are_the_table(fit_file) -> None:
    found = records("context", fit_file, "--compute", "1e20")
    table = bs.context_effect(FIT, 1e20).table(full=True)
    assert [row["params_slope_median"] for row in found] == pytest.approx(list(table["params_slope_median"]))


@pytest.mark.parametrize(
    "question",
    [
        ("iso-loss", "--loss", "2.6,0.1"),
        ("optimal-params", "--params", "1e9"),
        ("context", "--compute", "1e20"),
    ],
)
def test_tables_for_people(fit_file, question) -> None:
    result = run(question[0], fit_file, *question[1:])
    assert result.exit_code == 0
    assert "transformer" in result.stdout and "90% interval" in result.stdout
    assert "inf decades" not in result.stdout


def test_classical_records_are_the_tables(runs_file) -> None:
    found = records("classical", runs_file, "--resamples", "20")
    table = isoflop_fit(str(runs_file), resamples=20).table()
    assert [row["params"] for row in found] == pytest.approx(list(table["params"]))
    at = records("classical", runs_file, "--compute", "1e22", "--resamples", "20")
    assert at[0]["params_estimate"] == pytest.approx(
        isoflop_fit(str(runs_file), resamples=20).frontier(1e22)["params_estimate"].iloc[0]
    )


@pytest.mark.parametrize("method", ["isoflop", "huber", "hull", "envelope"])
def test_classical_methods_print(runs_file, method: str) -> None:
    result = run("classical", runs_file, "--method", method, "--resamples", "10")
    assert result.exit_code == 0 and "transformer" in result.stdout


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--method", "kalman"), "isoflop, huber"),
        (("--method", "slopes", "--compute", "1e20"), "no optima"),
        (("--compute", "0"), "compute budget 0"),
        (("--budget", "label"), "no column 'label'"),
        (("--method", "huber", "--law", "kepler"), "unknown law"),
    ],
)
def test_bad_classical_questions(runs_file, options, part: str) -> None:
    assert_refused(run("classical", runs_file, *options), part)


@pytest.mark.parametrize(
    ("question", "part"),
    [
        (("iso-loss", "--loss", "-1"), "loss"),
        (("iso-loss", "--loss", "low"), "not a number"),
        (("optimal-params", "--params", "0"), "params"),
        (("context", "--compute", "1e20", "--context-length", "2048"), "two context lengths"),
        (("frontier", "--compute", "1e20", "--cost", "dollars"), "6ND"),
    ],
)
def test_bad_questions(fit_file, question, part: str) -> None:
    assert_refused(run(question[0], fit_file, *question[1:]), part)


def test_figures_are_drawn_or_explained(tmp_path) -> None:
    fit = small_fit().save(tmp_path / "small.nc")
    result = run("figures", fit, "-o", tmp_path / "figures")
    assert result.exit_code == 0
    drawn = {path.stem for path in (tmp_path / "figures").glob("*.png")}
    told = {line.split()[2] for line in result.stdout.splitlines() if line.startswith("Note: no ")}
    assert drawn | told == {*study._FIGURES}
    assert {"surface", "comparison", "coefficients", "residuals"} <= drawn
    captions = (tmp_path / "figures" / "captions.md").read_text()
    assert {line[3:] for line in captions.splitlines() if line.startswith("## ")} == drawn
    assert "8 points" not in captions and "Cost of training" in captions


def test_figures_in_the_formats_of_papers(tmp_path) -> None:
    fit = small_fit().save(tmp_path / "small.nc")
    run("figures", fit, "-o", tmp_path / "figures", "--format", "pdf,svg")
    kinds = {path.suffix for path in (tmp_path / "figures").iterdir()}
    assert kinds == {".pdf", ".svg", ".md"}
    assert_refused(run("figures", fit, "-o", tmp_path, "--format", "gif"), "png, pdf, svg", "gif")


def test_figures_of_other_runs_are_refused(fit_file, runs_file, tmp_path) -> None:
    other = tmp_path / "other.csv"
    grid(0.3, points=11).assign(architecture="rwkv").to_csv(other, index=False)
    assert_refused(run("figures", fit_file, other, "-o", tmp_path / "figures"), "rwkv")
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert_refused(run("figures", fit_file, "-o", blocked), "no folder to write in")


def test_figures_need_no_accounting(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(study, "_FIGURES", {"residuals": study._FIGURES["residuals"]})
    assert [path.name for path in save_figures(FIT, tmp_path, cost="6ND").files] == [
        "residuals.png",
        "captions.md",
    ]


def test_lines_and_their_posterior() -> None:
    runs = FIT.runs.frame.copy()
    line = runs.iloc[:6].assign(params=np.geomspace(1e8, 2e9, 6))
    line["tokens"] = 40 * line["params"]
    line["flops"] = 6 * line["params"] * line["tokens"]
    slopes = token_param_slopes(line, resamples=0)
    fit = replace(FIT, runs=bs.load_runs(line))
    curves = plots.ratio_curves(fit, slopes)
    np.testing.assert_allclose(curves["tokens"] / curves["params"], 40)
    np.testing.assert_allclose(curves["compute"], 6 * curves["params"] * curves["tokens"], rtol=1e-6)
    figure = plots.plot_ratios(curves, slopes, line)
    assert len(figure.axes) == 1
