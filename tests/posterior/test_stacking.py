"""Stacking: weights from scores, and a mixture that is a fit like any other."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingError, ConvergenceWarning, SpecError
from bayes_scaling.posterior.coefficients import drift_of
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.stacking import mixture, stacking_weights
from tests.helpers.command_line import assert_refused, records, run
from tests.helpers.fits import SAMPLING, small_fit, small_simulation
from tests.helpers.synthetic import synthetic_fit, with_group


@pytest.fixture(scope="module")
def fits() -> dict[str, Fit]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        runs = small_simulation().runs
        return {
            "chinchilla": bs.fit(runs, law="chinchilla", discrepancy="none", seed=1, **SAMPLING),
            "gamma": bs.fit(runs, discrepancy="none", seed=1, **SAMPLING),
            "drift": small_fit(),
        }


def left_out(scores: np.ndarray) -> pd.DataFrame:
    rows = pd.DataFrame(
        {"split": "a", "architecture": "xlstm", "context_length": 8192, "params": np.arange(len(scores))}
    )
    return rows.assign(tokens=1.0, loss=2.0, forecaster="model", median=2.0, log_score=scores)


def test_weights_maximise_the_mixtures_score(rng) -> None:
    scores = rng.normal(size=(400, 3)) + np.array([0.0, 0.3, -2.0])
    weights = stacking_weights(scores)

    def mean_score(w: np.ndarray) -> float:
        return float(np.log(np.exp(scores) @ w).mean())

    assert weights.sum() == pytest.approx(1)
    for other in rng.dirichlet([1, 1, 1], size=200):
        assert mean_score(weights) >= mean_score(other) - 1e-9


def test_a_model_that_is_better_everywhere_gets_all() -> None:
    scores = np.linspace(0, 1, 50)[:, None] + np.array([0.0, -1.0])
    np.testing.assert_allclose(stacking_weights(scores), [1, 0], atol=1e-6)
    assert np.isfinite(stacking_weights(scores - 5000)).all()


def test_draws_come_in_proportion_and_stay_whole(fits) -> None:
    mixed = mixture(fits, [0.25, 0.5, 0.25])
    assert mixed.spec.law == "gamma" and mixed.spec.discrepancy == "drift"
    gamma = mixed.posterior["gamma"]
    assert float((gamma == 1).all(("architecture", "context_length")).mean()) == pytest.approx(0.25, abs=0.02)
    found = dict.fromkeys(fits, 0)
    for chain in range(2):
        for draw in range(SAMPLING["draws"]):
            at = {"chain": chain, "draw": draw}
            same = [
                n
                for n, f in fits.items()
                if np.array_equal(f.posterior["A"].isel(at), mixed.posterior["A"].isel(at))
            ]
            found[same[0]] += 1
    assert found == {"chinchilla": 30, "gamma": 60, "drift": 30}


def test_a_mixture_is_no_better_than_the_models_in_it(fits) -> None:
    """Its draws are in random order, so that its own R-hat and sample sizes would hide what failed."""
    sound = synthetic_fit()
    diverging = sound.idata["sample_stats"]["diverging"].copy()
    diverging[0, 0] = True
    bad = with_group(sound, "sample_stats", diverging=diverging)
    assert (sound.status, bad.status) == ("PASS", "FAIL")
    mixed = mixture({"sound": sound, "bad": bad}, [0.5, 0.5])
    assert mixed.status == "FAIL" and mixed.checks()["divergences"].value == 1
    assert mixture({"sound": sound, "again": sound}, [0.5, 0.5]).status == "PASS"
    assert mixture({"sound": sound, "bad": bad}, [1.0, 0.0]).status == "PASS"


def test_only_the_draws_of_a_drifting_model_drift(fits) -> None:
    mixed = mixture(fits, [0.25, 0.5, 0.25])
    still = (drift_of(mixed, "xlstm", 8192).weights == 0).all((2, 3))
    assert still.mean() == pytest.approx(0.75, abs=0.02)


def test_the_mixture_answers_every_question(fits, tmp_path) -> None:
    mixed = mixture({name: fits[name] for name in ("chinchilla", "gamma")}, [0.5, 0.5])
    medians = [
        bs.frontier(f, 1e21, 8192).table(full=True)["params_median"].iloc[0] for f in (*fits.values(), mixed)
    ]
    assert min(medians) * 0.9 < medians[-1] < max(medians) * 1.1
    unseen = bs.frontier(mixed, 1e21, 4096).table(full=True)
    assert unseen["params_median"].notna().all()
    assert bs.compare(mixed, 1e21, 8192).table(full=True)["probability"].between(0, 1).all()
    assert mixed.checks()["divergences"].value >= 0
    mixed.save(tmp_path / "mixed.nc")
    again = bs.load_fit(tmp_path / "mixed.nc")
    np.testing.assert_array_equal(again.posterior["A"], mixed.posterior["A"])
    assert "stacked" in again.idata.attrs


def test_by_the_future_or_by_leave_one_out(fits) -> None:
    two = {name: fits[name] for name in ("chinchilla", "gamma")}
    by_loo = bs.stack(two).table.set_index("model")
    assert by_loo["weight"].sum() == pytest.approx(1) and (by_loo["criterion"] == "leave one out").all()
    good = left_out(np.full(30, 2.0))
    found = bs.stack(two, {"chinchilla": good, "gamma": left_out(np.full(30, 1.0))})
    assert found.table.set_index("model").loc["chinchilla", "weight"] == pytest.approx(1, abs=1e-6)
    assert (found.fit.posterior["gamma"] == 1).all()


def test_what_cannot_be_stacked_is_refused(fits) -> None:
    two = {name: fits[name] for name in ("chinchilla", "gamma")}
    good = left_out(np.zeros(5))
    for wrong, named in (
        ({"chinchilla": good}, "for each of"),
        ({"chinchilla": good, "gamma": left_out(np.zeros(4))}, "other splits"),
    ):
        with pytest.raises(BayesScalingError, match=named):
            bs.stack(two, wrong)
    with pytest.raises(BayesScalingError, match="two fits"):
        mixture({"gamma": fits["gamma"]}, [1.0])
    other = Fit(fits["gamma"].idata, fits["gamma"].runs, replace(fits["gamma"].spec, pooling="none"))
    with pytest.raises(SpecError, match="pooling"):
        mixture({"a": fits["gamma"], "b": other}, [0.5, 0.5])


def test_the_command(fits, tmp_path) -> None:
    paths = [tmp_path / f"{name}.nc" for name in ("chinchilla", "gamma")]
    for path in paths:
        fits[path.stem].save(path)
    rows = records("stack", *paths, "-o", tmp_path / "mixed.nc")
    assert sum(row["weight"] for row in rows) == pytest.approx(1)
    assert "interpolation only" in run("stack", *paths, "-o", tmp_path / "again.nc").stdout
    assert len(records("frontier", tmp_path / "mixed.nc", "--compute", "1e21")) == 4
    assert_refused(run("stack", paths[0], "-o", tmp_path / "one.nc"), "two fits")
    assert_refused(run("stack", *paths, "-o", tmp_path / "b.nc", "--backtest", tmp_path), "as many")
