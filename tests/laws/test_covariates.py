"""Covariates: what experts and parallel streams are worth, found in runs and asked about at one value."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.decisions.lifetime.served_cost import serving_cost
from bayes_scaling.errors import ConvergenceWarning, FitFileError, RunsError, RunsWarning, SpecError
from bayes_scaling.laws.coefficients import EXPERT_WORTH
from bayes_scaling.laws.covariates import EXPERTS, STREAMS
from bayes_scaling.laws.law import GAMMA_LAW, Law, forget_law, get_law, register_law
from bayes_scaling.models.coefficients import to_natural, to_user
from bayes_scaling.models.design import build_design
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.stacking import mixture
from bayes_scaling.runs.table import Runs
from tests.helpers.command_line import assert_refused, records, run
from tests.helpers.fits import SAMPLING
from tests.helpers.small_runs import TRUTH, odd_runs

WORTH = {"expert_worth": 0.4, "stream_worth": 0.35}
CASES = {EXPERTS: "mixture-of-experts", STREAMS: "parallel"}
VALUES = (1, 2, 4, 8)
BEYOND = 64
BOTH = pytest.mark.parametrize("one", CASES, ids=CASES.values())


def table(one, values=VALUES, per_value: int = 20, worth: float | None = None, seed: int = 0) -> Runs:
    """Runs over two decades of compute at each value of a covariate, by the formula of its paper."""
    rng = np.random.default_rng(seed)
    value = np.repeat(np.array(values, dtype=float), per_value)
    budget = np.tile(np.geomspace(3e18, 3e20, per_value), len(values))
    params = np.sqrt(budget / 120) * np.exp(rng.uniform(-1.3, 1.3, len(value)))
    tokens = budget / 6 / params
    k = WORTH[one.coefficient] if worth is None else worth
    effective = params * (value**k if one is EXPERTS else 1 + k * np.log(value))
    loss = GAMMA_LAW.loss(np, effective, tokens, TRUTH) * np.exp(0.003 * rng.standard_t(6, len(value)))
    column = value * params if one is EXPERTS else value
    frame = pd.DataFrame({"params": params, "tokens": tokens, "loss": loss, one.column: column})
    return load_runs(frame.assign(architecture="transformer", context_length=2048))


def quick(runs: Runs, law: str, discrepancy: str = "none", backend: str = "numpyro") -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return bs.fit(runs, law=law, discrepancy=discrepancy, backend=backend, seed=1, **SAMPLING)


@pytest.fixture(scope="module")
def fits() -> dict[str, Fit]:
    return {law: quick(table(one), law) for one, law in CASES.items()}


@pytest.fixture(scope="module")
def drifting() -> Fit:
    return quick(table(EXPERTS), "mixture-of-experts", "drift")


def planned(one, params: np.ndarray, tokens: np.ndarray, value: float) -> pd.DataFrame:
    column = value * params if one is EXPERTS else value
    frame = pd.DataFrame({"params": params, "tokens": tokens, one.column: column})
    return frame.assign(architecture="transformer", context_length=2048)


def predicted(fit: Fit, frame: pd.DataFrame, **options) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        return bs.predict(fit, frame, **options).to_numpy()


@BOTH
def test_the_worth_is_found_and_runs_far_beyond_are_forecast(one, fits) -> None:
    """The negative control is the law that sees no covariate, fitted to the same runs."""
    fit = fits[CASES[one]]
    low, high = fit.posterior[one.coefficient].quantile([0.01, 0.99]).to_numpy()
    assert low < WORTH[one.coefficient] < high
    assert high - low < 0.3
    beyond = table(one, values=(BEYOND,), seed=3).frame
    blind = quick(fit.runs, "gamma")
    error = {
        name: np.median(predicted(asked, beyond, extrapolate=True).mean((0, 1)) / beyond["loss"] - 1)
        for name, asked in (("seeing", fit), ("blind", blind))
    }
    assert 3 * abs(error["seeing"]) < error["blind"]
    assert error["blind"] > 0.01


@BOTH
def test_nothing_is_found_where_the_covariate_is_worth_nothing(one) -> None:
    fit = quick(table(one, worth=0.0), CASES[one])
    assert float(fit.posterior[one.coefficient].quantile(0.5)) < 0.05


@BOTH
def test_at_one_value_the_frontier_is_the_least_predicted_loss(one, fits) -> None:
    """By brute force over runs that have the covariate's column, which the frontier never reads."""
    fit = fits[CASES[one]]
    assert _is_the_least(fit, one, 8.0).all()


