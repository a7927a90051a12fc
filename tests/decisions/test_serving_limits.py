"""A latency fit behind the questions a decision asks."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.decisions import serving_limits
from bayes_scaling.decisions.decide import decide
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.decisions.serving_limits import Serving, as_serving, load_serving, served_region
from bayes_scaling.errors import DecisionError
from tests.helpers.serving import FakeServing
from tests.helpers.synthetic import synthetic_fit


class LatencyFit:
    """Stands for the fit of that name; its questions are functions of its package."""

    behind = FakeServing()


@pytest.fixture
def package(monkeypatch):
    """The room of latency as decisions see it, its functions taking the fit first."""
    below = lambda fit, **question: fit.behind.probability_below(**question)  # noqa: E731
    fits = lambda fit, **question: fit.behind.fits_probability(**question)  # noqa: E731
    monkeypatch.setattr(serving_limits, "LatencyFit", LatencyFit)
    monkeypatch.setattr(serving_limits, "probability_below", below)
    monkeypatch.setattr(serving_limits, "fits_probability", fits)
    monkeypatch.setattr(serving_limits, "load_latency", lambda path: LatencyFit())


def test_a_latency_fit_answers_as_its_package_does(package) -> None:
    limits = {"step_time_ms": 8.0, "memory": True, "prefill": 4096}
    fit = synthetic_fit(draws=40, sigma=0.02)
    found = decide(fit, 1e22, 8192, limits=limits, latency=LatencyFit()).table(full=True)
    wanted = decide(fit, 1e22, 8192, limits=limits, latency=FakeServing()).table(full=True)
    np.testing.assert_array_equal(found["params"], wanted["params"])
    assert isinstance(load_serving("latency.nc"), Serving) and load_serving(None) is None


def test_what_is_no_latency_fit() -> None:
    assert as_serving(None) is None and as_serving(FakeServing()) == FakeServing()
    with pytest.raises(DecisionError, match="latency is a dict, not a LatencyFit"):
        as_serving({})


@pytest.mark.parametrize("limit", [1e-9, 1e9])
def test_limits_that_all_or_none_keep(limit: float) -> None:
    region = served_region(FakeServing(), Limits(step_time_ms=limit), "step_time_ms", "xlstm")
    assert region == () if limit < 1 else np.exp(region[0][1]) == pytest.approx(1e18)


def test_a_time_that_is_not_known_is_not_below() -> None:
    class Unknown(FakeServing):
        def probability_below(self, **question):  # type: ignore[no-untyped-def,override]
            return np.where(np.asarray(question["params"]) > 1e9, np.nan, 1.0)

    region = served_region(Unknown(), Limits(step_time_ms=5.0), "step_time_ms", "xlstm")
    assert np.exp(region[-1][1]) == pytest.approx(1e9, rel=0.01)


def test_longer_prompts_leave_smaller_models() -> None:
    ends = [
        served_region(FakeServing(), Limits(ttft_ms=50.0, prefill=tokens), "ttft_ms", "xlstm")[0][1]
        for tokens in (1, 4096, 65536)
    ]
    assert ends[0] > ends[1] > ends[2]


def test_a_limit_per_output_token_asks_with_the_answers_length() -> None:
    asked = []

    class Loaded(FakeServing):
        def probability_below(self, *, generated=None, **question):  # type: ignore[no-untyped-def,override]
            asked.append((question["quantity"], generated))
            return np.where(np.asarray(question["params"]) < 1e9, 1.0, 0.0)

    limits = Limits(tpot_ms=20.0, batch_size=32, prefill=1024, generated=256)
    region = served_region(Loaded(), limits, "tpot_ms", "xlstm")
    assert np.exp(region[0][1]) == pytest.approx(1e9, rel=0.01)
    assert set(asked) == {("tpot_ms", 256)}
    assert limits.served == ("tpot_ms",) and "generated 256" in limits.shown("tpot_ms")
    with pytest.raises(DecisionError, match="tpot_ms needs prefill"):
        Limits(tpot_ms=20.0)
