"""What lies too far from the runs is refused, and what lies far is told, by every question."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.decisions.decide import decide
from bayes_scaling.decisions.lifetime.lifetime import lifetime
from bayes_scaling.decisions.next_runs.next_runs import design_runs
from bayes_scaling.decisions.scenarios import Scenario, plan
from bayes_scaling.decisions.winner_map import compare_map
from bayes_scaling.errors import BudgetError
from bayes_scaling.posterior.prediction import predict, predict_table
from bayes_scaling.printing.views import far_remark, lost_remark, print_frontier, reach_remark, unseen_remark
from bayes_scaling.questions.compare import compare
from bayes_scaling.questions.context_effect import context_effect
from bayes_scaling.questions.frontier import frontier
from bayes_scaling.questions.query import Query
from bayes_scaling.questions.targets import iso_loss, optimal_for_params
from tests.helpers.fits import small_fit
from tests.helpers.synthetic import synthetic_fit

FIT = synthetic_fit(chains=2, draws=50)
MOST = FIT.runs.frame["flops"].max()
NEAR, FAR = 10**3.9 * MOST, 10**4.1 * MOST  # decades of compute beyond the runs


def planned(compute: float) -> pd.DataFrame:
    """One run that spends a budget."""
    params = np.sqrt(compute / 6 / 20)
    return pd.DataFrame(
        {"architecture": ["xlstm"], "context_length": 8192, "params": params, "tokens": compute / 6 / params}
    )


def loss_at(compute: float) -> float:
    """The median loss of a budget's optimum."""
    query = {"context_length": 8192, "architecture": "xlstm", "extrapolate": True}
    return float(frontier(FIT, compute, **query).draws["loss"].median())


def size_at(compute: float) -> float:
    """The median params of a budget's optimum."""
    query = {"context_length": 8192, "architecture": "xlstm", "extrapolate": True}
    return float(frontier(FIT, compute, **query).draws["params"].median())


ONE = {"context_length": 8192, "architecture": "xlstm"}
QUESTIONS = {
    "frontier": lambda c, **more: frontier(FIT, c, **more),
    "compare": lambda c, **more: compare(FIT, c, **more),
    "context_effect": lambda c, **more: context_effect(FIT, c, **more),
    "decide": lambda c, **more: decide(FIT, c, **ONE, **more),
    "compare_map": lambda c, **more: compare_map(FIT, [1e19, c], **more),
    "plan": lambda c, **more: plan(FIT, [Scenario("one", c, 8192, "xlstm", **more)]),
    "design_runs": lambda c, **more: design_runs(FIT, c, 8192, "xlstm", runs=1, **more),
    "predict": lambda c, **more: predict(FIT, planned(c), **more),
    "predict_table": lambda c, **more: predict_table(FIT, planned(c), **more),
    "iso_loss": lambda c, **more: iso_loss(FIT, loss_at(c), **ONE, **more),
    "optimal_for_params": lambda c, **more: optimal_for_params(FIT, size_at(c), **ONE, **more),
    "lifetime": lambda c, **more: lifetime(FIT, loss_at(c), 1e3, **ONE, **more),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_too_far_is_refused_unless_it_is_wanted(name: str) -> None:
    ask = QUESTIONS[name]
    with pytest.raises(BudgetError, match="4.1 decades outside the fitted runs .* extrapolate=True"):
        ask(FAR)
    ask(FAR, extrapolate=True)
    ask(NEAR)  # the control


def test_below_the_runs_it_is_refused_too() -> None:
    with pytest.raises(BudgetError, match="decades outside"):
        Query.of(FIT, FIT.runs.frame["flops"].min() / 10**4.1)


def test_all_runs_count_and_a_groups_own_distance_is_told() -> None:
    frame = FIT.runs.frame
    few = (frame["architecture"] == "transformer") | (frame["flops"] < 2e19)
    fit = type(FIT)(FIT.idata, FIT.runs.subset(few.to_numpy()), FIT.spec)
    table = frontier(fit, 10**3.5 * frame["flops"].max()).table(full=True).set_index("architecture")
    far = table["compute_extrapolation_decades"]
    assert (far["xlstm"] > 4).all() and (far["transformer"] < 3.6).all()
    assert f"up to {far['xlstm'].max():.1f} decades of compute" in far_remark(table)


def test_the_maps_default_budgets_are_answered_however_few_runs_a_group_has() -> None:
    frame = FIT.runs.frame
    few = (frame["architecture"] == "transformer") | (frame["flops"] < 2e19)
    fit = type(FIT)(FIT.idata, FIT.runs.subset(few.to_numpy()), FIT.spec)
    assert compare_map(fit).table(full=True)["compute_extrapolation_decades"].max() > 2


def test_far_rows_are_told_above_the_table_and_the_four_distances_below(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    table = frontier(FIT, [1e20, 1e24]).table(full=True)
    print_frontier(table)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Far: 4 of 8 rows lie up to 3.5 decades of compute outside the fitted runs.")
    note = next(line for line in lines if line.startswith("Note: "))
    for part in ("compute by up to 3.5 decades", "params by up to", "tokens by up to"):
        assert part in note
    assert "context by" not in note


def test_nothing_is_told_of_rows_among_the_runs() -> None:
    inside = FIT.runs.frame.iloc[[10]][["architecture", "context_length", "params", "tokens"]]
    table = predict_table(FIT, inside)
    assert (far_remark(table), reach_remark(table, "rows"), unseen_remark(table)) == ("", "", "")


def test_a_context_without_runs_is_named() -> None:
    table = frontier(FIT, 1e20, [4096, 8192, 81920], "xlstm").table(full=True)
    assert table["group_runs"].tolist() == [0, 48, 0]
    np.testing.assert_allclose(table["context_extrapolation_decades"], [0, 0, 1])
    assert "xlstm at context 4096, xlstm at context 81920" in unseen_remark(table)
    assert "context by up to 1.0 decades" in reach_remark(table, "budgets")


def test_optima_at_the_edge_of_their_search_are_told_by_every_question() -> None:
    """As often as `decide` has them, which searches by itself."""
    fit = small_fit()
    asked = {"context_length": 8192, "extrapolate": True}
    table = frontier(fit, [6e18, 1e26], **asked).table(full=True)
    near, far = (table[table["compute"] == compute]["lost_share"].to_numpy() for compute in (6e18, 1e26))
    assert (near < 0.05).all() and far.max() > 0.2
    decided = decide(fit, 1e26, 8192, extrapolate=True).table(full=True)
    np.testing.assert_allclose(far, decided["lost_share"], atol=1e-9)
    remark = lost_remark(table[table["compute"] == 1e26])
    assert f"up to {far.max():.0%} of the draws have no optimum within the search range" in remark
    assert lost_remark(table[table["lost_share"] <= 0.01]) == ""  # the control
    pair = compare(fit, 1e26, **asked).table(full=True)
    np.testing.assert_allclose(pair["lost_share"], far.max())
    back = iso_loss(fit, float(table["loss_median"].min()), architecture="xlstm", **asked).table(full=True)
    assert 0 <= back["lost_share"].iloc[0] <= 1


def test_without_a_drift_no_optimum_is_at_the_edge() -> None:
    table = frontier(FIT, [1e20, 1e24]).table(full=True)
    assert (table["lost_share"] == 0).all() and lost_remark(table) == ""
