"""A fit with a drift answers every question, keeps its drift in a file, and widens away from the runs."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingError, ConvergenceWarning, SpecError
from bayes_scaling.laws.drift import PLAIN, WALK_NAMES, in_context, knot_scales
from bayes_scaling.laws.law import GAMMA_LAW
from bayes_scaling.posterior.coefficients import drift_of
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.groups import surface_of
from tests.helpers.fits import SAMPLING, small_fit, small_simulation

FAR = 3e22


@pytest.fixture(scope="module")
def fit() -> Fit:
    return small_fit()


@pytest.fixture(scope="module")
def plain() -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return bs.fit(small_simulation().runs, discrepancy="none", seed=1, **SAMPLING)


def width(fit: Fit, compute: float) -> float:
    row = bs.frontier(fit, compute, 8192).table(full=True).iloc[0]
    return float(np.log(row["loss_q95"] / row["loss_q05"]))


def test_intervals_widen_away_from_the_runs_and_hardly_inside(fit: Fit, plain: Fit) -> None:
    """Long runs have ratios of 2.0 and 1.3; widths of so few draws are off by a sixth."""
    assert width(fit, FAR) > 1.4 * width(plain, FAR)
    assert width(fit, 2e19) < 2 * width(plain, 2e19)


def test_mean_predictions_hold_the_drift(fit: Fit) -> None:
    """Prediction, frontier and surface are one and the same loss."""
    row = bs.frontier(fit, FAR, 8192, "transformer").draws.isel(architecture=0, context_length=0, compute=0)
    params, tokens = (float(row[name].median()) for name in ("params", "tokens"))
    runs = pd.DataFrame(
        {"architecture": ["transformer"], "context_length": [8192], "params": params, "tokens": tokens}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predicted = bs.predict(fit, runs).isel(run=0).to_numpy()
    theta = bs.coefficients(fit, "transformer", 8192)
    surface = surface_of(fit, theta, "transformer", 8192)
    shape = (*predicted.shape, 1)
    own = surface.loss(np.full(shape, params), np.full(shape, tokens))[..., 0]
    np.testing.assert_allclose(predicted, own, rtol=1e-6)
    law_only = GAMMA_LAW.loss(np, params, tokens, surface.values)[..., 0]
    assert np.abs(predicted / law_only - 1).max() > 0.01


def test_architectures_drift_apart_and_new_ones_by_the_prior(fit: Fit) -> None:
    one, other, new = (drift_of(fit, name, 8192) for name in ("transformer", "xlstm", "mamba"))
    assert one and other and new
    assert not np.allclose(one.weights, other.weights)
    scales = in_context(knot_scales(fit.posterior["drift_scale"].to_numpy()), 0.0)
    ratio = [i for i, walk in enumerate(PLAIN) if WALK_NAMES[walk] in ("ratio", "params_term")]
    relative = (new.weights / np.where(scales > 0, scales, np.inf))[:, :, ratio]
    assert relative.std() == pytest.approx(1, abs=5 / np.sqrt(2 * relative.size))
    np.testing.assert_array_equal(new.weights, drift_of(fit, "mamba", 8192).weights)


def test_context_lengths_drift_apart_along_compute_only(fit: Fit) -> None:
    short, long = (drift_of(fit, "transformer", length) for length in (2048, 8192))
    assert short and long
    moved = np.abs(long.weights - short.weights).max((0, 1, 3)) > 0
    assert [WALK_NAMES[i] for i, differs in zip(PLAIN, moved, strict=True) if differs] == ["compute"]


def test_a_thinned_fit_keeps_each_draws_drift(fit: Fit) -> None:
    idata = fit.idata.copy()
    idata["posterior"] = idata["posterior"].to_dataset().isel(draw=slice(0, None, 7))
    thin = Fit(idata, fit.runs, fit.spec)
    whole = bs.frontier(fit, FAR, 8192, "transformer").draws["loss"].isel(draw=slice(0, None, 7))
    np.testing.assert_allclose(bs.frontier(thin, FAR, 8192, "transformer").draws["loss"], whole, rtol=1e-3)


def test_every_question_has_an_answer(fit: Fit, tmp_path) -> None:
    table = bs.compare(fit, [1e20, FAR], 8192).table(full=True)
    assert table["probability"].between(0, 1).all()
    assert bs.iso_loss(fit, 3.0, 8192).table(full=True)["compute_median"].notna().all()
    assert bs.optimal_for_params(fit, 5e8, 8192).table(full=True)["compute_median"].notna().all()
    assert bs.context_effect(fit, 1e20).table(full=True).notna().any(axis=None)
    assert len(fit.checks().table()) > 8


def test_the_file_keeps_the_drift(fit: Fit, tmp_path) -> None:
    path = tmp_path / "fit.nc"
    fit.save(path)
    again = bs.load_fit(path)
    assert again.spec.discrepancy == "drift" and "drift" in str(again)
    np.testing.assert_array_equal(
        drift_of(again, "transformer", 8192).weights, drift_of(fit, "transformer", 8192).weights
    )
    idata = fit.idata.copy()
    del idata["drift"]
    broken = Fit(idata, fit.runs, fit.spec)
    with pytest.raises(BayesScalingError, match="drift"):
        broken.save(tmp_path / "broken.nc")


def test_the_seed_reproduces_the_drift(fit: Fit) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        again = bs.fit(small_simulation().runs, discrepancy="drift", seed=1, **SAMPLING)
    np.testing.assert_array_equal(
        drift_of(again, "transformer", 8192).weights, drift_of(fit, "transformer", 8192).weights
    )


def test_the_default_is_the_drift_and_others_are_refused() -> None:
    assert bs.ModelSpec() == bs.ModelSpec(discrepancy="default") == bs.ModelSpec(discrepancy="drift")
    with pytest.raises(SpecError, match="discrepancy"):
        bs.ModelSpec(discrepancy="wobble")
