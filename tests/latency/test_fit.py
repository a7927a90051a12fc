from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import bayes_scaling as bs
from bayes_scaling.errors import FitFileError, LatencyError
from bayes_scaling.latency import (
    LatencySettings,
    cost_per_million_tokens,
    faster,
    fits_probability,
    largest_batch,
    latency,
    load_times,
    predict_table,
    prior_fit,
    probability_below,
    replicas,
)
from bayes_scaling.latency.fitting import _gate
from bayes_scaling.latency.settings import LatencySettings as Settings
from bayes_scaling.models.draws import RawDraws
from bayes_scaling.models.whitening import Whitening
from tests.helpers.latency_tables import DEVICE, SHAPES, simulated, small_fit

pytestmark = pytest.mark.filterwarnings("ignore::bayes_scaling.errors.ConvergenceWarning")


SHARES = ("bandwidth", "matmul", "logits", "activations", "key_bandwidth", "score_matmul")


@pytest.fixture(scope="module")
def fit():
    return small_fit()


def test_the_posterior_finds_the_truth(fit):
    """Within five posterior standard deviations, and far closer than the prior."""
    truth = simulated()[1]
    position = fit.idata["unconstrained_posterior"]["position"]
    names = [str(name) for name in position["coordinate"].to_numpy()]
    draws = position.to_numpy().reshape(-1, len(names))
    z = np.array([(draws[:, i].mean() - truth[n]) / draws[:, i].std() for i, n in enumerate(names)])
    assert np.abs(z).max() < 5 and np.sqrt((z**2).mean()) < 1.7
    table = fit.summary()
    assert table.loc[table["phase"] == "step", "contraction"].max() > 0.8


def test_overheads_are_positive_and_efficiencies_are_shares(fit):
    posterior = fit.posterior
    table = fit.summary()
    for row in table.itertuples():
        values = posterior[f"{row.phase}_{row.coefficient}"].to_numpy()
        if row.unit == "s":
            assert (values > 0).all()
        if row.phase != "memory" and row.coefficient in SHARES:
            assert ((values > 0) & (values < 1)).all()


def test_response_is_wider_than_mean(fit):
    asked = {"architecture": ["llama"], "params": [4e8], "batch_size": [8], "prefill": [1024]}
    spread = {
        k: float(np.log(fit.predict(asked, kind=k)["step_time_ms"]).std()) for k in ("mean", "response")
    }
    assert spread["response"] > spread["mean"] > 0
    with pytest.raises(LatencyError, match="unknown kind 'median'"):
        fit.predict(asked, kind="median")


def test_a_new_size_is_less_certain_than_a_timed_one(fit):
    params = fit.timings.frame["params"].min()
    spread = {}
    for name, size in (("timed", params), ("new", 1.1 * params)):
        drawn = latency(fit, "transformer", size, 8, 1024, kind="mean", **_shape(0))
        spread[name] = float(np.log(drawn["step_time_ms"]).std())
    assert spread["new"] > spread["timed"]


def _shape(i):
    width, blocks, heads, ffn = SHAPES["llama"][i]
    return {"embedding_dim": width, "num_blocks": blocks, "num_heads": heads, "ffn_dim": ffn}


def test_a_table_has_a_row_a_query_in_order(fit):
    asked = {
        "architecture": ["llama"] * 3,
        "params": [2e8, 1e9, 9e9],
        "batch_size": [1, 8, 8],
        "prefill": [0, 0, 512],
    }
    table = predict_table(fit, asked)
    assert table["row"].tolist() == [0, 1, 2] and table["params"].tolist() == [2e8, 1e9, 9e9]
    assert table["extrapolated"].tolist() == ["", "", "params"]
    for name in ("ttft_ms", "step_time_ms"):
        columns = [f"{name}_{q}" for q in ("q025", "q05", "q25", "median", "q75", "q95", "q975")]
        assert (np.diff(table[columns].to_numpy(), axis=1) > 0).all()
    assert table["fits_probability"].between(0, 1).all()


