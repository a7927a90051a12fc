"""Undertuned runs: errors on one side, and what it costs to take them for ordinary scatter."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats
from scipy.special import gammaln

import bayes_scaling as bs
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import ConvergenceWarning, SpecError
from bayes_scaling.laws.law import GAMMA_LAW
from bayes_scaling.models import density
from bayes_scaling.models.design import build_design
from bayes_scaling.models.mode import start
from bayes_scaling.models.whitening import Whitening
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.runs.table import Runs
from tests.helpers.small_runs import UNEVEN, small_runs

TRUTH = {"E": 1.8, "A": 400.0, "B": 1500.0, "alpha": 0.34, "beta": 0.36, "gamma": 1.0}
SAMPLING = {"draws": 400, "tune": 400, "chains": 2, "seed": 2, "progress": False, "law": "chinchilla"}
EXCESS = 0.02  # mean of ln L over the law, of the undertuned


@pytest.fixture(scope="module")
def undertuned() -> Runs:
    """Two runs of three had a bad learning rate: their losses are up to some per cent too high."""
    rng = np.random.default_rng(7)
    params = np.exp(rng.uniform(np.log(5e7), np.log(2e9), 120))
    tokens = params * np.exp(rng.uniform(np.log(5), np.log(300), 120))
    residual = 0.002 * rng.standard_normal(120) + np.where(
        np.arange(120) % 3, rng.exponential(EXCESS, 120), 0
    )
    loss = GAMMA_LAW.loss(np, params, tokens, TRUTH) * np.exp(residual)
    frame = pd.DataFrame({"params": params, "tokens": tokens, "loss": loss})
    return load_runs(frame.assign(architecture="llama", context_length=2048))


@pytest.fixture(scope="module")
def fits(undertuned: Runs) -> dict[str, Fit]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return {errors: bs.fit(undertuned, errors=errors, **SAMPLING) for errors in ("symmetric", "skewed")}


def level(fit: Fit, runs: Runs) -> np.ndarray:
    """Draws of the mean distance of the fitted law from the true one, in ln L."""
    params, tokens = (runs.frame[name].to_numpy() for name in ("params", "tokens"))
    true = np.log(GAMMA_LAW.loss(np, params, tokens, TRUTH))
    return (np.log(bs.predict(fit, runs).to_numpy()) - true).mean(-1).ravel()


@pytest.mark.slow
def test_ignoring_it_puts_the_law_too_high(fits, undertuned: Runs) -> None:
    ignored, told = (level(fits[errors], undertuned) for errors in ("symmetric", "skewed"))
    assert ignored.mean() > 0.004 and ignored.mean() > 5 * ignored.std()
    assert abs(told.mean()) < 0.4 * ignored.mean()
    assert float(fits["skewed"].posterior["skew"].mean()) > 3


def test_one_run_is_more_often_above_than_below(fits, undertuned: Runs) -> None:
    fit = fits["skewed"]
    mean, response = (bs.predict(fit, undertuned, kind).to_numpy() for kind in ("mean", "response"))
    skew = float(fit.posterior["skew"].mean())
    assert (response > mean).mean() == pytest.approx(skew / (1 + skew), abs=0.03)
    assert fit.checks()["coverage"].status == "PASS"


def test_the_file_keeps_it(fits, tmp_path) -> None:
    fits["skewed"].save(tmp_path / "fit.nc")
    again = bs.load_fit(tmp_path / "fit.nc")
    assert again.spec.errors == "skewed"
    assert bs.ModelSpec.from_toml(again.spec.to_toml()) == again.spec
    assert "skew" in set(again.summary()["variable"])
    assert bs.frontier(again, 1e21, 4096).table(full=True)["loss_median"].notna().all()


def test_the_density_has_two_scales_and_one_whole() -> None:
    design = build_design(small_runs(UNEVEN), bs.ModelSpec(errors="skewed", discrepancy="none"))
    natural = density.unpin(
        np, Whitening(start(design), np.eye(design.size)).position(np.zeros(design.size), design)
    )
    below, above = density.slot_scales(np, natural, design)
    mean, nu = density.law_at_slots(np, natural, design), 2 + np.exp(natural["nu"])
    rows = density.slot_log_likelihood(np, mean, natural, design, gammaln)
    side = np.where(design.log_loss > mean, above, below)
    expected = 2 / (below + above) * stats.t.pdf((design.log_loss - mean) / side, nu)
    np.testing.assert_allclose(np.exp(rows), expected, rtol=1e-10)

    def one(x: float) -> float:
        scale = above[0, 0] if x > 0 else below[0, 0]
        return float(2 / (below[0, 0] + above[0, 0]) * stats.t.pdf(x / scale, nu))

    assert integrate.quad(one, -1, 1, points=[0], limit=200)[0] == pytest.approx(1, abs=1e-3)


def test_simulated_noise_has_that_density(rng) -> None:
    noise = density.two_sided(rng.standard_t(6, size=20_000), 1.0, 3.0, rng)
    assert (noise > 0).mean() == pytest.approx(0.75, abs=0.015)
    assert stats.kstest(noise[noise > 0] / 3, lambda x: 2 * stats.t.cdf(x, 6) - 1).pvalue > 0.001


def test_unknown_errors_are_refused() -> None:
    with pytest.raises(SpecError, match="symmetric"):
        bs.ModelSpec(errors="slanted")
