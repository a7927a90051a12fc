"""The inverse questions: they undo the frontier, and refuse what cannot be asked."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.errors import BudgetError
from bayes_scaling.questions.frontier import frontier
from bayes_scaling.questions.targets import iso_loss, optimal_for_params
from tests.helpers.synthetic import synthetic_fit

COSTS = ("6ND", "accounted")
FIT = synthetic_fit(draws=100)


def only(draws, name: str, i: int = 0):
    return draws[name].sel(architecture="xlstm", context_length=8192).to_numpy()[0, i, 0]


@pytest.mark.parametrize("cost", COSTS)
def test_iso_loss_undoes_the_frontier_draw_by_draw(cost: str) -> None:
    forward = frontier(FIT, 3e20, cost=cost).draws
    for i in (0, 57):
        back = iso_loss(FIT, only(forward, "loss", i), cost=cost).draws
        assert only(back, "compute", i) == pytest.approx(3e20, rel=1e-8)
        assert only(back, "params", i) == pytest.approx(only(forward, "params", i), rel=1e-8)
        assert only(back, "tokens", i) == pytest.approx(only(forward, "tokens", i), rel=1e-8)


@pytest.mark.parametrize("cost", COSTS)
def test_optimal_for_params_undoes_the_frontier_draw_by_draw(cost: str) -> None:
    forward = frontier(FIT, 3e20, cost=cost).draws
    back = optimal_for_params(FIT, only(forward, "params", 3), cost=cost).draws
    for name in ("tokens", "loss"):
        assert only(back, name, 3) == pytest.approx(only(forward, name, 3), rel=1e-8)
    assert only(back, "compute", 3) == pytest.approx(3e20, rel=1e-8)


def test_no_cheaper_run_reaches_the_loss() -> None:
    """The negative control: every other size of the same loss costs more."""
    found = iso_loss(FIT, 2.8).draws.sel(architecture="xlstm", context_length=8192).isel(chain=0, draw=0)
    values = {
        n: float(FIT.posterior[n].sel(architecture="xlstm", context_length=8192)[0, 0]) for n in FIT.law.names
    }
    best = float(found["compute"][0])
    for factor in (0.7, 0.95, 1.05, 1.4):
        params = factor * float(found["params"][0])
        reducible = (2.8 - values["E"]) ** (1 / values["gamma"]) - values["A"] * params ** -values["alpha"]
        tokens = (reducible / values["B"]) ** (-1 / values["beta"])
        assert 6 * params * tokens > best * (1 + 1e-6)


def test_a_loss_below_e_cannot_be_reached() -> None:
    result = iso_loss(FIT, [0.01, 2.8])
    assert np.isinf(result.draws["compute"].sel(loss=0.01)).all()
    assert np.isnan(result.draws["params"].sel(loss=0.01)).all()
    table = result.table(full=True)
    assert set(table["probability"]) == {0.0, 1.0}
    assert table.loc[table["loss"] == 0.01, "params_median"].isna().all()


def test_table_names() -> None:
    table = optimal_for_params(FIT, [1e8, 1e9]).table(full=True)
    assert len(table) == 8
    assert {
        "architecture",
        "context_length",
        "params",
        "cost",
        "compute_median",
        "tokens_q05",
        "loss_q95",
    } <= set(table)


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf, []])
def test_values_that_are_no_positive_number_are_refused(value) -> None:
    with pytest.raises(BudgetError, match="loss"):
        iso_loss(FIT, value)
    with pytest.raises(BudgetError, match="params"):
        optimal_for_params(FIT, value)
