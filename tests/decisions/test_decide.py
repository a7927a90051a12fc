"""The Bayes action against brute force; its regret, flat region and limits against what they mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from bayes_scaling.accounting import get_cost
from bayes_scaling.decisions import search
from bayes_scaling.decisions.budget_line import BudgetLine
from bayes_scaling.decisions.decide import decide, optimal_runs
from bayes_scaling.decisions.flat_region import flat_region
from bayes_scaling.decisions.intervals import EVERYTHING, intersect, intervals_where, make_grid
from bayes_scaling.decisions.limits import Limits, limits_from
from bayes_scaling.decisions.utility import Utility, get_utility
from bayes_scaling.errors import BudgetError, DecisionError
from bayes_scaling.laws.optimum import OptimumError
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior.coefficients import coefficients
from bayes_scaling.posterior.groups import surface_of
from bayes_scaling.questions.frontier import frontier
from bayes_scaling.questions.query import Query
from tests.helpers.fits import small_fit
from tests.helpers.serving import FakeServing
from tests.helpers.synthetic import synthetic_fit, with_group

WIDE = synthetic_fit(draws=150, sigma=0.02)  # noise believed large: the draws disagree
BUDGET, LENGTH = 1e22, 8192
CELL = {"architecture": "xlstm", "context_length": LENGTH}
UTILITIES = ("mean", ("quantile", 0.8), ("cvar", 0.9))


def ask(fit=WIDE, compute=BUDGET, **more):
    return decide(fit, compute, LENGTH, **more)


def one(decision, architecture: str = "xlstm") -> dict:
    table = decision.table(full=True)
    return table[table["architecture"] == architecture].iloc[0].to_dict()


def losses(fit, params: np.ndarray, tokens: np.ndarray, architecture: str = "xlstm") -> np.ndarray:
    """Loss (draw, point) by the law itself."""
    surface = surface_of(fit, coefficients(fit), architecture, LENGTH)
    shape = (*fit.posterior["E"].shape[:2], len(params))
    x, d = (np.broadcast_to(v, shape) for v in (params, tokens))
    return surface.loss(x, d).reshape(-1, len(params))


def own_optima(fit, decision, name: str = "optimum_loss") -> np.ndarray:
    return decision.draws[name].sel(CELL).isel(compute=0).to_numpy().ravel()


@pytest.fixture(scope="module")
def decision():
    return ask()


@pytest.mark.parametrize("fit", [WIDE, small_fit()], ids=["law", "drift"])
@pytest.mark.parametrize("utility", UTILITIES)
def test_no_other_params_are_better(fit, utility) -> None:
    row = one(ask(fit, 1e21, utility=utility))
    params = np.geomspace(row["params"] / 30, row["params"] * 30, 3001)
    objective = get_utility(utility)(losses(fit, params, 1e21 / 6 / params))
    assert row["objective"] <= objective.min() + 1e-6
    assert row["objective"] == pytest.approx(objective.min(), abs=1e-5)
    assert row["params"] * row["tokens"] * 6 == pytest.approx(1e21)


def test_utilities_differ_and_mean_what_they_say() -> None:
    draws = np.random.default_rng(0).gamma(2.0, size=(5000, 3))
    for level in (0.5, 0.9):
        high = np.quantile(draws, level, axis=0)
        np.testing.assert_allclose(Utility("quantile", level)(draws), high)
        worst = [column[column > cut].mean() for column, cut in zip(draws.T, high, strict=True)]
        np.testing.assert_allclose(Utility("cvar", level)(draws), worst, rtol=2e-3)
    assert get_utility("cvar:0.9") == Utility("cvar", 0.9) == get_utility(("cvar", 0.9))
    assert len({one(ask(utility=u))["params"] for u in UTILITIES}) == 3


def test_regret_is_over_each_draws_own_optimum(decision) -> None:
    row, known = one(decision), frontier(WIDE, BUDGET, LENGTH).draws.sel(CELL)
    regret = own_optima(WIDE, decision, "regret")
    np.testing.assert_allclose(own_optima(WIDE, decision), known["loss"].to_numpy().ravel(), atol=1e-12)
    np.testing.assert_allclose(
        own_optima(WIDE, decision, "optimum_params"), known["params"].to_numpy().ravel()
    )
    assert regret.min() >= 0 and np.median(regret) > 1e-4
    assert row["regret_mean"] == pytest.approx(regret.mean())
    assert row["regret_probability"] == (regret < 0.01).mean()


def test_the_action_regrets_less_than_plug_in_params(decision) -> None:
    """Also the negative control of the regret's mean: other params have more."""
    best, median = one(decision), float(np.median(own_optima(WIDE, decision, "optimum_params")))
    params = np.array([median, best["params"] * 1.5, best["params"] / 1.5])
    others = (losses(WIDE, params, BUDGET / 6 / params) - own_optima(WIDE, decision)[:, None]).mean(0)
    assert (others > best["regret_mean"]).all()


