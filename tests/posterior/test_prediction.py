"""Predictions: the law's mean, one run's response, groups without runs, and the prior's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.draws import QUANTILES
from bayes_scaling.errors import BayesScalingError, BudgetError, RunsWarning, SpecError
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior.prediction import predict, predict_table, prior_predictive
from bayes_scaling.runs.reach import COLUMNS, reach_columns
from tests.helpers.synthetic import synthetic_fit, with_group

SIMPLE = synthetic_fit(draws=500)
SIGMA = SIMPLE.posterior["sigma"] * np.array([[1.0, 2.0], [4.0, 6.0]])  # so that groups cannot be mistaken
FIT = with_group(SIMPLE, "posterior", sigma=SIGMA)
FUTURE = pd.DataFrame(
    {
        "architecture": ["xlstm", "transformer", "xlstm", "xlstm"],
        "context_length": [8192, 2048, 2048, 2048],
        "params": [3e9, 4e8, 1e9, 1e9],
        "tokens": [6e10, 2e10, 1e10, 1e10],
    }
)


def residuals() -> np.ndarray:
    """Log response over log mean in units of the group's sigma: (chain, draw, run)."""
    mean, response = (np.log(predict(FIT, FUTURE, kind=kind).to_numpy()) for kind in ("mean", "response"))
    groups = zip(FUTURE["architecture"], FUTURE["context_length"], strict=True)
    sigma = [SIGMA.sel(architecture=a, context_length=t).to_numpy() for a, t in groups]
    return (response - mean) / np.stack(sigma, axis=-1)


def test_mean_is_the_law_draw_by_draw_in_the_rows_order() -> None:
    draws = predict(FIT, FUTURE)
    assert draws.dims == ("chain", "draw", "run") and draws.shape == (4, 500, 4)
    for i, row in enumerate(FUTURE.itertuples()):
        cell = FIT.posterior.sel(architecture=row.architecture, context_length=row.context_length)
        theta = {name: cell[name].to_numpy() for name in FIT.law.names}
        np.testing.assert_allclose(draws[..., i], FIT.law.loss(np, row.params, row.tokens, theta), rtol=1e-12)


def test_runs_may_come_in_any_order_and_any_way(tmp_path) -> None:
    draws = predict(FIT, FUTURE).to_numpy()
    turned = FUTURE.iloc[[2, 0, 3, 1]]
    np.testing.assert_array_equal(predict(FIT, turned), draws[..., [2, 0, 3, 1]])
    FUTURE.to_csv(tmp_path / "future.csv", index=False)
    for runs in (tmp_path / "future.csv", load_runs(FUTURE, need_loss=False)):
        np.testing.assert_allclose(predict(FIT, runs), draws, rtol=1e-12)


def test_scatter_is_student_t_of_the_groups_sigma() -> None:
    nu = FIT.posterior["nu"].to_numpy()[..., None]
    uniform = stats.t.cdf(residuals(), nu)
    assert stats.kstest(uniform.ravel(), "uniform").pvalue > 1e-4
    for other in (stats.t.cdf(0.85 * residuals(), nu), stats.t.cdf(residuals(), 2.0)):
        assert stats.kstest(other.ravel(), "uniform").pvalue < 1e-6  # the negative controls


def test_scatter_is_each_runs_own() -> None:
    scores = stats.norm.ppf(stats.t.cdf(residuals(), FIT.posterior["nu"].to_numpy()[..., None]))
    correlation = np.corrcoef(scores.reshape(-1, 4), rowvar=False) - np.eye(4)
    assert np.abs(correlation).max() < 5 / np.sqrt(2000)


def test_response_is_wider_than_mean() -> None:
    wide, narrow = (predict_table(FIT, FUTURE, kind=kind) for kind in ("response", "mean"))
    assert (wide["q95"] - wide["q05"] > narrow["q95"] - narrow["q05"]).all()
    assert (wide["sd"] > narrow["sd"]).all()
    np.testing.assert_allclose(wide["median"], narrow["median"], rtol=5e-4)


