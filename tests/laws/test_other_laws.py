"""Laws beyond Chinchilla's: each answers every question, and draws of several make one fit."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.pyplot import close

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling.calibration import forecasters
from bayes_scaling.calibration.forecasters import Settings
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.data.truth import make_truth
from bayes_scaling.errors import BayesScalingError, BudgetError, ConvergenceWarning, RunsWarning, SpecError
from bayes_scaling.laws.coefficients import NEUTRAL
from bayes_scaling.laws.law import LAWS as LAWS_BY_NAME
from bayes_scaling.posterior.checks import convergence_checks
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.stacking import mixture
from bayes_scaling.runs.table import Runs
from tests.helpers.command_line import assert_refused, records, run
from tests.helpers.fits import CONTEXTS, SAMPLING, small_simulation

LAWS = ("kaplan", "varying-exponent", "data-limited", "overfitting")
MODELS = (*LAWS, "data-limited with drift")


@pytest.fixture(scope="module")
def runs() -> Runs:
    """Runs of several epochs: every law can be fitted to them, one is true."""
    return bs.data.simulate(
        seed=5,
        law="data-limited",
        context_lengths=CONTEXTS,
        budgets=(6e18, 6e19),
        token_param_ratios=(22, 110),
    ).runs


@pytest.fixture(scope="module")
def fits(runs: Runs) -> dict[str, Fit]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = {law: bs.fit(runs, law=law, discrepancy="none", seed=1, **SAMPLING) for law in LAWS}
        found[MODELS[-1]] = bs.fit(runs, law="data-limited", discrepancy="drift", seed=1, **SAMPLING)
    return found


@pytest.mark.parametrize("model", MODELS)
def test_every_question_has_an_answer(fits, model: str, tmp_path) -> None:
    fit = fits[model]
    path = fit.save(tmp_path / "fit.nc")
    again = bs.load_fit(path)
    np.testing.assert_array_equal(again.posterior["A"], fit.posterior["A"])
    table = bs.frontier(again, [1e20, 1e22], [8192, 4096], cost="accounted").table(
        full=True
    )  # 4096 has no runs
    assert np.isfinite(table.select_dtypes("number")).all(axis=None)
    assert bs.compare(again, 1e21, 8192).table(full=True)["probability"].between(0, 1).all()
    loss = float(table["loss_median"].iloc[0])
    assert bs.iso_loss(again, loss, 8192, cost="accounted").table(full=True)["compute_median"].iloc[0] > 1e18
    assert np.isfinite(bs.optimal_for_params(again, 1e9, 8192).table(full=True)["compute_median"]).all()
    assert bs.context_effect(again, 1e20).table(full=True)["params_slope_median"].notna().all()
    assert set(fit.law.names) <= set(fit.summary()["variable"])
    assert len(fit.checks()) > 8
    assert "eprint" in bs.cite(fit)
    assert np.isfinite(plots.loss_surface(fit, 8192, points=5)["median"]).all()


@pytest.mark.parametrize("model", MODELS)
def test_prediction_and_frontier_are_one_loss(fits, model: str) -> None:
    fit = fits[model]
    options = {"unique_tokens": 3e9} if fit.law.repeats else {}
    best = bs.frontier(fit, 1e20, 8192, "xlstm", **options).draws.isel(
        architecture=0, context_length=0, compute=0
    )
    at = {name: float(best[name].isel(chain=0, draw=3)) for name in ("params", "tokens")}
    frame = pd.DataFrame({"architecture": ["xlstm"], "context_length": 8192, **at})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        predicted = bs.predict(fit, frame, **options).isel(run=0, chain=0, draw=3)
    assert float(predicted) == pytest.approx(float(best["loss"].isel(chain=0, draw=3)), rel=1e-6)


def test_what_repetition_costs_is_found(fits, runs: Runs) -> None:
    fit = fits["data-limited"]
    for name, truth in (("repeat_tokens", 15.0), ("repeat_params", 5.0)):
        drawn = np.log(fit.posterior[name])
        assert (
            np.abs(drawn.mean(("chain", "draw")) - np.log(truth)) < 4 * drawn.std(("chain", "draw"))
        ).all()
    assert (
        float(np.log(fit.posterior["repeat_tokens"]).std(("chain", "draw")).max()) < 0.4
    )  # the prior's: 0.7
    assert fit.checks()["repetition"].status == "PASS"


def test_ignoring_repetition_biases_the_frontier(fits) -> None:
    """Kaplan's law and the varying exponent take the hundredth look at a token for a new one."""
    truth = small_truth_loss(1e22)
    errors = {}
    for law in ("varying-exponent", "data-limited"):
        loss = bs.frontier(fits[law], 1e22, 8192, "xlstm").draws["loss"].to_numpy().ravel()
        errors[law] = abs(float(np.median(loss)) - truth)
    assert errors["data-limited"] < 0.5 * errors["varying-exponent"]


