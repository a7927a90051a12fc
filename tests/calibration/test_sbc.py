"""Simulation-based calibration: the bands, a small study, and its negative control."""

from __future__ import annotations

import sys
from concurrent.futures import Future

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling.calibration.sbc import RANKED
from bayes_scaling.calibration.uniformity import ecdf_at, outside, uniform_band
from bayes_scaling.errors import SpecError
from bayes_scaling.models.design import build_design
from bayes_scaling.models.draws import Sampling
from bayes_scaling.models.refit import compile_refitter
from tests.helpers.command_line import assert_refused, run
from tests.helpers.fits import small_simulation

REPLICATES = 50


class AtOnce:
    """An executor that does the work here."""

    def submit(self, call, *arguments) -> Future:
        future: Future = Future()
        future.set_result(call(*arguments))
        return future


@pytest.fixture(scope="module")
def runs():
    return bs.load_runs(small_simulation().runs)


@pytest.fixture(scope="module")
def study(runs):
    return bs.sbc(runs, bs.ModelSpec(discrepancy="none"), replicates=REPLICATES, seed=4)


def test_the_band_holds_uniform_curves_as_often_as_it_says(rng) -> None:
    ranks = rng.integers(0, RANKED + 1, size=(200, 4000))
    share = 1 - outside(ranks, RANKED, 0.95).mean()
    assert share == pytest.approx(0.95, abs=5 * np.sqrt(0.95 * 0.05 / 4000) + 0.003)


@pytest.mark.parametrize("power", [0.6, 1.6])
def test_other_curves_leave_the_band(rng, power: float) -> None:
    ranks = np.floor(rng.uniform(size=(400, 200)) ** power * (RANKED + 1)).astype(int)
    assert outside(ranks, RANKED, 0.95).mean() > 0.9


def test_too_wide_and_too_narrow_posteriors_leave_the_band(rng) -> None:
    for a in (0.5, 2.0):
        ranks = np.floor(rng.beta(a, a, size=(400, 200)) * (RANKED + 1)).astype(int)
        assert outside(ranks, RANKED, 0.95).mean() > 0.9


def test_ecdf_at_points() -> None:
    points = uniform_band(50, RANKED, 0.95).points
    curve = ecdf_at(np.arange(RANKED + 1), RANKED, points)
    np.testing.assert_allclose(curve, points, atol=1e-12)


@pytest.mark.parametrize("backend", ["numpyro", pytest.param("pymc", marks=pytest.mark.slow)])
def test_a_refit_is_the_fit(runs, backend: str) -> None:
    """The compiled loop and the usual sampler give one posterior."""
    design = build_design(runs, bs.ModelSpec())
    ours = compile_refitter(design, Sampling(draws=500, tune=300, chains=4), backend)(design.log_loss, 1)
    sigma = np.exp(ours.natural["sigma"]).reshape(-1, design.columns)
    theirs = bs.fit(runs, seed=2, draws=500, tune=300, progress=False).posterior["sigma"]
    for i, (a, t) in enumerate(zip(design.groups.architecture, design.groups.context_length, strict=True)):
        other = theirs.sel(architecture=a, context_length=t).to_numpy().ravel()
        error = np.hypot(sigma[:, i].std(), other.std()) / np.sqrt(400)  # the least ESS of the two
        assert abs(sigma[:, i].mean() - other.mean()) < 5 * error


def test_ranks_are_uniform(study) -> None:
    table = study.table()
    assert len(study.ranks) == REPLICATES and (study.ranks >= 0).all(axis=None)
    assert (study.ranks <= RANKED).all(axis=None)
    assert study.uniform, table[table["outside"]].to_string()
    assert {"E [xlstm, 8192]", "optimal params [transformer, 2048]", "loss difference", "nu"} <= set(
        table["quantity"]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "law", "errors"),
    [
        ("numpyro", "gamma", "symmetric"),
        ("pymc", "gamma", "symmetric"),
        ("numpyro", "kaplan", "symmetric"),
        ("numpyro", "varying-exponent", "symmetric"),
        ("numpyro", "data-limited", "skewed"),
    ],
)
def test_ranks_are_uniform_with_the_drift_in_both_back_ends_and_other_laws(
    runs, backend: str, law: str, errors: str
) -> None:
    epochs = np.resize((1, 2, 5, 15, 40), len(runs))
    design = bs.load_runs(runs.frame.assign(unique_tokens=runs.frame["tokens"] / epochs))
    found = bs.sbc(design, bs.ModelSpec(law, errors=errors), replicates=100, seed=4, backend=backend)
    assert found.uniform, found.table().query("outside").to_string()
    assert found.not_converged <= 10


def test_replicates_report_convergence(study) -> None:
    assert {"r_hat", "ess", "divergences", "converged"} == set(study.convergence)
    assert study.not_converged <= 0.1 * REPLICATES  # chains are short here


def test_a_wrong_likelihood_is_seen(runs) -> None:
    """The negative control: noise twice what the model thinks."""
    found = bs.sbc(runs, bs.ModelSpec(discrepancy="none"), replicates=20, seed=3, scale=2.0)
    table = found.table().set_index("quantity")
    assert not found.uniform
    assert table.loc["sigma [xlstm, 8192]", "outside_family"]


def test_the_seed_reproduces_here_and_in_parts_elsewhere(runs) -> None:
    here, parts = (
        bs.sbc(runs, replicates=2, draws=50, tune=60, seed=5, executor=executor).ranks
        for executor in (None, AtOnce())
    )
    assert here.equals(parts)


def test_figure(study) -> None:
    figure = plots.plot_ranks(study.ranks, RANKED)
    assert sum(ax.get_visible() for ax in figure.axes) == 11


def test_command_line(tmp_path, runs, monkeypatch, study) -> None:
    path = tmp_path / "runs.csv"
    runs.frame.to_csv(path, index=False)
    monkeypatch.setattr(sys.modules["bayes_scaling.calibration.sbc"], "sbc", lambda *_, **__: study)
    result = run("sbc", path, "--output", tmp_path / "ranks.png")
    assert result.exit_code == 0 and "the fit is calibrated" in result.stdout
    assert (tmp_path / "ranks.png").stat().st_size > 10_000


def test_bad_input(tmp_path, runs) -> None:
    with pytest.raises(SpecError, match="2 chains"):
        bs.sbc(runs, replicates=0)
    with pytest.raises(SpecError, match="backend"):
        bs.sbc(runs, backend="stan")
    assert_refused(run("sbc", tmp_path / "none.csv"), "no such file")
    path = tmp_path / "runs.csv"
    runs.frame.to_csv(path, index=False)
    assert_refused(run("sbc", path, "--law", "kepler"), "unknown law")
