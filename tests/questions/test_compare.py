"""Comparisons: antisymmetric, right for a known truth, and exact draw by draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from bayes_scaling.draws import QUANTILES
from bayes_scaling.errors import BudgetError
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.questions.compare import compare
from bayes_scaling.questions.frontier import frontier
from bayes_scaling.questions.targets import iso_loss
from bayes_scaling.runs.reach import COLUMNS, reach_columns
from tests.helpers.synthetic import synthetic_fit, with_group

FIT = synthetic_fit(draws=100)
BUDGETS = [1e20, 1e22]
NAMES = FIT.law.names


def with_xlstm(change) -> Fit:
    """The fit with ``change(name, xlstm, transformer)`` as xLSTM's draws of each coefficient."""
    new = {name: FIT.posterior[name].copy(deep=True) for name in NAMES}
    for name, values in new.items():
        both = [FIT.posterior[name].sel(architecture=a).to_numpy() for a in ("xlstm", "transformer")]
        values.loc[{"architecture": "xlstm"}] = change(name, *both)
    return with_group(FIT, "posterior", **new)


def scaled(factor: float) -> Fit:
    """xLSTM with its irreducible loss scaled; the transformer as it was."""
    return with_xlstm(lambda name, own, _: own * factor if name == "E" else own)


class Curve:
    """The optimum's loss under 6ND in closed form, L = E + K C^-k: (chain, draw, context_length, 1)."""

    def __init__(self, fit: Fit, architecture: str) -> None:
        cell = fit.posterior.sel(architecture=architecture)
        theta = {name: cell[name].to_numpy()[..., None] for name in NAMES}
        self.floor = theta["E"]
        self.slope = theta["gamma"] * theta["alpha"] * theta["beta"] / (theta["alpha"] + theta["beta"])
        at_1e20 = FIT.law.loss(np, *FIT.law.optimum(np, 1e20, theta), theta)
        self.scale = (at_1e20 - self.floor) * 1e20**self.slope

    def loss(self, compute):
        return self.floor + self.scale * compute**-self.slope

    def compute(self, loss):
        with np.errstate(invalid="ignore"):
            found = ((loss - self.floor) / self.scale) ** (-1 / self.slope)
        return np.where(loss > self.floor, found, np.inf)


@pytest.fixture(scope="module")
def comparison():
    return compare(FIT, BUDGETS)


def test_pairs_are_antisymmetric(comparison) -> None:
    first, second = (comparison.draws.isel(pair=i) for i in (0, 1))
    np.testing.assert_allclose(first["difference"], -second["difference"], atol=1e-14)
    np.testing.assert_allclose(first["crossing"], second["crossing"], rtol=1e-12)
    probability = comparison.table(full=True)["probability"].to_numpy()
    np.testing.assert_allclose(probability[:4] + probability[4:], 1.0)


def test_difference_and_probability_are_the_frontiers(comparison) -> None:
    loss = frontier(FIT, BUDGETS).draws["loss"]
    wanted = loss.sel(architecture="transformer") - loss.sel(architecture="xlstm")
    np.testing.assert_allclose(comparison.draws["difference"].isel(pair=0), wanted, atol=1e-14)
    share = (wanted < 0).mean(("chain", "draw")).to_numpy().ravel()
    np.testing.assert_allclose(comparison.table(full=True)["probability"][:4], share)
    assert share.min() > 0 and share.max() < 1  # both orders occur, so the sign is tested