def test_overall_regret_is_the_value_of_perfect_information(decision) -> None:
    chosen = decision.table(full=True).query("chosen").iloc[0]
    lowest = decision.draws["optimum_loss"].min("architecture").to_numpy()
    assert chosen["overall_regret_mean"] == pytest.approx(chosen["loss_mean"] - lowest.mean())
    assert decision.table(full=True)["best_probability"].sum() == pytest.approx(1)
    assert chosen["objective"] == decision.table(full=True)["objective"].min()


def test_flat_region_holds_the_confidence_at_its_ends(decision) -> None:
    row, star = one(decision), own_optima(WIDE, decision)
    assert (
        row["flat_factor"] == pytest.approx(row["flat_high"] / row["flat_low"]) and row["flat_factor"] > 1.5
    )

    def share(params: float) -> float:
        at = np.array([params])
        return float((losses(WIDE, at, BUDGET / 6 / at)[:, 0] - star < 0.01).mean())

    for end, outwards in ((row["flat_low"], 0.9), (row["flat_high"], 1.1)):
        assert share(end) == pytest.approx(0.5, abs=0.02)
        assert share(end * outwards) < 0.5 < share(end / outwards)
    wide = one(ask(tolerance=0.3))
    assert wide["flat_factor"] > 20 * row["flat_factor"]
    at = np.array([wide["flat_low"], wide["flat_high"]])
    shares = (losses(WIDE, at, BUDGET / 6 / at) - star[:, None] < 0.3).mean(0)
    np.testing.assert_allclose(shares, 0.5, atol=0.02)
    narrow = one(ask(tolerance=0.003))["flat_factor"]
    assert narrow < row["flat_factor"] or np.isnan(narrow)


def test_flat_region_is_round_the_best_point_only() -> None:
    grid, share = np.arange(7.0), np.array([0.6, 0.2, 0.4, 0.9, 0.5, 0.3, 0.7])
    assert flat_region(grid, share, 0.5) == pytest.approx((2.2, 4.0))
    assert np.isnan(flat_region(grid, share, 0.95)).all()


def test_a_real_shape_costs_what_it_loses(decision) -> None:
    row = one(decision)
    at = np.array([row["shape_params"]])
    loss = losses(WIDE, at, np.array([row["shape_tokens"]])).mean()
    assert row["shape_tokens"] * row["shape_params"] * 6 == pytest.approx(BUDGET)
    assert row["shape_price"] == pytest.approx(loss - row["objective"]) and 0 <= row["shape_price"] < 1e-3
    assert abs(np.log(row["shape_params"] / row["params"])) < 0.05 and "blocks" in row["shape"]