def test_saving_keeps_everything(fit, tmp_path):
    loaded = bs.latency.load_latency(fit.save(tmp_path / "latency.nc"))
    asked = {"architecture": ["llama"], "params": [4e8], "batch_size": [8], "prefill": [1024]}
    np.testing.assert_array_equal(loaded.predict(asked)["ttft_ms"], fit.predict(asked)["ttft_ms"])
    assert loaded.settings == fit.settings and loaded.timings.data_hash == fit.timings.data_hash
    with pytest.raises(FitFileError, match="LatencyFit"):
        bs.load_fit(tmp_path / "latency.nc")


def test_a_damaged_file_is_refused(fit, tmp_path):
    path = fit.save(tmp_path / "latency.nc")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(FitFileError, match=str(path)):
        bs.latency.load_latency(path)


def test_settings_survive_text():
    settings = LatencySettings(DEVICE, priors={"step/bandwidth": (1.0, 0.2)}, prior_source="bench")
    assert Settings.from_json(settings.to_json()) == settings
    with pytest.raises(LatencyError, match="not the settings"):
        Settings.from_json("{}")


def test_the_gate_reports_every_check(fit):
    names = [row.name for row in fit.checks()]
    assert {"r_hat", "ess_bulk", "divergences", "e_bfmi", "prior_conflict", "coverage", "model_sizes"} <= set(
        names
    )


def test_too_few_draws_fail_the_gate(fit):
    tree = xr.DataTree.from_dict(
        {n: g.to_dataset().isel(draw=slice(40)) for n, g in fit.idata.children.items()}
    )
    checks = replace(fit, idata=tree).checks()
    assert checks.status == "FAIL" and checks["ess_bulk"].status == "FAIL"


def test_an_architecture_that_was_not_timed_is_refused(fit):
    with pytest.raises(LatencyError, match="xlstm.*was not timed"):
        latency(fit, "xlstm", 1e9)


def test_probabilities_are_vectorised_and_monotone(fit):
    params = np.array([[2e8, 8e8], [2e9, 8e9]])
    below = probability_below(
        fit, limit=10.0, architecture="llama", params=params, batch_size=8, prefill=1024
    )
    assert below.shape == (2, 2) and (np.diff(below.ravel()) <= 0.02).all()
    fitting = fits_probability(fit, architecture="llama", params=params, batch_size=512, prefill=16384)
    assert fitting.shape == (2, 2) and (np.diff(fitting.ravel()) <= 1e-9).all()
    with pytest.raises(LatencyError, match="limit"):
        probability_below(fit, limit=0.0, architecture="llama", params=1e9)
    with pytest.raises(LatencyError, match="unknown quantity"):
        probability_below(fit, quantity="time", limit=1.0, architecture="llama", params=1e9)


def test_cost_follows_time_and_price(fit):
    drawn = latency(fit, "llama", 4e8, 8, 1024, kind="mean")
    cost = cost_per_million_tokens(fit, "llama", 4e8, 8, prefill=1024, price_per_hour=3.6)
    np.testing.assert_allclose(cost, drawn["step_time_ms"] / 8, rtol=1e-12)  # 3.6 an hour is 1e-3 a second
    longer = cost_per_million_tokens(fit, "llama", 4e8, 8, prefill=1024, price_per_hour=3.6, generated=100)
    np.testing.assert_allclose(longer, (drawn["step_time_ms"] + drawn["ttft_ms"] / 100) / 8, rtol=1e-12)
    with pytest.raises(LatencyError, match="price"):
        cost_per_million_tokens(fit, "llama", 4e8, 8, price_per_hour=-1.0)


def test_the_largest_batch_is_below_the_limit(fit):
    found = largest_batch(fit, "llama", 4e8, 2048, limit=30.0)
    batches = np.unique(found.to_numpy())
    assert set(batches) <= {0.0, *(2.0**k for k in range(13))}
    tighter = largest_batch(fit, "llama", 4e8, 2048, limit=10.0)
    assert float(tighter.mean()) < float(found.mean())


