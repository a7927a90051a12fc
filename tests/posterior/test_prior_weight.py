"""Does the prior move a conclusion: against refits under a prior of another weight."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.posterior.checks import PASS, REVIEW, run_checks
from bayes_scaling.posterior.criteria import notes
from bayes_scaling.posterior.prior_weight import MOVED, conclusions, prior_shifts
from tests.helpers.synthetic import synthetic_fit


def test_data_that_outweigh_the_prior_leave_conclusions_alone() -> None:
    fit = synthetic_fit()
    row = run_checks(fit)["prior_conflict"]
    assert row.status == PASS and row.value < MOVED
    table = prior_shifts(fit)
    assert set(table["variable"]) == {"E", "optimal params", "optimal loss"}
    assert len(table) == 3 * 4


def test_a_misplaced_prior_moves_them_and_is_named() -> None:
    row = run_checks(synthetic_fit(prior_shift=8))["prior_conflict"]
    assert row.status == REVIEW and row.value > MOVED
    assert "posterior sd" in row.advice and "ln " in row.advice


def test_the_shift_is_that_of_a_fit_under_a_prior_of_more_weight() -> None:
    """Exact posteriors under the prior and under one a tenth heavier, per doubling."""
    from tests.helpers import synthetic

    fit = synthetic_fit(draws=4000, prior_shift=3)
    _, draws = conclusions(fit)
    ours = prior_shifts(fit)["shift"].to_numpy()
    power = 1.1
    kept = dict(synthetic.PRIOR_SD)
    try:
        synthetic.PRIOR_SD.update({name: sd / np.sqrt(power) for name, sd in kept.items()})
        # The shift is counted in prior sds, which have shrunk: the prior stays where it was.
        heavier = synthetic_fit(draws=4000, prior_shift=3 * np.sqrt(power))
    finally:
        synthetic.PRIOR_SD.update(kept)
    _, moved = conclusions(heavier)
    exact = (moved.mean(0) - draws.mean(0)) / draws.std(0) / np.log2(power)
    error = np.sqrt(2 / len(draws)) / np.log2(power)
    assert np.abs(ours - exact).max() < 5 * (error + np.sqrt(1 / len(draws)) * 5)


def test_notes_name_what_prior_and_data_pull_apart() -> None:
    assert notes(synthetic_fit()) == ()
    told = notes(synthetic_fit(prior_shift=5))
    assert told and all("pull" in line and "apart" in line for line in told)


@pytest.mark.parametrize("name", ["E", "alpha"])
def test_draws_without_an_optimum_ask_for_review(name: str) -> None:
    from tests.helpers.synthetic import with_group

    fit = synthetic_fit()
    array = fit.idata["posterior"][name].copy()
    array[:, ::2] = np.nan
    row = run_checks(with_group(fit, "posterior", **{name: array}))["prior_conflict"]
    assert row.status == REVIEW and not row.value <= MOVED
