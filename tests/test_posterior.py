"""`Fit` and its coefficients for groups with and without runs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bayes_scaling.errors import BudgetError
from bayes_scaling.posterior import coefficients
from tests.synthetic import ARCHITECTURES, CONTEXTS, synthetic_fit

FIT = synthetic_fit(draws=300)


def test_seen_groups_are_the_stored_draws() -> None:
    drawn = coefficients(FIT, "xlstm", 8192)
    for name in (*FIT.law.names, "sigma"):
        stored = FIT.posterior[name].sel(architecture=["xlstm"], context_length=[8192])
        np.testing.assert_array_equal(drawn[name], stored)


def test_defaults_are_all_groups_fitted() -> None:
    drawn = coefficients(FIT)
    assert tuple(drawn["architecture"].to_numpy()) == ARCHITECTURES == FIT.architectures
    assert tuple(drawn["context_length"].to_numpy()) == CONTEXTS == FIT.context_lengths


def test_unseen_groups_are_drawn_beside_the_seen() -> None:
    drawn = coefficients(FIT, context_length=[8192, 32768])
    np.testing.assert_array_equal(
        drawn["E"].sel(context_length=8192), FIT.posterior["E"].sel(context_length=8192)
    )
    spread = np.log(drawn["E"]).std(("chain", "draw"))
    assert (spread.sel(context_length=32768) > spread.sel(context_length=8192)).all()


def test_under_no_pooling_an_unseen_group_is_the_priors() -> None:
    prior = FIT.spec.prior("E")
    log_e = np.log(coefficients(FIT, context_length=32768, seed=3)["E"].to_numpy().ravel())
    assert log_e.mean() == pytest.approx(np.log(prior.median), abs=5 * prior.scale / np.sqrt(log_e.size))
    assert log_e.std() == pytest.approx(prior.scale, rel=5 / np.sqrt(2 * log_e.size))


def test_seed_reproduces_unseen_groups() -> None:
    one, two, other = (coefficients(FIT, context_length=512, seed=s)["alpha"] for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_new_architectures_only_on_request() -> None:
    with pytest.raises(BudgetError, match="transformer, xlstm"):
        coefficients(FIT, "hyena")
    assert np.isfinite(coefficients(FIT, "hyena", allow_new=True)["E"]).all()


@pytest.mark.parametrize("bad", [0, -8, 1.5, np.nan, np.inf, []])
def test_bad_context_lengths(bad) -> None:
    with pytest.raises(BudgetError, match="context length"):
        coefficients(FIT, context_length=bad)


def test_a_fit_is_frozen_and_says_what_it_is() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        FIT.runs = None  # type: ignore[misc]
    assert repr(FIT) == (
        "Fit(gamma law, none pooling, numpyro; 192 runs of transformer, xlstm; 4 chains x 300 draws)"
    )
