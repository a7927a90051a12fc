"""Serving priced by a latency fit: device time by hand, paired draws, prices, errors, the command."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from bayes_scaling.decisions.lifetime.device_cost import GRID, Requests, device_seconds
from bayes_scaling.decisions.lifetime.lifetime import lifetime
from bayes_scaling.errors import DecisionError, LatencyError
from bayes_scaling.latency import predict
from tests.decisions.test_lifetime import FIT, LENGTH, LOSS
from tests.helpers.command_line import assert_refused, run
from tests.helpers.fits import small_fit
from tests.helpers.pages import small_timings
from tests.helpers.synthetic import synthetic_fit

ASKED = {"prefill": 2048, "generated": 101, "batch_size": 4, "flops_per_second": 4e14}
SERVED = [1.0, 1e14]


def timed(**changes):
    return lifetime(FIT, LOSS, SERVED, LENGTH, serving=small_timings(), **(ASKED | changes))


@pytest.fixture(scope="module")
def found():
    return timed(price_per_hour=2.0)


@pytest.mark.parametrize("architecture", ["transformer", "xlstm"])
def test_seconds_are_a_request_over_its_tokens(architecture):
    params = np.array([2e8, 2e9, 2e10])
    seconds = device_seconds(small_timings(), architecture, Requests(2048, 101, 4), draws=300)
    drawn = seconds(np.log(params)[None] + np.zeros((300, 1)))
    asked = {
        "architecture": [architecture] * 3,
        "params": params,
        "batch_size": [4] * 3,
        "prefill": [2048] * 3,
    }
    times = predict(small_timings(), asked, "mean").isel(chain=0)
    by_hand = 1e-3 * (times["ttft_ms"] + 100 * times["step_time_ms"]) / (4 * (2048 + 101))
    for statistic in (np.median, lambda values, axis: np.log(values).std(axis)):
        np.testing.assert_allclose(statistic(drawn, axis=0), statistic(by_hand.to_numpy(), axis=0), rtol=0.15)


def test_a_draw_is_smooth_and_rises():
    seconds = device_seconds(small_timings(), "xlstm", Requests(2048, 101, 4), draws=30)
    curve = np.log(seconds(np.linspace(GRID[10], GRID[-10], 400)[None] + np.zeros((30, 1))))
    slope = np.diff(curve, axis=1)
    assert (slope > 0).mean() > 0.99
    assert np.abs(np.diff(slope, axis=1)).max() < 0.5 * slope.max()  # no size jumps out


def test_draws_are_paired_with_those_of_the_loss(found):
    """The spread of the latency is in the total, on top of that of the loss."""

    rows = GRID + np.zeros((300, 1))
    curves = {
        name: np.log(device_seconds(small_timings(), name, Requests(2048, 101, 4), 300)(rows)).mean(0)
        for name in FIT.architectures
    }

    def per_token(name, params):
        return 4e14 * np.exp(np.interp(np.log(params), GRID, curves[name]))

    sure = lifetime(FIT, LOSS, SERVED, LENGTH, serving=per_token)
    for name in ("transformer", "xlstm"):
        cell = {"architecture": name, "served_tokens": 1e14, "context_length": LENGTH}
        own, known = (np.log(each.draws["total"].sel(cell)) for each in (found, sure))
        assert abs(float(own.median() - known.median())) < 0.2
        assert float(own.std()) > 1.2 * float(known.std())


def test_little_served_is_the_cheapest_training(found):
    few = found.draws["params"].sel(served_tokens=1.0)
    plain = lifetime(FIT, LOSS, 1.0, LENGTH).draws["params"][..., 0]
    np.testing.assert_allclose(few, plain, rtol=1e-3)
    assert (found.draws["params"].sel(served_tokens=1e14) < few).mean() > 0.99


def test_a_larger_batch_is_cheaper_and_a_dearer_hour_is_dearer(found):
    many = timed(batch_size=64).draws["total"].sel(served_tokens=1e14)
    assert (many < found.draws["total"].sel(served_tokens=1e14)).mean() > 0.95
    twice = timed(serving_price=2.0)
    ratio = twice.draws["total"].sel(served_tokens=1e14) / found.draws["total"].sel(served_tokens=1e14)
    assert float(ratio.min()) > 1.5 and float(ratio.max()) < 2.02  # some is training


def test_money_is_device_hours(found):
    table = found.table(full=True)
    np.testing.assert_allclose(table["money_median"], 2.0 * table["total_median"] / (4e14 * 3600))
    assert "money_median" not in timed().table(full=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prefill": None, "generated": None}, "needs prefill and generated"),
        ({"flops_per_second": None}, "needs flops_per_second"),
        ({"flops_per_second": -1.0}, "flops_per_second -1.0"),
        ({"batch_size": 0.5}, "batch_size 0.5"),
        ({"price_per_hour": 0.0}, "price_per_hour 0.0"),
        ({"serving": small_fit}, None),
        ({"serving": 3.0}, "serving is a float"),
    ],
)
def test_bad_questions(changes, message):
    if message is None:  # a fit of losses in the place of one of latency
        changes, message = {"serving": small_fit()}, "serving is a Fit"
    with pytest.raises(DecisionError, match=message):
        lifetime(FIT, LOSS, SERVED, LENGTH, **({"serving": small_timings()} | ASKED | changes))


def test_an_architecture_that_was_not_timed():
    timings = small_timings().timings
    one = timings.subset((timings.frame["architecture"] == "transformer").to_numpy())
    with pytest.raises(LatencyError, match="xlstm"):
        lifetime(FIT, LOSS, SERVED, LENGTH, serving=replace(small_timings(), timings=one), **ASKED)


def test_command(tmp_path):
    fit = synthetic_fit(draws=60, sigma=0.004).save(tmp_path / "fit.nc")
    latency = small_timings().save(tmp_path / "latency.nc")
    asked = ("lifetime", fit, "--loss", LOSS, "--served-tokens", "1,1e14", "--context-length", LENGTH)
    timed_by = ("--latency", latency, "--batch-size", 4, "--flops-per-second", 4e14)
    lengths = ("--prefill", 2048, "--generated", 101)
    told = json.loads(run(*asked, *timed_by, *lengths, "--price-per-hour", 2, "--json").stdout)
    np.testing.assert_allclose(
        [row["money_median"] for row in told], timed(price_per_hour=2.0).table(full=True)["money_median"]
    )
    shown = run(*asked, *timed_by, *lengths, "--price-per-hour", 2)
    assert shown.exit_code == 0 and "money" in shown.stdout
    assert_refused(run(*asked, *timed_by), "needs prefill and generated")
    assert_refused(run(*asked, *timed_by[:-2], *lengths), "needs flops_per_second")
    assert_refused(run(*asked, "--latency", fit, *timed_by[2:], *lengths), "not a latency fit")