def test_seed_reproduces() -> None:
    one, two, other = (predict(FIT, FUTURE, kind="response", seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(predict(FIT, FUTURE, seed=1), predict(FIT, FUTURE, seed=2))


def test_table() -> None:
    table = predict_table(FIT, FUTURE)
    design = ["architecture", "context_length", "params", "tokens"]
    first = ["q025", "q05", "q10", "q25", "median", "q75", "q90", "q95", "q975"]
    assert [*table] == [
        "row",
        *design,
        "mean",
        "sd",
        *first,
        *reach_columns(dict.fromkeys(COLUMNS, np.zeros(1))),
        "group_runs",
    ]
    assert list(table["row"]) == [0, 1, 2, 3]
    pd.testing.assert_frame_equal(table[design], FUTURE, check_dtype=False)
    draws = predict(FIT, FUTURE).to_numpy().reshape(-1, 4)
    np.testing.assert_allclose(table["mean"], draws.mean(0))
    np.testing.assert_allclose(table["sd"], draws.std(0))
    for name in first:
        np.testing.assert_allclose(table[name], np.quantile(draws, QUANTILES[name], axis=0))


def test_reach_is_the_farthest_of_params_tokens_and_their_product() -> None:
    frame = FIT.runs.frame.query("architecture == 'xlstm' and context_length == 8192")
    low, high = (frame[["params", "tokens"]].agg(end) for end in ("min", "max"))
    inside = frame[["params", "tokens"]].iloc[20]
    rows = pd.DataFrame([inside, inside, inside, high])
    rows.iloc[1] = 100 * high["params"], low["tokens"]
    rows.iloc[2] = high["params"], low["tokens"] / 1000
    with pytest.warns(RunsWarning, match="tokens per param are"):
        reach = predict_table(FIT, rows.assign(architecture="xlstm", context_length=8192))
    product = high.prod() / (frame["params"] * frame["tokens"]).max()
    wanted = [0, 2, 3, np.log10(product)]
    np.testing.assert_allclose(reach["extrapolation_decades"], wanted, atol=1e-9)
    assert product > 1.1


def test_an_unseen_context_is_wider_in_every_run() -> None:
    seen, new = (predict_table(FIT, FUTURE.assign(context_length=t)) for t in (8192, 262144))
    assert (new["sd"] > 3 * seen["sd"]).all()
    one, other = (predict(FIT, FUTURE.assign(context_length=262144), seed=s) for s in (1, 2))
    assert not np.array_equal(one, other)


def test_a_new_architecture_only_on_request() -> None:
    new = FUTURE.assign(architecture="mamba2")
    for refusing in (predict, predict_table):
        with pytest.raises(BudgetError, match="'mamba2': this fit has transformer, xlstm"):
            refusing(FIT, new)
    draws = predict(FIT, new, allow_new=True)
    assert np.isfinite(draws).all()
    assert (np.log(draws).std(("chain", "draw")) > 0.05).all()


def test_bad_input() -> None:
    with pytest.raises(SpecError, match="choose one of mean, response"):
        predict(FIT, FUTURE, kind="noise")
    with pytest.raises(BayesScalingError, match="params"):
        predict(FIT, FUTURE.drop(columns="params"))


@pytest.mark.parametrize(
    "spec", [None, ModelSpec("chinchilla"), ModelSpec(pooling="none"), ModelSpec(pooling="complete")]
)
def test_prior_gives_sensible_curves(spec) -> None:
    loss = prior_predictive(FIT.runs, spec, draws=400, seed=1)
    assert loss.dims == ("chain", "draw", "run") and loss.shape == (1, 400, len(FIT.runs))
    assert np.isfinite(loss).all() and np.mean((loss > 0.5) & (loss < 20)) > 0.95


def test_a_prior_far_off_shows() -> None:
    odd = prior_predictive(FIT.runs, ModelSpec(priors={"R": {"median": 300.0}}), draws=400, seed=1)
    assert np.mean((odd > 0.5) & (odd < 20)) < 0.2


def test_prior_draws_are_those_of_the_seed_and_follow_the_rows() -> None:
    order = np.random.default_rng(3).permutation(len(FIT.runs))
    one, two, turned = (
        prior_predictive(runs, draws=50, seed=4).to_numpy()
        for runs in (FIT.runs, FIT.runs, FIT.runs.frame.iloc[order])
    )
    np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(turned, one[..., order], rtol=1e-9)
    assert not np.array_equal(one, prior_predictive(FIT.runs, draws=50, seed=5))


@pytest.mark.parametrize("pooling", ["partial", "none", "complete"])
def test_prior_groups_differ_unless_they_are_one(pooling: str) -> None:
    frame = FIT.runs.frame.copy()
    frame[["params", "tokens", "flops"]] = np.tile(frame[["params", "tokens", "flops"]].iloc[:48], (4, 1))
    loss = prior_predictive(frame, ModelSpec(pooling=pooling), draws=50).to_numpy().reshape(50, 4, 48)
    apart = np.abs(np.log(loss[:, 1:] / loss[:, :1])).mean(axis=(0, 2))
    assert (apart < 1e-12).all() if pooling == "complete" else (apart > 0.01).all()