def small_truth_loss(compute: float) -> float:
    truth = make_truth(np.random.default_rng(0), ["xlstm"], [8192], "data-limited", 0.004, 10.0)
    law, row = bs.laws.get_law("data-limited"), truth.coefficients.iloc[0]
    return float(law.loss(np, *law.optimum(np, compute, row), row))


def test_scarce_tokens_raise_the_frontier_and_the_column_counts(fits, runs: Runs) -> None:
    fit = fits["data-limited"]
    scarce, plenty = (bs.frontier(fit, 1e22, 8192, unique_tokens=u).draws["loss"] for u in (3e9, 1e15))
    assert (scarce > plenty).all()
    np.testing.assert_allclose(plenty, bs.frontier(fit, 1e22, 8192).draws["loss"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        own, new = (
            bs.predict(fit, frame) for frame in (runs, runs.frame.drop(columns=["unique_tokens", "loss"]))
        )
    many = (runs.frame["tokens"] > 4 * runs.frame["unique_tokens"]).to_numpy()
    once = (runs.frame["tokens"] == runs.frame["unique_tokens"]).to_numpy()
    assert (own.to_numpy() > new.to_numpy())[..., many].all()
    off = np.abs(own.to_numpy() / new.to_numpy() - 1)[..., once]
    assert np.quantile(off, 0.99) < 0.02  # params have an excess too, large in a draw or two


@pytest.mark.slow
def test_runs_without_repetition_leave_its_price_to_the_prior() -> None:
    runs = load_runs(small_simulation().runs.frame.assign(unique_tokens=1e13))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = bs.fit(runs, law="data-limited", seed=1, **SAMPLING)
    check = fit.checks()["repetition"]
    assert check.status == "REVIEW" and "priors" in check.advice
    assert float(np.log(fit.posterior["repeat_tokens"]).std()) > 0.5


def test_draws_of_all_laws_make_one_fit(fits, tmp_path) -> None:
    mixed = mixture({law: fits[law] for law in LAWS}, [0.4, 0.3, 0.2, 0.1])
    assert mixed.spec.law == "mixture"
    assert float((mixed.posterior["E"] == 0).all(("architecture", "context_length")).mean()) == pytest.approx(
        0.4
    )
    mixed.save(tmp_path / "mixed.nc")
    again = bs.load_fit(tmp_path / "mixed.nc")
    loss = bs.frontier(again, 1e22, [8192, 4096], unique_tokens=3e9).draws["loss"]
    assert np.isfinite(loss).all()
    own = bs.frontier(fits["kaplan"], 1e22, 8192).draws["loss"].sel(context_length=8192)
    from_kaplan = (mixed.posterior["E"] == 0).all(("architecture", "context_length"))
    chosen = from_kaplan.to_numpy()
    np.testing.assert_allclose(
        loss.sel(context_length=8192).to_numpy()[chosen], own.to_numpy()[chosen], rtol=1e-9
    )
    assert bs.compare(again, 1e21, 8192).table(full=True)["probability"].between(0, 1).all()
    assert set(mixed.idata["prior"].to_dataset()) >= set(NEUTRAL)
    close(plots.plot_coefficients(plots.coefficient_densities(again)))
    table = plots.coefficient_densities(again)
    assert (table.query("variable == 'eta'")["value"] < 0).any() and (
        table["variable"] == "repeat_tokens"
    ).any()


def test_the_law_that_predicts_gets_the_weight(fits) -> None:
    others = [law for law in LAWS if law != "overfitting"]  # the true law is a case of it
    stacked = bs.stack({law: fits[law] for law in others}).table
    assert stacked["weight"].sum() == pytest.approx(1)
    assert stacked.set_index("model")["weight"].idxmax() == "data-limited"


def test_a_law_without_a_point_fit_has_chinchillas_beside_it_in_a_backtest(runs: Runs, monkeypatch) -> None:
    monkeypatch.setattr(forecasters, "RESAMPLES", 5)
    monkeypatch.setattr(forecasters, "STARTS", 20)
    half = np.arange(len(runs)) % 2 == 0
    one, other = (
        forecasters.huber(runs.subset(half), runs.subset(~half), Settings(bs.ModelSpec(law)))[0]
        for law in ("data-limited", "chinchilla")
    )
    np.testing.assert_array_equal(one, other)
    assert np.isfinite(one).any()


def test_what_is_lacking_is_said(fits) -> None:
    plain = small_simulation().runs
    with pytest.raises(SpecError, match="unique_tokens"):
        bs.fit(plain, law="data-limited")
    with pytest.raises(SpecError, match="stacks"):
        bs.fit(plain, law="mixture")
    with pytest.raises(BudgetError, match="data-limited"):
        bs.frontier(fits["kaplan"], 1e21, unique_tokens=1e9)
    with pytest.raises(BudgetError, match="3e11"):
        bs.frontier(fits["data-limited"], 1e21, unique_tokens=-1.0)
    with pytest.raises(SpecError, match="huber"):
        bs.classical.huber_fit(plain, law="kaplan")
    with pytest.raises(BayesScalingError, match="'unique_tokens'"):
        load_runs(plain.frame.assign(unique_tokens=0.0))


def test_the_commands(fits, tmp_path) -> None:
    path = fits["data-limited"].save(tmp_path / "fit.nc")
    scarce, plenty = (
        records("frontier", path, "--compute", "1e22", *more)[0]["loss_median"]
        for more in (["--unique-tokens", "3e9"], [])
    )
    assert scarce > plenty
    other = fits["kaplan"].save(tmp_path / "kaplan.nc")
    assert_refused(run("frontier", other, "--compute", "1e22", "--unique-tokens", "3e9"), "data-limited")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpyro", "pymc"])
@pytest.mark.parametrize("law", LAWS)
def test_both_back_ends_pass_the_gate_at_a_real_design(law: str, backend: str, reference_data) -> None:
    runs = load_runs(reference_data("xlstm_runs.csv"))
    rng = np.random.default_rng(1)
    truth = make_truth(rng, runs.architectures, runs.context_lengths, law, 0.004, 10.0)
    frame = runs.frame.assign(unique_tokens=runs.frame["tokens"] / np.resize((1, 2, 5, 15, 40), len(runs)))
    frame["loss"] = truth.expected_loss(frame) * np.exp(0.004 * rng.standard_t(10, len(frame)))
    fit = bs.fit(load_runs(frame), law=law, backend=backend, progress=False)
    assert all(row.status == "PASS" for row in fit.checks() if row.name not in ("prior_conflict",))
    table = fit.summary().set_index(["variable", "architecture", "context_length"])
    inside = [
        table.loc[(name, row["architecture"], row["context_length"]), "q05"]
        < row[name]
        < table.loc[(name, row["architecture"], row["context_length"]), "q95"]
        for name in fit.law.names
        for _, row in truth.coefficients.iterrows()
    ]
    assert np.mean(inside) > 0.6  # coefficients of one posterior go together


def repeated_thousands_of_times() -> pd.DataFrame:
    """160 runs of 1 to 3,000 epochs by the data-limited law, some fresh."""
    rng = np.random.default_rng(0)
    truth = {"E": 1.8, "A": 420.0, "B": 1400.0, "alpha": 0.34, "beta": 0.32}
    fading = {"repeat_tokens": 15.0, "repeat_params": 5.0}
    params, tokens, epochs = (
        np.exp(rng.uniform(*np.log(limits), 160)) for limits in ((1e7, 2e9), (1e9, 1e11), (1, 3000))
    )
    unique = tokens / np.where(np.arange(160) < 20, 1.0, epochs)
    loss = LAWS_BY_NAME["data-limited"].loss(
        np, params, tokens, truth | fading | {"unique_tokens": unique}
    ) * np.exp(0.004 * rng.standard_t(6, 160))
    columns = {"params": params, "tokens": tokens, "unique_tokens": unique, "loss": loss}
    return pd.DataFrame(columns).assign(architecture="dense", context_length=2048)


@pytest.mark.slow
@pytest.mark.parametrize("discrepancy", ["drift", "none"])
def test_thousands_of_epochs_are_fitted_and_converge(discrepancy: str) -> None:
    with pytest.warns(RunsWarning, match="loss is .* above ln of any vocabulary"):  # some have 15 nats
        fit = bs.fit(
            repeated_thousands_of_times(), law="data-limited", discrepancy=discrepancy, progress=False
        )
    assert all(row.status == "PASS" for row in convergence_checks(fit))
    low, high = fit.posterior["repeat_tokens"].quantile([0.001, 0.999]).to_numpy()
    assert low < 15 < high
