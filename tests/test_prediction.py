"""Predictions: the law's mean, one run's response, groups without runs, and the prior's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayes_scaling.errors import BayesScalingError, BudgetError, SpecError
from bayes_scaling.prediction import predict, predict_table, prior_predictive
from tests.synthetic import synthetic_fit

FIT = synthetic_fit(draws=500)
FUTURE = pd.DataFrame(
    {
        "architecture": ["xlstm", "transformer", "xlstm"],
        "context_length": [8192, 2048, 2048],
        "params": [3e9, 4e8, 1e9],
        "tokens": [6e10, 2e10, 1e10],
    }
)


def test_mean_is_the_law_draw_by_draw_in_the_rows_order() -> None:
    draws = predict(FIT, FUTURE)
    assert draws.dims == ("chain", "draw", "run") and draws.sizes["run"] == 3
    for i, row in enumerate(FUTURE.itertuples()):
        cell = FIT.posterior.sel(architecture=row.architecture, context_length=row.context_length)
        theta = {name: cell[name].to_numpy() for name in FIT.law.names}
        np.testing.assert_allclose(draws[..., i], FIT.law.loss(np, row.params, row.tokens, theta), rtol=1e-12)


def test_response_adds_the_scatter_of_a_run() -> None:
    mean = np.log(predict(FIT, FUTURE).to_numpy())
    residual = np.log(predict(FIT, FUTURE, kind="response").to_numpy()) - mean
    sigma = FIT.posterior["sigma"].sel(architecture="xlstm", context_length=8192).to_numpy()
    nu = FIT.posterior["nu"].to_numpy()
    ratio = np.abs(residual[..., 0] / sigma)
    share = float((ratio < 1).mean())
    expected = float(np.mean(stats.t.cdf(1, nu) - stats.t.cdf(-1, nu)))
    assert share == pytest.approx(expected, abs=5 * np.sqrt(expected * (1 - expected) / ratio.size))


def test_response_is_wider_than_mean() -> None:
    wide, narrow = (predict_table(FIT, FUTURE, kind=kind) for kind in ("response", "mean"))
    assert (wide["q95"] - wide["q05"] > narrow["q95"] - narrow["q05"]).all()


def test_seed_reproduces() -> None:
    one, two, other = (predict(FIT, FUTURE, kind="response", seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_table() -> None:
    table = predict_table(FIT, FUTURE)
    assert list(table["row"]) == [0, 1, 2]
    assert list(table["architecture"]) == list(FUTURE["architecture"])
    quantiles = table[["q025", "q05", "q25", "median", "q75", "q95", "q975"]].to_numpy()
    assert (np.diff(quantiles, axis=1) > 0).all()
    assert table["extrapolation_decades"].iloc[0] > 0 and table["extrapolation_decades"].iloc[2] == 0


def test_unseen_context_is_wider() -> None:
    new = FUTURE.assign(context_length=262144)
    assert (predict(FIT, new).std() > predict(FIT, FUTURE).std()).item()


def test_a_new_architecture_only_on_request() -> None:
    new = FUTURE.assign(architecture="mamba2")
    with pytest.raises(BudgetError, match="mamba2"):
        predict(FIT, new)
    assert np.isfinite(predict(FIT, new, allow_new=True)).all()


def test_bad_input() -> None:
    with pytest.raises(SpecError, match="response"):
        predict(FIT, FUTURE, kind="noise")
    with pytest.raises(BayesScalingError, match="params"):
        predict(FIT, FUTURE.drop(columns="params"))


def test_prior_gives_sensible_curves() -> None:
    loss = prior_predictive(FIT.runs, draws=400, seed=1).to_numpy()
    assert np.isfinite(loss).all()
    assert np.mean((loss > 0.5) & (loss < 20)) > 0.95
    odd = prior_predictive(
        FIT.runs, spec=FIT.spec.from_dict({"priors": {"R": {"median": 300.0}}}), draws=400, seed=1
    )
    assert np.mean((odd > 0.5) & (odd < 20)) < 0.2  # the negative control