def test_so_it_is_with_a_drift(drifting) -> None:
    """But for draws whose least loss lies beyond a factor of 11 of their law's own."""
    assert _is_the_least(drifting, EXPERTS, 8.0).mean() > 0.95


def _is_the_least(fit: Fit, one, value: float) -> np.ndarray:
    """Of which draws the frontier has the least loss, (chain, draw)."""
    best = bs.frontier(fit.at(**{one.name: value}), 1e20, 2048).draws.isel(architecture=0, context_length=0)
    found = best.isel(compute=0)
    spent = 6 * (value if one.compute else 1)
    params = np.geomspace(1e8, 2e10, 500)
    losses = predicted(fit, planned(one, params, 1e20 / spent / params, value))
    np.testing.assert_allclose(spent * found["params"] * found["tokens"], 1e20, rtol=1e-9)
    plain = bs.frontier(fit, 1e20, 2048).draws.isel(architecture=0, context_length=0, compute=0)
    assert (np.abs(plain["loss"] / found["loss"] - 1) > 1e-3).mean() > 0.9  # another value is another loss
    least = np.isclose(found["loss"], losses.min(-1), rtol=2e-5)
    return least & np.isclose(found["params"], params[losses.argmin(-1)], rtol=0.05)


def test_a_fit_that_is_told_no_value_answers_about_dense_models_and_says_so(fits) -> None:
    fit = fits["mixture-of-experts"]
    plain = bs.frontier(fit, 1e20, 2048)
    np.testing.assert_array_equal(
        plain.draws["loss"], bs.frontier(fit.at(params_total_ratio=1), 1e20, 2048).draws["loss"]
    )
    assert plain.cost == "6ND at params_total_ratio 1 (a dense model)"
    wide = fit.at(params_total_ratio=8)
    for answer in (wide.frontier(1e20), wide.decide(1e20), wide.iso_loss(2.2)):
        assert set(answer.table(full=True)["cost"]) == {"6ND at params_total_ratio 8"}
    assert "asked at params_total_ratio 8" in str(wide) and "asked" not in str(fit)
    assert bs.frontier(quick_gamma(fit), 1e20, 2048).cost == "6ND"


def quick_gamma(fit: Fit) -> Fit:
    """The same draws under the law that knows no covariate."""
    return Fit(fit.idata, fit.runs, ModelSpec(discrepancy="none"))


def test_runs_tell_the_covariate_by_their_column_or_the_fit_tells_it(fits) -> None:
    fit = fits["mixture-of-experts"]
    whole = planned(EXPERTS, np.array([1e9]), np.array([2e10]), 8.0)
    bare = whole.drop(columns="params_total")
    with pytest.raises(SpecError, match=r"'params_total'.*fit\.at\(params_total_ratio=1\)"):
        predicted(fit, bare)
    np.testing.assert_array_equal(predicted(fit.at(params_total_ratio=8), bare), predicted(fit, whole))
    np.testing.assert_array_equal(predicted(fit.at(params_total_ratio=2), whole), predicted(fit, whole))
    assert (predicted(fit.at(), bare) > predicted(fit, whole)).all()


def test_a_file_keeps_the_value(fits, tmp_path) -> None:
    fit = fits["mixture-of-experts"].at(params_total_ratio=8)
    again = bs.load_fit(fit.save(tmp_path / "wide.nc"))
    assert again.given == fit.given and again.law.name == "mixture-of-experts"
    np.testing.assert_array_equal(again.posterior["expert_worth"], fit.posterior["expert_worth"])
    np.testing.assert_array_equal(again.frontier(1e20).draws["loss"], fit.frontier(1e20).draws["loss"])
    dense = bs.load_fit(again.at(params_total_ratio=1).save(tmp_path / "dense.nc"))
    assert dense.given == {"params_total_ratio": 1.0}
    broken = again.idata.copy()
    broken.attrs = dict(again.idata.attrs)
    other = Fit(broken, again.runs, again.spec)
    object.__setattr__(other, "given", {"parallel_streams": 2.0})
    with pytest.raises(FitFileError, match="covariates"):
        other.save(tmp_path / "broken.nc")


