"""Every check passes on a sound fit and reacts to its own defect."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from bayes_scaling.posterior.checks import FAIL, PASS, REVIEW, Check, Checks, convergence_checks, run_checks
from tests.helpers.synthetic import synthetic_fit, with_group

NAMES = [
    "r_hat",
    "ess_bulk",
    "ess_tail",
    "divergences",
    "e_bfmi",
    "tree_depth",
    "predicted_loss",
    "size_loss",
    "pareto_k",
    "prior_conflict",
    "coverage",
    "residual_trend",
    "compute_span",
    "run_count",
]
CELL = {"architecture": "xlstm", "context_length": 8192}


@pytest.fixture(scope="module")
def fit():
    return synthetic_fit()


def autocorrelated(shape, memory, seed=0):
    noise = np.random.default_rng(seed).standard_normal(shape)
    values = noise.copy()
    for i in range(1, shape[1]):
        values[:, i] = memory * values[:, i - 1] + np.sqrt(1 - memory**2) * noise[:, i]
    return values


def with_cell(fit, name, values):
    """The fit with the draws of one variable in `CELL` replaced by a function of them."""
    array = fit.idata["posterior"][name].copy()
    array.loc[CELL] = values(array.sel(CELL).values)
    return with_group(fit, "posterior", **{name: array})


def test_a_sound_fit_passes_every_check(fit):
    checks = run_checks(fit)
    assert [row.name for row in checks] == NAMES
    assert {row.name: row.status for row in checks} == dict.fromkeys(NAMES, PASS)
    assert checks.status == PASS
    assert all(np.isfinite(row.value) and row.advice for row in checks)


def test_a_chain_apart_fails_r_hat_and_is_named(fit):
    def shift(draws):
        return draws + np.array([0, 0, 0, 1])[:, None] * draws.std()

    row = run_checks(with_cell(fit, "beta", shift))["r_hat"]
    assert row.status == FAIL and row.value > 1.01
    assert "beta [xlstm, 8192]" in row.advice


def test_r_hat_at_the_gate(fit):
    """1.01 is the gate: shifts on either side of it are told apart."""
    base = np.random.default_rng(5).standard_normal((4, 500))
    apart = np.array([-1, -1, 1, 1])[:, None]
    small, large = (
        run_checks(with_cell(fit, "E", lambda _, s=s: base + s * apart))["r_hat"] for s in (0.03, 0.3)
    )
    assert small.status == PASS and large.status == FAIL
    assert large.value < 1.06


def test_slow_chains_fail_bulk_ess(fit):
    row = run_checks(with_cell(fit, "E", lambda d: autocorrelated(d.shape, 0.9)))["ess_bulk"]
    assert row.status == FAIL and row.value < 400
    assert "E [xlstm, 8192]" in row.advice and "times the draws" in row.advice


def test_tails_visited_rarely_fail_tail_ess(fit):
    def gather_tails(draws):
        ordered = np.take_along_axis(draws, np.argsort(np.abs(draws - draws.mean()), axis=1), axis=1)
        return np.concatenate(
            [np.random.default_rng(0).permuted(ordered[:, :400], axis=1), ordered[:, 400:]], axis=1
        )

    row = run_checks(with_cell(fit, "alpha", gather_tails))["ess_tail"]
    assert row.status == FAIL and "alpha [xlstm, 8192]" in row.advice


def test_draws_that_are_not_finite_fail(fit):
    def spoil(draws):
        draws = draws.copy()
        draws[2, 100] = np.nan
        return draws

    row = run_checks(with_cell(fit, "A", spoil))["r_hat"]
    assert row.status == FAIL and np.isnan(row.value)
    assert "not finite in A [xlstm, 8192]" in row.advice


def test_one_chain_cannot_pass(fit):
    row = run_checks(synthetic_fit(chains=1))["r_hat"]
    assert row.status == FAIL and "chains=4" in row.advice


def test_constants_are_skipped_but_a_sampler_that_never_moved_fails(fit):
    fixed = with_cell(fit, "gamma", np.ones_like)
    assert run_checks(fixed)["r_hat"].status == PASS
    posterior = fit.idata["posterior"].to_dataset()
    still = {
        str(k): v.isel(chain=[0] * 4, draw=[0] * 500).assign_coords(v.coords) for k, v in posterior.items()
    }
    row = run_checks(with_group(fit, "posterior", **still))["r_hat"]
    assert row.status == FAIL and "never moved" in row.advice


def test_only_groups_with_runs_count(fit):
    broken = with_cell(fit, "E", lambda d: d + np.arange(4)[:, None])
    seen = fit.idata["constant_data"]["observed_group"].copy()
    seen.loc[CELL] = False
    assert run_checks(broken)["r_hat"].status == FAIL
    assert run_checks(with_group(broken, "constant_data", observed_group=seen))["r_hat"].status == PASS


def test_one_divergence_fails(fit):
    diverging = fit.idata["sample_stats"]["diverging"].copy()
    diverging[0, 7] = True
    row = run_checks(with_group(fit, "sample_stats", diverging=diverging))["divergences"]
    assert (row.status, row.value) == (FAIL, 1)


def test_slow_energies_fail_and_name_the_chain(fit):
    energy = fit.idata["sample_stats"]["energy"].copy()
    energy[2] = autocorrelated((1, 500), 0.95)[0]
    row = run_checks(with_group(fit, "sample_stats", energy=energy))["e_bfmi"]
    assert row.status == FAIL and row.value < 0.3 and "chain 2" in row.advice


def test_deep_trees_ask_for_review(fit):
    depth = fit.idata["sample_stats"]["tree_depth"].copy()
    depth[1, :3] = 10
    row = run_checks(with_group(fit, "sample_stats", tree_depth=depth))["tree_depth"]
    assert (row.status, row.value) == (REVIEW, 3)


@pytest.mark.parametrize(
    ("statistic", "name"), [("energy", "e_bfmi"), ("diverging", "divergences"), ("tree_depth", "tree_depth")]
)
def test_what_was_not_recorded_does_not_pass(fit, statistic, name):
    row = run_checks(with_group(fit, "sample_stats", **{statistic: None}))[name]
    assert row.status == REVIEW and "not recorded" in row.advice


def test_influential_runs_ask_for_review_and_are_named(fit):
    density = fit.idata["log_likelihood"]["loss"].copy()
    density[..., 10:15] = 10 * density[..., 10:15]
    row = run_checks(with_group(fit, "log_likelihood", loss=density))["pareto_k"]
    assert row.status == REVIEW and row.value > 0.01
    assert "rows 10" in row.advice


def test_a_misplaced_prior_asks_for_review():
    row = run_checks(synthetic_fit(prior_shift=5))["prior_conflict"]
    assert row.status == REVIEW and row.value > 0.05
    assert "[" in row.advice


@pytest.mark.parametrize("factor", [0.3, 8.0])
def test_intervals_of_the_wrong_width_ask_for_review(fit, factor):
    response = fit.idata["posterior_predictive"]["loss"]
    middle = response.mean(("chain", "draw"))
    row = run_checks(with_group(fit, "posterior_predictive", loss=middle + factor * (response - middle)))[
        "coverage"
    ]
    assert row.status == REVIEW and "furthest off" in row.advice


def test_a_narrow_base_asks_for_review(fit):
    frame = fit.runs.frame.copy()
    narrow = frame["architecture"] == "xlstm"
    frame.loc[narrow, "flops"] = frame.loc[narrow, "flops"].clip(1e19, 5e19)
    row = run_checks(replace(fit, runs=replace(fit.runs, frame=frame)))["compute_span"]
    assert row.status == REVIEW and "xlstm span 0.7 decades" in row.advice


def test_few_runs_ask_for_review():
    assert run_checks(synthetic_fit(per_group=14))["run_count"].status == REVIEW
    assert run_checks(synthetic_fit(per_group=15))["run_count"].status == PASS


def test_the_convergence_part_alone(fit):
    assert [row.name for row in convergence_checks(fit)] == NAMES[:6]
    broken = with_cell(fit, "E", lambda d: d + np.arange(4)[:, None])
    assert convergence_checks(broken).rows == run_checks(broken).rows[:6]
    assert convergence_checks(broken).status == FAIL


def test_status_is_the_worst():
    rows = tuple(Check(s.lower(), s, 0.0, "<=", 1.0, "") for s in (PASS, FAIL, REVIEW))
    assert Checks(rows).status == FAIL
    assert Checks(rows[::2]).status == REVIEW
    assert Checks(()).status == PASS


def test_table_text_and_html(fit):
    checks = run_checks(fit)
    table = checks.table()
    assert list(table) == ["name", "status", "value", "rule", "threshold", "advice"]
    assert list(table["name"]) == NAMES
    text = str(checks)
    assert all(f"\n{name} " in text for name in NAMES) and text.splitlines()[-1] == "overall: PASS"
    assert "<table" in checks._repr_html_() and "overall: PASS" in checks._repr_html_()
    with pytest.raises(KeyError, match="no check 'rhat'"):
        checks["rhat"]


def test_quick_enough_for_every_fit():
    big = synthetic_fit(per_group=144, draws=1000)
    start = time.process_time()
    run_checks(big)
    assert time.process_time() - start < 2.0