@pytest.mark.parametrize(("factor", "finite"), [(1.0, 1.0), (0.88, 0.5)])
def test_every_multiplier_buys_the_same_loss(factor: float, finite: float) -> None:
    fit = scaled(factor)
    result = compare(fit, BUDGETS, architecture=["xlstm", "transformer"])
    needed = Curve(fit, "transformer").compute(Curve(fit, "xlstm").loss(np.array(BUDGETS)))
    found = result.draws["multiplier"].isel(pair=0).to_numpy()
    within = needed < result.searched[1]
    assert within.mean() == pytest.approx(finite, abs=0.1) and within.all() == (finite == 1)
    np.testing.assert_allclose(found[within], (needed / BUDGETS)[within], rtol=1e-3)
    assert np.isinf(found[~within]).all()
    share = result.table(full=True)["unreached_probability"].to_numpy()[: within[0, 0].size]
    np.testing.assert_allclose(share, (~within).mean((0, 1)).ravel())


def test_the_multiplier_under_accounted_flops() -> None:
    ours, theirs = ({"context_length": 8192, "architecture": a} for a in ("transformer", "xlstm"))
    target = frontier(FIT, 1e20, cost="accounted").draws["loss"].sel(ours)[0, 41, 0]
    needed = iso_loss(FIT, float(target), cost="accounted").draws["compute"].sel(theirs)[0, 41, 0]
    multiplier = compare(FIT, 1e20, 8192, cost="accounted").draws["multiplier"]
    assert float(multiplier[0, 41, 0, 0, 0]) == pytest.approx(float(needed) / 1e20, rel=1e-3)


def test_at_the_multiplied_budget_the_other_has_the_reciprocal(comparison) -> None:
    """Not at the same budget: there the two are reciprocal only if the curves are parallel."""
    forward = comparison.draws["multiplier"].isel(pair=0, draw=7, chain=1).sel(context_length=2048)[0]
    back = compare(FIT, 1e20 * float(forward), 2048).draws["multiplier"].isel(pair=1, draw=7, chain=1)
    assert float(forward) != pytest.approx(1, abs=5e-3)
    assert float(back.squeeze()) * float(forward) == pytest.approx(1, rel=2e-3)


def test_every_crossing_is_the_nearest_one(comparison) -> None:
    dense = np.geomspace(*comparison.searched, 4001)
    above = Curve(FIT, "transformer").loss(dense) > Curve(FIT, "xlstm").loss(dense)
    changes = above[..., 1:] != above[..., :-1]
    for i, budget in enumerate(BUDGETS):
        away = np.where(changes, np.abs(np.log(dense[1:] / budget)), np.inf)
        wanted = np.where(changes.any(-1), dense[1:][away.argmin(-1)], np.nan)
        found = comparison.draws["crossing"].isel(pair=0, compute=i).to_numpy()
        assert 0.2 < np.isnan(wanted).mean() < 0.8
        agree = np.isclose(np.log10(found), np.log10(wanted), atol=0.01, equal_nan=True)
        assert agree.mean() > 0.99  # two crossings between two rungs may be missed


@pytest.mark.parametrize(("factor", "probability"), [(0.8, 1.0), (1.25, 0.0)])
def test_a_clear_truth_is_seen(factor: float, probability: float) -> None:
    table = compare(scaled(factor), 1e22).table(full=True).set_index("architecture").loc["xlstm"]
    assert set(table["probability"]) == {probability}
    assert (table["crossing_probability"] < 0.05).all()
    assert ((probability - 0.5) * np.log(table["multiplier_median"]) > 0.5 * np.log(2)).all()


def test_the_same_law_for_both_favours_neither() -> None:
    twins = compare(with_xlstm(lambda name, own, transformer: transformer), BUDGETS)
    assert (twins.draws["difference"] == 0).all() and twins.draws["crossing"].isnull().all()
    np.testing.assert_allclose(twins.draws["multiplier"], 1, rtol=1e-3)
    table = twins.table(full=True)
    assert table["probability"].nunique() == 1 and table["probability"].max() <= 0.5
    assert (table["crossing_probability"] == 0).all() and table["crossing_median"].isna().all()