def test_the_command_line_asks_such_a_fit(fits, tmp_path) -> None:
    path = fits["parallel"].save(tmp_path / "fit.nc")
    wide = tmp_path / "wide.nc"
    assert run("at", path, "parallel_streams=4", "-o", wide).exit_code == 0
    (answer,) = records("frontier", wide, "--compute", "1e20")
    assert answer["cost"] == "6ND at parallel_streams 4"
    (plain,) = records("frontier", path, "--compute", "1e20")
    assert plain["cost"] == "6ND at parallel_streams 1 (one stream)"
    assert plain["loss_median"] != answer["loss_median"]
    assert_refused(run("at", path, "parallel_streams=many", "-o", wide), "'many' is not a number")
    assert_refused(run("at", path, "parallel_streams=0.5", "-o", wide), "at least 1")
    assert_refused(run("at", path, "params_total_ratio=4", "-o", wide), "knows no 'params_total_ratio'")
    assert_refused(run("at", path, "parallel_streams", "-o", wide), "NAME=VALUE")


def test_streams_cost_as_many_times_to_serve(fits) -> None:
    fit = fits["parallel"]
    one, four = (
        serving_cost(fit.at(parallel_streams=streams), "transformer", None, (512.0, 128.0), None)
        for streams in (1, 4)
    )
    np.testing.assert_allclose(four(np.log([1e8, 1e9])), 4 * one(np.log([1e8, 1e9])), rtol=1e-9)


def test_a_report_and_its_figures_are_of_one_value(fits, tmp_path) -> None:
    page = fits["parallel"].at(parallel_streams=4).report(tmp_path / "page.html", 1e20)
    assert "at parallel_streams 4" in page.read_text()


def test_a_stack_is_asked_at_one_value_and_its_members_at_none(fits) -> None:
    fit = fits["parallel"]
    members = {"parallel": fit, "gamma": quick(fit.runs, "gamma")}
    mixed = mixture(members, [0.5, 0.5])
    loss = mixed.at(parallel_streams=4).frontier(1e20).draws["loss"].to_numpy()
    plain = mixed.frontier(1e20).draws["loss"].to_numpy()
    blind = (mixed.posterior["stream_worth"] == 0).to_numpy().reshape(loss.shape[:2])
    assert blind.mean() == pytest.approx(0.5)
    assert (loss[~blind] != plain[~blind]).all()
    with pytest.raises(SpecError, match="then ask the stack at one"):
        mixture({"one": fit, "other": fit.at(parallel_streams=4)}, [0.5, 0.5])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"parallel_streams": 2}, "knows no 'parallel_streams': it knows params_total_ratio"),
        ({"params_total_ratio": 0.5}, "at least 1"),
        ({"params_total_ratio": float("nan")}, "at least 1"),
        ({"params_total_ratio": "8"}, "at least 1"),
    ],
)
def test_values_that_make_no_sense_are_refused(fits, values, message) -> None:
    with pytest.raises(SpecError, match=message):
        fits["mixture-of-experts"].at(**values)


def test_candidates_of_another_value_are_refused(fits) -> None:
    fit = fits["mixture-of-experts"].at(params_total_ratio=8)
    runs = planned(EXPERTS, np.array([1e9, 2e9]), np.array([2e10, 2e10]), 8.0)
    assert len(bs.design_runs(fit, 1e21, 2048, candidates=runs, runs=1).candidates) == 2
    other = runs.assign(params_total=runs["params"] * 4)
    with pytest.raises(bs.errors.DecisionError, match=r"fit\.at\(params_total_ratio=4\)"):
        bs.design_runs(fit, 1e21, 2048, candidates=other, runs=1)


