"""A fit of simulated runs holds the truth about as often as it says."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.data.simulation import shipped_truth
from bayes_scaling.data.truth import Truth
from bayes_scaling.laws.law import GAMMA_LAW
from bayes_scaling.posterior.fitting import fit as sample
from tests.helpers.fits import small_fit, small_simulation
from tests.helpers.truths import BUDGETS, true_optima, truth_coverage


@pytest.fixture(scope="module")
def fit():
    return small_fit()


@pytest.fixture(scope="module")
def coverage(fit):
    return truth_coverage(fit, small_simulation().truth).set_index("quantity")


@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.ConvergenceWarning")  # few draws
def test_the_shipped_simulated_runs_are_recovered():
    table = truth_coverage(sample("simulated", draws=120, chains=2, progress=False), shipped_truth())
    totals = table.set_index("quantity").loc[["all coefficients", "all optima"], "share"]
    # Draws of one data set are right or wrong together: far under 0.9 would still be a broken fit.
    assert (totals > 0.6).all()


def test_coverage_counts_every_group_and_budget(coverage):
    assert (coverage.loc[list(GAMMA_LAW.names), "of"] == 4).all()
    assert (coverage.loc[["optimal params", "optimal tokens", "loss there"], "of"] == 4 * len(BUDGETS)).all()
    assert coverage.loc["all coefficients", "of"] == 24 and coverage.loc["all optima", "of"] == 48
    assert np.allclose(coverage["share"], coverage["inside"] / coverage["of"])
    assert (coverage["nominal"] == 0.9).all()


def test_coverage_sees_a_wrong_truth(fit, coverage):
    truth = small_simulation().truth
    moved = truth.coefficients.assign(E=truth.coefficients["E"] * 2, alpha=truth.coefficients["alpha"] * 2)
    wrong = truth_coverage(fit, Truth(truth.law, moved, truth.nu)).set_index("quantity")
    assert wrong.loc[["E", "alpha", "loss there"], "inside"].sum() == 0
    assert coverage.loc[["E", "alpha"], "inside"].sum() > 0


def test_true_optima_are_the_cheapest_on_the_budget():
    truth = shipped_truth()
    table = true_optima(truth, [1e20])
    assert np.allclose(6 * table["params"] * table["tokens"], 1e20)
    for factor in (0.8, 1.25):
        moved = table.assign(params=table["params"] * factor, tokens=table["tokens"] / factor)
        assert (truth.expected_loss(moved) > table["loss"]).all()
