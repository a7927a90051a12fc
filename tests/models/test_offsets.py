"""Offsets: recipes that shift the loss, checkpoints of one run, and what ignoring them costs."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import ConvergenceWarning, SpecError
from bayes_scaling.laws.law import GAMMA_LAW
from bayes_scaling.models.misfit import OFFSET
from bayes_scaling.posterior.coefficients import offset_of
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.runs.table import Runs
from tests.helpers.small_runs import TRUTH

SHIFT = 0.012
SAMPLING = {"draws": 300, "tune": 300, "chains": 2, "seed": 2, "progress": False, "law": "chinchilla"}


def fitted(runs: Runs, discrepancy: str = "none", **options) -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return bs.fit(runs, discrepancy=discrepancy, **SAMPLING, **options)


def checkpoints() -> Runs:
    """Six trainings with twelve checkpoints; each training is off by its own per cent."""
    rng = np.random.default_rng(6)
    params = np.repeat(np.geomspace(5e7, 2e9, 6), 12)
    tokens = params * np.tile(np.geomspace(5, 300, 12), 6)
    training = np.repeat(np.arange(6), 12)
    loss = GAMMA_LAW.loss(
        np, params, tokens, {**TRUTH, "gamma": 1.0, "A": 400.0, "B": 1500.0, "alpha": 0.34, "beta": 0.36}
    )
    loss = loss * np.exp(OFFSET * rng.standard_normal(6)[training] + 0.001 * rng.standard_normal(72))
    frame = pd.DataFrame(
        {"params": params, "tokens": tokens, "loss": loss, "training": [f"run {i}" for i in training]}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_runs(frame.assign(architecture="llama", context_length=2048))


@pytest.fixture(scope="module")
def recipes() -> Runs:
    """Half of the runs were made by a recipe that is 1.2% worse."""
    rng = np.random.default_rng(3)
    params = np.exp(rng.uniform(np.log(5e7), np.log(2e9), 80))
    tokens = params * np.exp(rng.uniform(np.log(5), np.log(300), 80))
    worse = np.arange(80) % 2
    truth = {**TRUTH, "gamma": 1.0, "A": 400.0, "B": 1500.0, "alpha": 0.34, "beta": 0.36}
    loss = GAMMA_LAW.loss(np, params, tokens, truth) * np.exp(SHIFT * worse + 0.002 * rng.standard_normal(80))
    frame = pd.DataFrame({"params": params, "tokens": tokens, "loss": loss})
    frame["recipe"] = np.where(worse, "old", "new")
    return load_runs(frame.assign(architecture="llama", context_length=2048))


@pytest.fixture(scope="module")
def fit(recipes: Runs) -> Fit:
    return fitted(recipes, offsets=["recipe"])


def test_the_shift_between_recipes_is_found(fit: Fit) -> None:
    difference = offset_of(fit, "llama", "recipe", "old") - offset_of(fit, "llama", "recipe", "new")
    assert abs(difference.mean() - SHIFT) < 4 * difference.std()
    assert difference.std() < 0.002


def test_ignoring_recipes_inflates_the_noise(recipes: Runs, fit: Fit) -> None:
    plain = fitted(recipes)
    assert float(plain.posterior["sigma"].mean()) > 2 * float(fit.posterior["sigma"].mean())


def test_predictions_follow_the_recipe(fit: Fit, recipes: Runs) -> None:
    row = recipes.frame.iloc[[0]].assign(loss=np.nan)
    asked = pd.concat([row.assign(recipe=name) for name in ("old", "new", "unheard of")], ignore_index=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mean, response = (bs.predict(fit, asked.drop(columns="loss"), kind) for kind in ("mean", "response"))
    log = np.log(mean.to_numpy().reshape(-1, 3))
    assert (log[:, 0] - log[:, 1]).mean() == pytest.approx(SHIFT, abs=0.002)
    spread = np.log(response.to_numpy().reshape(-1, 3)).std(0)
    assert spread[2] > 1.5 * spread[0]


def test_checkpoints_of_one_training_are_not_independent_runs() -> None:
    """Ignored, seventy-two points look like seventy-two trainings: E seems known far too well."""
    runs = checkpoints()
    aware, ignorant = fitted(runs, offsets=["training"]), fitted(runs)
    assert float(aware.posterior["sigma"].mean()) < 0.5 * float(ignorant.posterior["sigma"].mean())
    large = pd.DataFrame({"architecture": ["llama"], "context_length": 2048, "params": 2e10, "tokens": 4e11})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spread = [float(np.log(bs.predict(f, large)).std()) for f in (aware, ignorant)]
    assert spread[0] > 1.2 * spread[1]


def test_offsets_go_with_a_drift_and_into_the_file(recipes: Runs, tmp_path) -> None:
    both = fitted(recipes, "drift", offsets=["recipe"])
    both.save(tmp_path / "fit.nc")
    again = bs.load_fit(tmp_path / "fit.nc")
    assert again.spec == both.spec and again.spec.offsets == ("recipe",)
    np.testing.assert_array_equal(
        offset_of(again, "llama", "recipe", "old"), offset_of(both, "llama", "recipe", "old")
    )
    assert bs.frontier(again, 1e21).table(full=True)["params_median"].notna().all()


def test_bad_offsets_are_refused(recipes: Runs) -> None:
    with pytest.raises(SpecError, match="no column 'colour'"):
        bs.fit(recipes, offsets=["colour"])
    for wrong in (["a", "a"], [""], "recipe", [3]):
        with pytest.raises(SpecError, match="offsets"):
            bs.ModelSpec(offsets=wrong)