def test_the_checks_tell_whether_the_runs_differ_in_it(fits) -> None:
    assert fits["parallel"].checks()["parallel_streams"].status == "PASS"
    alike = quick(table(STREAMS, values=(4,), per_value=60), "parallel")
    check = alike.checks()["parallel_streams"]
    assert check.status == "REVIEW" and "stream_worth is the prior's word" in check.advice


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("params_total", 1e6, r"'params_total' has fewer params than 'params'.*row 3.*Remedy"),
        ("params_total", np.nan, r"'params_total' has empty.*params itself where the model is dense"),
        ("parallel_streams", 0.5, r"'parallel_streams' has values below 1.*row 3.*1 for an ordinary model"),
        ("parallel_streams", -2.0, r"'parallel_streams' has negative values.*row 3"),
    ],
)
def test_bad_cells_are_named(column: str, value: float, told: str) -> None:
    frame = odd_runs().frame.copy()
    frame.loc[3, column] = value
    for columns in ([], ["tokens"]):  # which follow from flops
        with pytest.raises(RunsError, match=told):
            load_runs(frame.drop(columns=columns))


def test_streams_count_in_the_flops_that_are_assumed() -> None:
    runs = table(STREAMS)
    six_nd = 6 * runs.frame["params"] * runs.frame["tokens"]
    np.testing.assert_allclose(runs.frame["flops"], six_nd * runs.frame["parallel_streams"])
    assert any(note.message.endswith("tokens * parallel_streams is used") for note in runs.notes)
    back = load_runs(runs.frame.drop(columns="tokens"))
    np.testing.assert_allclose(back.frame["tokens"], runs.frame["tokens"])


@BOTH
def test_a_law_without_its_column_says_which(one) -> None:
    runs = table(one)
    with pytest.raises(SpecError, match=f"'{one.column}' of the runs: "):
        bs.fit(load_runs(runs.frame.drop(columns=[one.column, "flops"])), law=CASES[one], progress=False)


@BOTH
def test_coefficients_come_back_and_the_reference_is_that_of_the_runs(one, rng) -> None:
    """R is the reducible loss at the geometric means of the runs, covariate included."""
    runs = odd_runs()
    law = get_law(CASES[one])
    design = build_design(runs, ModelSpec(law.name, discrepancy="none"))
    user = {**TRUTH, one.coefficient: WORTH[one.coefficient], "sigma": 0.01}
    user = {name: value * np.exp(0.01 * rng.standard_normal(design.columns)) for name, value in user.items()}
    natural = to_natural(user, design)
    for name, value in to_user(natural, design).items():
        np.testing.assert_allclose(value, user[name], rtol=1e-10)
    middle = {name: np.exp(np.log(runs.frame[name]).mean()) for name in ("params", "tokens")}
    at = {one.name: np.exp(np.log(one.of_runs(runs.frame)).mean())}
    loss = law.loss(np, middle["params"], middle["tokens"], user | at)
    np.testing.assert_allclose(np.exp(natural["R"]), loss - user["E"], rtol=1e-9)


def test_simulated_runs_have_the_columns() -> None:
    for one, law in CASES.items():
        simulation = bs.data.simulate(seed=1, law=law, context_lengths=(2048,), noise=0.0)
        frame = simulation.runs.frame
        assert set(np.round(one.of_runs(frame))) == {1, 2, 4, 8, 16}
        np.testing.assert_allclose(simulation.truth.expected_loss(frame), frame["loss"], atol=1e-6)


def test_a_law_of_ones_own_may_have_covariates() -> None:
    parts = {"name": "experts-chinchilla", "formula": "", "reference": "", "fixed": {"gamma": 1.0}}
    free = (*get_law("chinchilla").coefficients, EXPERT_WORTH)
    with pytest.raises(SpecError, match="expert_worth takes the column params_total"):
        register_law(Law(coefficients=free, **parts))
    with pytest.raises(SpecError, match="no law reads a column 'depth'"):
        register_law(Law(coefficients=free, columns=("params_total", "depth"), **parts))
    law = register_law(Law(coefficients=free, columns=("params_total",), **parts))
    try:
        assert build_design(odd_runs(), ModelSpec(law.name)).hierarchy.names[-2:] == ("expert_worth", "sigma")
    finally:
        forget_law(law.name)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpyro", "pymc"])
@BOTH
def test_both_back_ends_find_the_worth_and_pass_the_gate(one, backend: str) -> None:
    fit = bs.fit(table(one, per_value=40), law=CASES[one], backend=backend, progress=False)
    low, high = fit.posterior[one.coefficient].quantile([0.01, 0.99]).to_numpy()
    assert low < WORTH[one.coefficient] < high
