"""Comparisons: antisymmetric, right for a known truth, and exact draw by draw."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from bayes_scaling.compare import compare
from bayes_scaling.errors import BudgetError
from bayes_scaling.frontier import frontier
from tests.synthetic import synthetic_fit, with_group

FIT = synthetic_fit(draws=100)
BUDGETS = [1e20, 1e22]


def scaled(factor: float):
    """xLSTM with its irreducible loss scaled; the transformer as it was."""
    posterior = FIT.idata["posterior"].to_dataset()
    factors = posterior["E"].copy(data=np.ones(posterior["E"].shape))
    factors.loc[{"architecture": "xlstm"}] = factor
    return with_group(FIT, "posterior", E=posterior["E"] * factors)


@pytest.fixture(scope="module")
def comparison():
    return compare(FIT, BUDGETS)


def test_pairs_are_antisymmetric(comparison) -> None:
    first, second = (comparison.draws.isel(pair=i) for i in (0, 1))
    np.testing.assert_allclose(first["difference"], -second["difference"], atol=1e-14)
    table = comparison.table().set_index(["architecture", "context_length", "compute"])["probability"]
    np.testing.assert_allclose(table["transformer"] + table["xlstm"], 1.0)
    same = first["crossing"].to_numpy(), second["crossing"].to_numpy()
    np.testing.assert_allclose(*same, rtol=1e-12)


def test_difference_is_the_frontiers(comparison) -> None:
    loss = frontier(FIT, BUDGETS).draws["loss"]
    wanted = loss.sel(architecture="transformer") - loss.sel(architecture="xlstm")
    np.testing.assert_allclose(comparison.draws["difference"].isel(pair=0), wanted, atol=1e-14)


@pytest.mark.parametrize("i", [0, 41])
def test_the_multiplier_buys_the_same_loss(comparison, i: int) -> None:
    theta = FIT.posterior.sel(architecture="xlstm", context_length=2048).isel(chain=0, draw=i)
    theta = {name: float(theta[name]) for name in FIT.law.names}
    ours = frontier(FIT, 1e20).draws["loss"].sel(architecture="transformer", context_length=2048)[0, i, 0]

    def gap(log_compute):
        params, tokens = FIT.law.optimum(np, np.exp(log_compute), theta)
        return FIT.law.loss(np, params, tokens, theta) - float(ours)

    needed = np.exp(optimize.brentq(gap, np.log(1e16), np.log(1e24)))
    found = comparison.draws["multiplier"].isel(pair=0).sel(context_length=2048, compute=1e20)[0, i]
    assert float(found) == pytest.approx(needed / 1e20, rel=2e-3)


@pytest.mark.parametrize(("factor", "probability"), [(0.8, 1.0), (1.25, 0.0)])
def test_a_clear_truth_is_seen(factor: float, probability: float) -> None:
    table = compare(scaled(factor), 1e22).table()
    assert set(table.loc[table["architecture"] == "xlstm", "probability"]) == {probability}
    assert (table["crossing_probability"] < 0.05).all()
    multiplier = table.loc[table["architecture"] == "xlstm", "multiplier_median"]
    assert (multiplier > 2).all() if probability else (multiplier < 0.5).all()


def test_a_loss_below_the_others_floor_takes_infinite_compute() -> None:
    table = compare(scaled(0.2), 1e24).table()
    assert np.isinf(table.loc[table["architecture"] == "xlstm", "multiplier_median"]).all()


def test_table(comparison) -> None:
    table = comparison.table()
    assert len(table) == 2 * 2 * 2
    first = ["architecture", "other", "context_length", "compute", "cost", "probability"]
    assert list(table.columns[:6]) == first
    assert {"difference_q05", "multiplier_median", "crossing_q95", "extrapolation_decades"} <= set(table)
    assert (table.loc[table["compute"] == 1e22, "extrapolation_decades"] > 1).all()


def test_one_architecture_cannot_be_compared() -> None:
    with pytest.raises(BudgetError, match="two architectures"):
        compare(FIT, 1e20, architecture="xlstm")


@pytest.mark.parametrize("bad", [{"compute": -1.0}, {"compute": 1e20, "context_length": 0}])
def test_bad_questions(bad) -> None:
    with pytest.raises(BudgetError):
        compare(FIT, **bad)