def test_the_same_belief_of_both_is_even_odds() -> None:
    """The transformer's draws in another order: alike as a whole, unlike draw by draw."""
    order = np.random.default_rng(1).permutation(100)
    alike = compare(with_xlstm(lambda name, own, transformer: transformer[:, order]), BUDGETS)
    np.testing.assert_allclose(alike.table(full=True)["probability"], 0.5, atol=5 * 0.5 / np.sqrt(400))
    assert (np.abs(alike.draws["difference"]) > 0).mean() > 0.9


def test_table(comparison) -> None:
    table = comparison.table(full=True)
    first = ["architecture", "other", "context_length", "compute", "cost", "probability"]
    names = ("difference", "multiplier", "crossing")
    statistics = [f"{name}_{key}" for name in names for key in [*QUANTILES, "mean", "sd"]]
    shares = ("unreached_probability", "crossing_probability")
    assert [*table] == [
        *first,
        *statistics,
        *shares,
        *reach_columns(dict.fromkeys(COLUMNS, np.zeros(1))),
        "group_runs",
        "lost_share",
    ]
    row = table.iloc[5]  # the sixth: xlstm over transformer
    assert list(row.iloc[:5]) == ["xlstm", "transformer", 2048, 1e22, "6ND"]
    draws = comparison.draws.isel(pair=1, context_length=0, compute=1)
    difference, crossing = (draws[name].to_numpy() for name in ("difference", "crossing"))
    assert row["difference_median"] == pytest.approx(np.median(difference))
    assert row["crossing_probability"] == np.isfinite(crossing).mean()
    below = crossing[np.isfinite(crossing)] < row["crossing_q25"]  # of the draws that have one
    assert below.mean() == pytest.approx(0.25, abs=0.01)


def test_reach_is_the_farther_of_the_pair_and_the_search_goes_beyond_both() -> None:
    frame = FIT.runs.frame
    small = (frame["architecture"] == "transformer") | (frame["flops"] < 3e19)
    result = compare(replace(FIT, runs=FIT.runs.subset(small.to_numpy())), BUDGETS)
    highest = frame.loc[small & (frame["architecture"] == "xlstm"), "flops"].max()
    table = result.table(full=True)
    np.testing.assert_allclose(table["compute_extrapolation_decades"], np.log10(table["compute"] / highest))
    np.testing.assert_allclose(np.log10(result.searched), [np.log10(6e18) - 2, 22 + 4])


def test_three_architectures_make_six_pairs_that_add_up() -> None:
    posterior = FIT.posterior.drop_vars("nu")
    third = posterior.sel(architecture=["xlstm"]).assign_coords(architecture=["zamba"]).roll(draw=1)
    tree = FIT.idata.copy()
    tree["posterior"] = xr.DataTree(xr.concat([posterior, third], dim="architecture"))
    names = ["zamba", "transformer", "xlstm"]
    draws = compare(replace(FIT, idata=tree), 1e20, architecture=names).draws
    pairs = list(zip(draws["architecture"].to_numpy(), draws["other"].to_numpy(), strict=True))
    assert pairs == [(a, b) for a in names for b in names if a != b]
    gap = {pair: draws["difference"][:, :, i].to_numpy() for i, pair in enumerate(pairs)}
    np.testing.assert_allclose(gap[pairs[0]] + gap[pairs[3]], gap[pairs[1]], atol=1e-14)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"compute": -1.0}, "compute budget -1"),
        ({"compute": "lots"}, "compute budget 'lots'"),
        ({"compute": 1e20, "context_length": ["long"]}, "context length .'long'."),
        ({"compute": 1e20, "architecture": []}, "no architecture given: this fit has transformer"),
        ({"compute": 1e20, "architecture": "xlstm"}, "two architectures; there is only xlstm"),
        ({"compute": 1e20, "architecture": ["xlstm", "xlstm"]}, "two architectures"),
        ({"compute": 1e20, "architecture": ["xlstm", "rwkv"]}, "'rwkv': this fit has transformer, xlstm"),
    ],
)
def test_bad_questions(question, message: str) -> None:
    with pytest.raises(BudgetError, match=message):
        compare(FIT, **question)