def test_sensitivities_are_those_of_the_frontier(decision) -> None:
    known = frontier(WIDE, [BUDGET * np.exp(-0.1), BUDGET * np.exp(0.1)], LENGTH).draws.sel(CELL)
    slope = (known["loss"][..., 1] - known["loss"][..., 0]) / 0.2
    assert one(decision)["loss_slope_median"] == pytest.approx(float(slope.median()), abs=1e-6)
    rise = known["params_exponent"].mean("compute")
    assert one(decision)["params_exponent_median"] == pytest.approx(float(rise.median()), abs=1e-5)


@pytest.mark.parametrize("factor", [0.3, 3.0])
def test_limits_of_params_are_kept_and_priced(decision, factor: float) -> None:
    free = one(decision)
    name = "params_at_most" if factor < 1 else "params_at_least"
    limited = ask(limits={name: free["params"] * factor})
    row, limit = one(limited), limited.limits.query("architecture == 'xlstm'").iloc[0]
    assert row["params"] == pytest.approx(free["params"] * factor)
    assert limit["price"] == pytest.approx(row["objective"] - free["objective"], abs=1e-9)
    assert limit["binds"] and row["binding"] == name
    allowed = own_optima(WIDE, limited, "optimum_params")
    side = allowed <= row["params"] * (1 + 1e-9) if factor < 1 else allowed >= row["params"] * (1 - 1e-9)
    assert side.all() and row["regret_q05"] >= 0
    idle = ask(limits={name: free["params"] / factor})
    assert one(idle)["params"] == pytest.approx(free["params"], rel=5e-4) and not idle.limits["binds"].any()


def test_tokens_at_most_leave_a_part_of_the_budget(decision) -> None:
    cap = one(decision)["tokens"] / 5
    row = one(ask(limits={"tokens_at_most": cap}))
    assert row["tokens"] == pytest.approx(cap) and row["objective"] > one(decision)["objective"]
    both = one(ask(limits={"tokens_at_most": cap, "params_at_most": row["params"] / 4}))
    assert both["spent"] == pytest.approx(6 * both["params"] * cap) and both["spent"] < 0.3 * BUDGET
    assert set(both["binding"].split(", ")) == {"params_at_most", "tokens_at_most"}


def test_hours_and_money_are_smaller_budgets() -> None:
    trained = {"flops_per_second": 4e14, "devices": 64, "price_per_hour": 2.0}
    hours = ask(limits={"hours": 24.0, **trained})
    assert one(hours)["spent"] == pytest.approx(24 * 3600 * 64 * 4e14)
    assert one(hours)["objective"] == pytest.approx(one(ask(compute=24 * 3600 * 64 * 4e14))["objective"])
    money = ask(limits={"money": 2 * 24 * 64.0, **trained})
    assert one(money)["objective"] == pytest.approx(one(hours)["objective"])
    assert one(money)["binding"] == "money" and one(hours)["binding"] == "hours"


def test_serving_limits_cut_where_the_probability_is_wanted(decision) -> None:
    serving = FakeServing()
    limited = ask(limits={"step_time_ms": 8.0, "probability": 0.95, "batch_size": 8}, latency=serving)
    wanted = 2e9 * np.exp(-norm.ppf(0.95) * serving.spread)
    allowed = limited.limits.set_index("architecture")["params_high"]
    np.testing.assert_allclose(allowed[["xlstm", "transformer"]], [wanted, wanted / 2], rtol=1e-4)
    assert one(limited)["params"] == pytest.approx(wanted, rel=1e-4)
    memory = ask(limits={"memory": True}, latency=serving).limits["params_high"]
    np.testing.assert_allclose(memory, serving.most_params * np.exp(-norm.ppf(0.9) * 0.2), rtol=1e-4)


