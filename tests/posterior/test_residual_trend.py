"""Trends that residuals keep: bent ones are found and named, others hardly ever."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from scipy import stats

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.posterior.checks import PASS, REVIEW, run_checks
from bayes_scaling.posterior.residual_trend import LEVEL, residual_trends
from tests.helpers import synthetic

SIGMA = 5e-5  # so small that the law is linear over the posterior, as the exact posterior takes it to be


def exact_fit(**options):
    with patch.object(synthetic, "SIGMA", SIGMA):
        return synthetic.synthetic_fit(sigma=SIGMA, **options)


@pytest.fixture(scope="module")
def fit():
    return exact_fit()


def bent(fit, column: str, scales: float):
    """The fit with losses of one group lifted in the middle of a covariate by so many scales of noise."""
    frame = fit.runs.frame.copy()
    rows = (frame["architecture"] == "xlstm") & (frame["context_length"] == 8192)
    x = np.log(frame.loc[rows, column])
    z = (x - x.mean()) / x.std()
    frame.loc[rows, "loss"] *= np.exp(scales * SIGMA * (1 - z**2))
    return replace(fit, runs=load_runs(frame))


def test_well_specified_runs_have_none(fit) -> None:
    row = run_checks(fit)["residual_trend"]
    assert row.status == PASS and row.value >= LEVEL


@pytest.mark.parametrize(("column", "covariate"), [("flops", "compute"), ("params", "params")])
def test_a_bend_is_found_and_named(fit, column: str, covariate: str) -> None:
    row = run_checks(bent(fit, column, 1.5))["residual_trend"]
    assert row.status == REVIEW and row.value < LEVEL
    assert f"xlstm, 8192 along {covariate}" in row.advice and "in the middle" in row.advice
    worst = residual_trends(bent(fit, column, 1.5))[0]
    assert worst.middle > max(worst.low, worst.high)


def test_outliers_are_no_trend(fit) -> None:
    frame = fit.runs.frame.copy()
    frame.loc[frame.index[5], "loss"] *= 1.05
    assert run_checks(replace(fit, runs=load_runs(frame)))["residual_trend"].status == PASS


@pytest.mark.slow
def test_false_alarms_are_no_more_than_the_level_says() -> None:
    alarms = sum(residual_trends(exact_fit(seed=seed, draws=50))[0].p < LEVEL for seed in range(60))
    assert alarms <= stats.binom.ppf(0.9999, 60, LEVEL)