def test_the_crossing_is_where_the_ratio_is_one():
    table = simulated()[0]
    both = prior_fit(table, LatencySettings(DEVICE), draws=50)
    found = faster(both, ("llama", "xlstm"), 4e8, batch_size=64)
    ratio, crossing = found["ratio"].to_numpy(), found["crossing"].to_numpy()
    grid = found["prefill"].to_numpy()
    for i in np.ndindex(crossing.shape):
        if np.isinf(crossing[i]):
            assert ratio[i][-1] < 1
        elif crossing[i] == 0:
            assert (ratio[i] >= 1).all()
        else:
            assert np.interp(np.log(crossing[i]), np.log(grid), np.log(ratio[i])) == pytest.approx(
                0, abs=1e-9
            )


def _raw(rng, diverging=0, drift=0.0):
    whitened = rng.standard_normal((4, 800, 3)) + drift * np.arange(4)[:, None, None]
    stats = {"diverging": np.zeros((4, 800), dtype=bool), "energy": rng.standard_normal((4, 800))}
    stats["diverging"][0, :diverging] = True
    return RawDraws(whitened, stats)


def test_a_block_goes_on_until_it_passes_the_gate(rng):
    whitening = Whitening(np.zeros(3), np.eye(3))
    assert _gate(_raw(rng), whitening).passed
    assert not _gate(_raw(rng, diverging=1), whitening).passed
    assert not _gate(_raw(rng, drift=0.5), whitening).passed


def test_a_server_under_load_pays_for_the_prompts_of_others(fit):
    load = {"concurrency": 8, "isl": 1024, "osl": 128}
    times = load_times(fit, "llama", [4e8], **load)
    step = latency(fit, "llama", 4e8, 8, 1024, kind="mean")["step_time_ms"]
    prompt = latency(fit, "llama", 4e8, 1, 1024, kind="mean")["ttft_ms"]
    np.testing.assert_allclose(times["tpot_ms"], step + 7 / 128 * prompt.to_numpy(), rtol=1e-12)
    single = load_times(fit, "llama", [4e8], concurrency=1, isl=1024, osl=128)
    alone = latency(fit, "llama", 4e8, 1, 1024, kind="mean")["step_time_ms"]
    np.testing.assert_allclose(single["tpot_ms"], alone, rtol=1e-12)
    limit = float(times["tpot_ms"].median())
    below = probability_below(
        fit,
        quantity="tpot_ms",
        limit=limit,
        architecture="llama",
        params=[4e8, 4e9],
        batch_size=8,
        prefill=1024,
        generated=128,
        kind="mean",
    )
    assert below.shape == (2,) and below[0] == pytest.approx(0.5, abs=0.01) and below[1] < 0.05
    with pytest.raises(LatencyError, match="osl is 0"):
        load_times(fit, "llama", [4e8], concurrency=8, isl=1024, osl=0)


def test_replicas_carry_the_load_and_no_fewer_would(fit):
    load = {"concurrency": 8, "isl": 1024, "osl": 128}
    found = replicas(fit, "llama", 4e8, requests_per_second=50, price_per_hour=3.0, **load)
    seconds = load_times(fit, "llama", 4e8, **load)["request_s"].isel(query=0)
    served = found["replicas"] * 8 / seconds  # requests a second
    assert (served >= 50).all() and ((found["replicas"] - 1) * 8 / seconds < 50).all()
    np.testing.assert_allclose(found["price_per_hour"], 3.0 * found["replicas"])
    np.testing.assert_allclose(
        found["per_million_tokens"], found["price_per_hour"] / (50 * 128 * 3600) * 1e6, rtol=1e-12
    )
    with pytest.raises(LatencyError, match="price_per_hour is 0"):
        replicas(fit, "llama", 4e8, requests_per_second=50, price_per_hour=0, **load)