def test_infeasible_says_which_limit_is_in_the_way() -> None:
    asked = {"step_time_ms": 8.0, "params_at_least": 1.5e9, "tokens_at_most": 1e12}
    found = ask(limits=asked, latency=FakeServing())
    table = found.table(full=True).set_index("architecture")
    assert not table["feasible"]["transformer"] and table["feasible"]["xlstm"] and table["chosen"]["xlstm"]
    assert set(table["binding"]["transformer"].split(", ")) == {"step_time_ms", "params_at_least"}
    blocked = found.limits.query("architecture == 'transformer'").set_index("name")
    assert list(blocked["feasible_without"]) == [True, False, True]
    free = one(ask(), "transformer")["objective"]
    del asked["params_at_least"]
    alone = one(ask(limits=asked, latency=FakeServing()), "transformer")["objective"]
    assert blocked["price"]["params_at_least"] == pytest.approx(alone - free, abs=1e-6)
    asked["params_at_least"] = 1.5e9
    nothing = ask(architecture="transformer", limits=asked, latency=FakeServing())
    assert not nothing.table(full=True)["chosen"].any() and nothing.curves.empty


REPETITION = {"repeat_tokens": 15.0, "repeat_params": 5.0}
OVERFITTING = REPETITION | {"overfit": 0.05, "overfit_params": 0.8, "overfit_epochs": 50.0}


@pytest.mark.parametrize(
    ("law", "coefficients"), [("data-limited", REPETITION), ("overfitting", OVERFITTING)]
)
def test_unique_tokens_cost_what_repetition_costs(law: str, coefficients: dict[str, float]) -> None:
    like = WIDE.posterior["E"]
    repeating = with_group(
        WIDE, "posterior", **{name: 0 * like + value for name, value in coefficients.items()}
    )
    fit = replace(repeating, spec=ModelSpec(law=law, pooling="none", discrepancy="none"))
    free, limited = ask(fit), ask(fit, limits={"unique_tokens": 2e10})
    limit = limited.limits.query("architecture == 'xlstm'").iloc[0]
    assert limit["price"] == pytest.approx(one(limited)["objective"] - one(free)["objective"], abs=1e-9)
    assert limit["binds"] and limit["price"] > 0.01


def test_optimal_runs_keep_to_the_limits(decision) -> None:
    query = Query.of(WIDE, BUDGET, LENGTH)
    free = optimal_runs(WIDE, query, Limits())["optimum_loss"]
    np.testing.assert_array_equal(free, decision.draws["optimum_loss"])
    limited = optimal_runs(WIDE, query, Limits(params_at_most=1e9))["optimum_loss"]
    assert (limited >= free).all() and (limited > free).mean() > 0.9


def test_accounted_cost_and_units() -> None:
    cost = get_cost("accounted").in_unit("dollars", 1e18)
    row = one(ask(compute=1e4, cost=cost))
    per_token = get_cost("accounted").flops_per_token(np, np.log(row["params"]), LENGTH, "xlstm")
    assert row["spent"] == pytest.approx(1e4) and per_token * row["tokens"] == pytest.approx(1e22)


def test_draws_far_out_are_flagged() -> None:
    fit = small_fit()
    near, far = (
        decide(fit, compute, LENGTH, extrapolate=True).table(full=True)["lost_share"]
        for compute in (6e18, 1e26)
    )
    assert (near < 0.05).all() and (far > near).all() and far.max() > 0.2


def line(fit=WIDE) -> BudgetLine:
    surface = surface_of(fit, coefficients(fit), "xlstm", LENGTH)
    return BudgetLine(surface, get_cost("6ND").curve(), float(np.log(BUDGET)))


def test_a_search_that_does_not_move_is_an_error() -> None:
    fine, broken = line(), line()
    broken.__dict__["optimum"] = fine.optimum + 1.0  # a search that stopped early
    grid = make_grid(EVERYTHING, fine.optimum.min() - 1, fine.optimum.max() + 1)
    search.best_each(fine, EVERYTHING, grid, fine.loss(grid))
    with pytest.raises(OptimumError, match="did not move"):
        search.best_each(broken, EVERYTHING, grid, broken.loss(grid))


