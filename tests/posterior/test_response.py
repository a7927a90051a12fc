"""One run's interval is never narrower than the law's, whatever the seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.posterior import prediction
from bayes_scaling.posterior.prediction import predict, predict_table
from bayes_scaling.posterior.response import no_narrower
from tests.helpers.synthetic import synthetic_fit, with_group

SEEDS = range(20)
FIT = synthetic_fit(chains=2, draws=100)
QUIET = with_group(FIT, "posterior", sigma=0.02 * FIT.posterior["sigma"])  # beside the law's own spread
FAR = pd.DataFrame(
    {
        "architecture": ["xlstm", "transformer"],
        "context_length": [8192, 2048],
        "params": [1e11, 3e11],
        "tokens": [2e12, 1e12],
    }
)
ENDS = [("q025", "q975"), ("q05", "q95"), ("q25", "q75")]


def narrower(fit, seed: int) -> int:
    """How many of a response's intervals miss a part of the mean's."""
    mean, response = (predict_table(fit, FAR, kind, seed) for kind in ("mean", "response"))
    return sum(int(((response[a] > mean[a]) | (response[b] < mean[b])).sum()) for a, b in ENDS)


def test_the_response_interval_holds_the_mean_interval_for_every_seed() -> None:
    assert sum(narrower(QUIET, seed) for seed in SEEDS) == 0


def test_without_common_draws_it_does_not(monkeypatch) -> None:
    monkeypatch.setattr(prediction, "no_narrower", lambda law, response: response)
    assert sum(narrower(QUIET, seed) for seed in SEEDS) > 20  # the negative control


def test_scatter_that_is_wide_stays_as_it_was_drawn(rng) -> None:
    law = 0.001 * rng.standard_normal((2, 500, 3))
    response = law + rng.standard_normal(law.shape)
    np.testing.assert_array_equal(no_narrower(law, response), response)


def test_no_scatter_gives_the_law_itself(rng) -> None:
    law = rng.standard_normal((2, 500, 3))
    np.testing.assert_array_equal(no_narrower(law, law.copy()), law)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_every_interval_holds_the_laws_and_the_order_of_draws_stays(rng, level: float) -> None:
    law = rng.standard_normal((2, 200, 40))
    response = law + 0.01 * rng.standard_normal(law.shape)
    found = no_narrower(law, response)
    ends = [(1 - level) / 2, (1 + level) / 2]
    inner, outer, plain = (np.quantile(x, ends, axis=(0, 1)) for x in (law, found, response))
    assert (outer[0] <= inner[0]).all() and (outer[1] >= inner[1]).all()
    assert ((plain[0] > inner[0]) | (plain[1] < inner[1])).any()  # the negative control
    np.testing.assert_array_equal(
        np.argsort(found.reshape(400, 40), axis=0), np.argsort(response.reshape(400, 40), axis=0)
    )


def test_draws_too_few_for_two_sides_are_left_alone(rng) -> None:
    law = rng.standard_normal((1, 3, 2))
    response = law + rng.standard_normal(law.shape)
    np.testing.assert_array_equal(no_narrower(law, response), response)


def test_skewed_scatter_keeps_its_shift() -> None:
    skewed = with_group(FIT, "posterior", skew=0 * FIT.posterior["sigma"] + 4.0)
    skewed = replace(skewed, spec=replace(skewed.spec, errors="skewed"))
    mean, response = (np.log(predict(skewed, FAR, kind=kind)) for kind in ("mean", "response"))
    sigma = float(FIT.posterior["sigma"].mean())
    shift = (response - mean).median(("chain", "draw"))
    assert (shift > 0.5 * sigma).all()  # four of five residuals lie above the law, by four times as much
    low, high = 0.05, 0.95
    widths = [
        x.quantile(high, ("chain", "draw")) - x.quantile(low, ("chain", "draw")) for x in (mean, response)
    ]
    assert (widths[1] >= widths[0]).all()
