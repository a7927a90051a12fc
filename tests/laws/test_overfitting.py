"""The law that overfits: its term, its optima and its derivatives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.accounting import get_cost
from bayes_scaling.errors import BudgetError, SpecError
from bayes_scaling.laws import optimum
from bayes_scaling.laws.coefficients import ALPHA, BETA, OVERFITTING, A, B, E
from bayes_scaling.laws.law import LAWS, Law, log_form, log_loss, register_law
from bayes_scaling.laws.law_rates import law_rates
from bayes_scaling.laws.overfitting import log_overfit
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior.checks import convergence_checks
from tests.helpers.command_line import assert_refused, records, run
from tests.helpers.synthetic import synthetic_fit, with_group

RNG = np.random.default_rng(6)
COUNT = 40
LAW = LAWS["overfitting"]
DRAWS = {
    "E": RNG.uniform(1, 2, COUNT),
    "A": np.exp(RNG.uniform(5, 7, COUNT)),
    "B": np.exp(RNG.uniform(6, 8, COUNT)),
    "alpha": RNG.uniform(0.25, 0.45, COUNT),
    "beta": RNG.uniform(0.25, 0.45, COUNT),
    "repeat_tokens": RNG.uniform(5, 30, COUNT),
    "repeat_params": RNG.uniform(2, 10, COUNT),
    "overfit": RNG.uniform(0.02, 0.1, COUNT),
    "overfit_params": RNG.uniform(0.6, 1, COUNT),
    "overfit_epochs": RNG.uniform(20, 200, COUNT),
}
BUDGETS = np.log(np.geomspace(1e18, 1e22, COUNT))
CURVE = get_cost("accounted").curve(16384.0, "llama")
each_corpus = pytest.mark.parametrize("unique_tokens", [1e40, 2e10, 2e9])
TRUTH = {"E": 2.1, "A": 420.0, "B": 1400.0, "alpha": 0.34, "beta": 0.32, "repeat_tokens": 60.0}
TRUTH |= {"repeat_params": 20.0, "overfit": 0.06, "overfit_params": 0.8, "overfit_epochs": 80.0}


def values(unique_tokens: float) -> dict:
    return LAW.complete(DRAWS | {"unique_tokens": unique_tokens})


def loss_at(x: np.ndarray, theta: dict) -> np.ndarray:
    return LAW.loss(np, np.exp(x), np.exp(BUDGETS - CURVE.value(np, x)), theta)


@each_corpus
def test_no_other_params_have_a_lower_loss(unique_tokens: float) -> None:
    theta = values(unique_tokens)
    found = optimum.optimal_log_params(theta, BUDGETS, CURVE)
    loss = loss_at(found + np.linspace(-4, 4, 4001)[:, None], theta)
    assert (loss[2000] <= loss.min(0) * (1 + 1e-9)).all()
    limited = {name: value for name, value in theta.items() if not name.startswith("overfit")}
    alone = optimum.optimal_log_params(limited, BUDGETS, CURVE)
    assert (np.abs(found - alone).max() > 0.1) == (unique_tokens < 1e40)


@each_corpus
def test_exponents_are_differences(unique_tokens: float) -> None:
    theta, h = values(unique_tokens), 1e-4
    up, at, down = (optimum.optimal_log_params(theta, BUDGETS + s, CURVE) for s in (h, 0.0, -h))
    rise = optimum.exponent(theta, at, CURVE, BUDGETS)
    off = np.abs(rise - (up - down) / (2 * h)) > 1e-4
    assert off.sum() <= 1  # a kink of the law, where a draw meets one between the budgets


@each_corpus
def test_sizes_and_losses_are_met_by_the_least_budget(unique_tokens: float) -> None:
    theta = values(unique_tokens)
    x = optimum.optimal_log_params(theta, BUDGETS, CURVE)
    log_tokens = BUDGETS - CURVE.value(np, x)
    suited = optimum.optimal_log_tokens(theta, x, CURVE)
    law = law_rates(log_form(np, theta), x, suited, CURVE.slope(np, x))
    flat = np.abs(law.turn) < 1e-7  # where all tokens are used up, any more of them suit
    assert flat.sum() <= 2
    assert ((suited <= log_tokens + 1e-6) | flat).all()
    smooth = np.abs(suited - np.log(unique_tokens)) > 1e-3
    np.testing.assert_allclose(law.along[smooth], 0, atol=1e-7)
    loss = loss_at(x, theta)
    cheapest = optimum.cheapest_log_params(theta, loss, CURVE)
    compute = CURVE.value(np, cheapest) + optimum.optimal_log_tokens(theta, cheapest, CURVE)
    assert (compute <= BUDGETS + 1e-4).all()


@each_corpus
def test_derivatives_along_a_budget_are_differences(unique_tokens: float) -> None:
    theta = log_form(np, values(unique_tokens))
    x = optimum.optimal_log_params(values(unique_tokens), BUDGETS, CURVE) + RNG.normal(size=COUNT)
    cost, rise = CURVE.value_and_slope(np, x)
    tokens, h = BUDGETS - cost, 1e-4
    far = np.abs(tokens - np.log(unique_tokens)) > 1e-3

    def moved(along: float, of_tokens: float = 0.0) -> np.ndarray:
        return log_loss(np, x + along, tokens + of_tokens - rise * along, theta)

    law = law_rates(theta, x, tokens, rise)
    turn = (moved(h, h) - moved(-h, h) - moved(h, -h) + moved(-h, -h)) / (4 * h**2)
    bend = (moved(h) - 2 * moved(0) + moved(-h)) / h**2
    for ours, theirs, close in (
        (law.along, (moved(h) - moved(-h)) / (2 * h), 1e-6),
        (law.of_tokens, (moved(0, h) - moved(0, -h)) / (2 * h), 1e-6),
        (law.bend, bend, 1e-5),
        (law.turn, turn, 1e-5),
    ):
        np.testing.assert_allclose(ours[far], theirs[far], atol=close, rtol=1e-5)


def test_slopes_stay_finite_at_any_number_of_epochs() -> None:
    import jax

    def term(log_unique, log_tokens, repeats):
        theta = {"log_unique": log_unique, "overfit": 0.05, "overfit_params": 0.8, "overfit_epochs": repeats}
        return log_overfit(jax.numpy, 3.0, log_tokens, theta | {"pivot_ratio": 0.0})

    with jax.enable_x64(True):
        for log_unique in (10.0, 4.0, 3.0, -5.0, -300.0, -900.0):
            gradient = jax.grad(term, (0, 1, 2))(log_unique, 4.0, 30.0)
            assert np.isfinite(np.asarray(gradient)).all(), log_unique


def test_a_law_that_overfits_also_fades() -> None:
    law = Law("half", (E, A, B, ALPHA, BETA, *OVERFITTING), "", "", {"gamma": 1.0}, ("unique_tokens",))
    with pytest.raises(SpecError, match="overfitting takes overfit"):
        register_law(law)
    assert "half" not in LAWS


def repeating(law: str = "overfitting") -> bs.Fit:
    """Draws of a law of repetition, made without a sampler."""
    plain = synthetic_fit(draws=30)
    like = 0 * plain.posterior["E"] + 1
    names = [name for name in LAWS[law].names if name in TRUTH and name.startswith(("repeat", "overfit"))]
    drawn = with_group(plain, "posterior", **{name: like * TRUTH[name] for name in names})
    return replace(drawn, spec=ModelSpec(law=law, pooling="none", discrepancy="none"))


def test_every_question_has_an_answer_where_tokens_repeat() -> None:
    fit = repeating()
    scarce = {"unique_tokens": 2e9}
    table = bs.frontier(fit, [1e20, 1e21], 8192, **scarce).table(full=True)
    assert np.isfinite(table.select_dtypes("number")).all(axis=None)
    np.testing.assert_allclose(table["epochs_median"], table["tokens_median"] / 2e9)
    assert (table["loss_median"] > bs.frontier(fit, [1e20, 1e21], 8192).table(full=True)["loss_median"]).all()
    assert bs.compare(fit, 1e21, 8192, **scarce).table(full=True)["probability"].between(0, 1).all()
    loss = float(table["loss_median"].max()) + 0.02
    target = bs.iso_loss(fit, loss, 8192, **scarce).table(full=True)
    assert (target["probability"] == 1).all() and target["compute_median"].between(1e18, 1e21).all()
    assert (bs.iso_loss(fit, 1.75, 8192, **scarce).table(full=True)["probability"] == 0).all()
    sizes = bs.optimal_for_params(fit, 1e9, 8192, **scarce).table(full=True)
    assert np.isfinite(sizes["compute_median"]).all()


def test_large_models_repeat_less_often_and_more_harms_them() -> None:
    table = bs.best_epochs(repeating(), [1e5, 1e10], 1e9, 8192, "xlstm")
    small, large = (table.iloc[i] for i in (0, 1))
    assert small["epochs_median"] > 2 * large["epochs_median"] > 2
    assert small["harm_probability"] < large["harm_probability"] == 1
    law = repeating().posterior.sel(architecture="xlstm", context_length=8192).isel(chain=0, draw=0)
    theta = {name: float(law[name]) for name in LAW.names} | {"unique_tokens": 1e9}
    epochs = np.geomspace(1, 1e4, 4000)
    loss = LAW.loss(np, 1e10, 1e9 * epochs, theta)
    first = epochs[(loss <= loss.min() + 1e-3).argmax()]
    assert table["epochs_q025"][1] * 0.97 <= first <= table["epochs_q975"][1] * 1.03
    never = bs.best_epochs(repeating("data-limited"), 1e10, 1e9, 8192)
    assert (never["harm_probability"] == 0).all() and (never["epochs_median"] > 10).all()


def test_epochs_are_asked_on_the_command_line_and_bad_questions_refused(monkeypatch) -> None:
    with pytest.raises(BudgetError, match="positive numbers"):
        bs.best_epochs(repeating(), -1.0, 1e9)
    with pytest.raises(BudgetError, match="knows no unique_tokens"):
        bs.best_epochs(synthetic_fit(draws=20), 1e9, 1e9)
    monkeypatch.setattr("bayes_scaling.cli.running.queries.open_fit", lambda *_: repeating())
    asked = ("epochs", "fit.nc", "--params", "1e8,1e10", "--unique-tokens", "1e9")
    rows = records(*asked)
    assert len(rows) == 8 and all(row["epochs_q05"] <= row["epochs_q95"] for row in rows)
    assert "P(more harm)" in run(*asked).stdout
    assert_refused(run("epochs", "fit.nc", "--params", "x", "--unique-tokens", "1e9"), "--params")


def learnt_by_heart() -> pd.DataFrame:
    """200 runs of 1 to 3,000 epochs, some with many params for their tokens."""
    rng = np.random.default_rng(0)
    spans = ((1e7, 2e9), (1e9, 1e11), (1, 3000))
    params, tokens, epochs = (np.exp(rng.uniform(*np.log(limits), 200)) for limits in spans)
    unique = tokens / np.where(np.arange(200) < 40, 1.0, epochs)
    loss = LAW.loss(np, params, tokens, TRUTH | {"unique_tokens": unique})
    columns = {"params": params, "tokens": tokens, "unique_tokens": unique}
    frame = pd.DataFrame(columns).assign(loss=loss * np.exp(0.01 * rng.standard_t(6, 200)))
    return frame.assign(architecture="dense", context_length=2048)


@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.RunsWarning")
def test_what_overfits_is_found_and_the_frontier_has_epochs() -> None:
    frame = learnt_by_heart()
    fit = bs.fit(frame, law="overfitting", discrepancy="none", progress=False)
    assert all(row.status == "PASS" for row in convergence_checks(fit))
    for name in ("overfit", "overfit_params", "overfit_epochs"):
        low, high = fit.posterior[name].quantile([0.001, 0.999]).to_numpy()
        assert low < TRUTH[name] < high, name
    table = bs.frontier(fit, [1e19, 1e20], unique_tokens=1e9).table(full=True)
    true = LAW.complete({name: np.asarray(value) for name, value in TRUTH.items()} | {"unique_tokens": 1e9})
    x = optimum.optimal_log_params(true, np.log([1e19, 1e20]), get_cost("6ND").curve(2048.0, "dense"))
    epochs = np.array([1e19, 1e20]) / 6 / np.exp(x) / 1e9
    assert ((table["epochs_q025"] < epochs) & (epochs < table["epochs_q975"])).all()
    assert "epochs_median" not in bs.frontier(fit, 1e19).table(full=True)
    limited = bs.fit(frame, law="data-limited", discrepancy="none", progress=False)
    assert float(limited.posterior["sigma"].median()) > 2 * float(fit.posterior["sigma"].median())


def test_draws_of_a_stack_keep_their_own_optimum() -> None:
    """Where a draw's law overfits by nothing, it is searched as that law is."""
    mixed, eta = LAWS["mixture"], RNG.uniform(-0.05, 0.05, COUNT)
    some = np.arange(COUNT) % 2 == 0
    full = DRAWS | {"gamma": np.ones(COUNT), "eta": np.where(some, 0.0, eta), "unique_tokens": 2e10}
    full |= {"expert_worth": 0.0, "stream_worth": 0.0}
    both = mixed.complete(full | {"overfit": np.where(some, DRAWS["overfit"], 0.0)})
    found = optimum.optimal_log_params(both, BUDGETS, CURVE)
    alone = optimum.optimal_log_params(values(2e10), BUDGETS, CURVE)
    np.testing.assert_allclose(found[some], alone[some], atol=1e-8)
    varied = {name: value for name, value in both.items() if not name.startswith("overfit")}
    theirs = optimum.optimal_log_params(varied, BUDGETS, CURVE)
    np.testing.assert_allclose(found[~some], theirs[~some], atol=1e-8)
    assert (np.abs(alone - theirs) > 0.01)[some].any()