def test_a_zoom_that_does_not_find_its_grid_again_is_an_error() -> None:
    grid = np.linspace(0, 1, 11)
    assert search.zoom(lambda x: (x - 0.537) ** 2, grid, (grid - 0.537) ** 2)[0] == pytest.approx(
        0.537, abs=1e-4
    )
    with pytest.raises(OptimumError, match="did not move"):
        search.zoom(lambda x: 1 + (x - 0.537) ** 2, grid, (grid - 0.537) ** 2)


def test_a_utility_that_falls_without_end_is_an_error(monkeypatch) -> None:
    monkeypatch.setattr(BudgetLine, "loss", lambda self, x: -np.tile(x, (3, 1)))
    with pytest.raises(OptimumError, match="still falls at"):
        search.best_action(line(), EVERYTHING, Utility())


def test_regions() -> None:
    x = 10 + np.arange(5.0)
    found = intervals_where(x, np.array([1.0, -1.0, -1.0, 1.0, 1.0]))
    assert found[0][1] == pytest.approx(10.5) and found[1][0] == pytest.approx(12.5) and len(found) == 2
    np.testing.assert_allclose(intersect(found, ((9.0, 13.0),)), [(9.0, 10.5), (12.5, 13.0)])
    assert intersect(((0.0, 1.0),), ((2.0, 3.0),)) == ()
    grid = make_grid(((0.0, 0.5), (2.5, 9.0)), 1.0, 4.0)
    assert {0.0, 0.5, 2.5, 4.0} <= set(grid.tolist()) and not ((grid > 0.5) & (grid < 2.5)).any()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"params_at_least": 2e9, "params_at_most": 1e9},
            "params_at_least 2e.09 is more than params_at_most",
        ),
        ({"param_at_most": 1e9}, "unknown limit 'param_at_most': did you mean 'params_at_most'"),
        ({"zebra": 1e9}, "unknown limit 'zebra': choose from params_at_least"),
        ({"tokens_at_most": -1.0}, "tokens_at_most -1.0: give a positive number"),
        ({"tokens_at_most": "many"}, "tokens_at_most 'many': give a positive number"),
        ({"memory": 1.0}, "memory 1.0: give true or false"),
        ({"probability": 1.5}, "probability 1.5: give one between 0 and 1"),
        ({"hours": 10.0}, "hours needs flops_per_second"),
        ({"money": 10.0, "flops_per_second": 4e14}, "money needs price_per_hour"),
        ({"memory": True}, "memory needs a latency fit"),
        ({"unique_tokens": 1e10}, "knows no unique_tokens"),
    ],
)
def test_bad_limits(asked, message: str) -> None:
    with pytest.raises((DecisionError, BudgetError), match=message):
        ask(limits=asked)


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"compute": 1e50}, BudgetError, "compute budget 1e.50"),
        ({"utility": "median"}, DecisionError, "unknown utility 'median'|utility 'median'"),
        ({"utility": ("cvar", 1.2)}, DecisionError, "level 1.2 of utility 'cvar'"),
        ({"utility": "quantile"}, DecisionError, "utility 'quantile': give"),
        ({"tolerance": 0.0}, DecisionError, "tolerance 0.0"),
        ({"confidence": 1.0}, DecisionError, "confidence 1.0"),
        ({"latency": WIDE}, DecisionError, "latency is a Fit, not a LatencyFit"),
        ({"architecture": "rwkv"}, BudgetError, "unknown architecture 'rwkv'"),
    ],
)
def test_bad_questions(asked, error, message: str) -> None:
    with pytest.raises(error, match=message):
        ask(**asked)


def test_limits_from_a_mapping() -> None:
    assert limits_from({"params_at_most": 7e9, "memory": True}) == Limits(params_at_most=7e9, memory=True)
    assert Limits(params_at_most=7e9, batch_size=8).active == ("params_at_most",)
