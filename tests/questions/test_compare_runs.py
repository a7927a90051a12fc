"""Two runs beside the noise of a fit: the answer's numbers, its table, its words, what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.errors import BudgetError, SpecError
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.questions.compare_runs import DRAWS, RunComparison, compare_runs
from tests.helpers.command_line import assert_refused, records, run
from tests.helpers.synthetic import synthetic_fit, with_group

GROUP: dict[str, Any] = {"context_length": 8192, "architecture": "xlstm"}
OPTIONS = ("--architecture", "xlstm", "--context-length", 8192)
SIGMA = 0.004
FIT = synthetic_fit(draws=50, sigma=SIGMA)


@pytest.fixture(scope="module")
def fit_file(tmp_path_factory):
    return FIT.save(tmp_path_factory.mktemp("fits") / "fit.nc")


def normal_fit(sigma: float) -> Fit:
    """With normal noise of one known scale."""
    posterior = FIT.idata["posterior"].to_dataset()
    scale = np.full_like(posterior["sigma"], sigma)
    nu = np.full_like(posterior["nu"], 1e7)
    changed = {"sigma": posterior["sigma"].copy(data=scale), "nu": posterior["nu"].copy(data=nu)}
    return with_group(FIT, "posterior", **changed)


def test_normal_noise_of_a_known_scale_has_a_closed_form() -> None:
    first, second = np.array([2.312, 2.309]), np.array([2.304, 2.308, 2.309])
    found = compare_runs(normal_fit(SIGMA), first, second, **GROUP, spread=0.0)
    sd = SIGMA * np.sqrt(1 / 2 + 1 / 3)
    difference = np.log(second).mean() - np.log(first).mean()
    assert found.probability == pytest.approx(stats.norm.cdf(-difference / sd), abs=1e-2)
    row = found.table(full=True).iloc[0]
    level = 2.308
    assert row["difference_median"] == pytest.approx(level * difference, abs=0.05 * level * sd)
    ends = level * (difference + sd * stats.norm.ppf([0.05, 0.25, 0.75, 0.95]))
    shown = row[[f"difference_{q}" for q in ("q05", "q25", "q75", "q95")]].to_numpy(dtype=float)
    assert np.allclose(shown, ends, atol=0.06 * level * sd)
    assert row["noise_median"] == pytest.approx(level * SIGMA, rel=0.02)
    assert not np.allclose(ends, shown + level * sd, atol=0.06 * level * sd)  # the control


def test_each_group_has_its_own_noise() -> None:
    sigma = FIT.posterior["sigma"].copy()
    sigma.loc[{"architecture": "xlstm", "context_length": 8192}] *= 4
    fit = with_group(FIT, "posterior", sigma=sigma)
    quiet = compare_runs(fit, 2.312, 2.301, 2048, "xlstm")
    loud = compare_runs(fit, 2.312, 2.301, 8192, "xlstm")
    assert quiet.probability > loud.probability + 0.1
    alike = compare_runs(FIT, 2.312, 2.301, 8192, "xlstm")  # the control
    assert alike.probability == pytest.approx(quiet.probability, abs=0.02)


def test_a_context_without_runs_has_the_noise_that_the_others_tell_of() -> None:
    fitted = compare_runs(FIT, 2.312, 2.301, 8192, "xlstm")
    unseen = compare_runs(FIT, 2.312, 2.301, 4096, "xlstm")
    assert unseen.context_length == 4096
    assert 0.5 < unseen.probability < 1
    assert unseen.probability != fitted.probability


def test_a_known_error_makes_the_answer_less_sure() -> None:
    sure = compare_runs(FIT, 2.312, 2.301, **GROUP)
    unsure = compare_runs(FIT, 2.312, 2.301, **GROUP, loss_sd=0.02)
    assert sure.probability > unsure.probability + 0.1 > 0.6
    assert unsure.table(full=True)["noise_q05"].item() > 0.02
    assert unsure.further_seeds > sure.further_seeds > 0


def test_the_same_seed_gives_the_same_draws() -> None:
    one, same, other = (compare_runs(FIT, 2.312, 2.301, **GROUP, seed=seed) for seed in (1, 1, 2))
    assert one.draws.equals(same.draws) and not one.draws.equals(other.draws)
    assert one.probability == other.probability
    assert dict(one.draws.sizes) == {"chain": 1, "draw": DRAWS}


def test_a_fit_of_one_group_needs_no_names() -> None:
    runs = bs.load_runs(FIT.runs.frame[["architecture", "context_length", "params", "tokens", "loss"]])
    posterior = FIT.posterior.isel(architecture=[1], context_length=[1])
    tree = FIT.idata.copy()
    tree["posterior"] = posterior
    alone = replace(FIT, idata=tree, runs=runs)
    assert compare_runs(alone, 2.312, 2.301).architecture == "xlstm"
    with pytest.raises(BudgetError, match="one architecture: name one of transformer, xlstm"):
        compare_runs(FIT, 2.312, 2.301, 8192)
    with pytest.raises(BudgetError, match="one context length: name one, such as one of 2048, 8192"):
        compare_runs(FIT, 2.312, 2.301, architecture="xlstm")


def words(found: RunComparison) -> str:
    return " ".join(repr(found).split())


def test_the_answer_in_words() -> None:
    settled = compare_runs(FIT, 2.312, 2.112, **GROUP)
    assert settled.further_seeds == 0
    assert (
        "the second has the lower expected loss with probability > 0.99, so the difference is more"
        in words(settled)
    )
    first = words(compare_runs(FIT, 2.301, 2.306, **GROUP))
    assert "the first has the lower" in first and "may be noise" in first and "further seeds of each" in first
    equal = compare_runs(FIT, 2.301, 2.301, **GROUP)
    assert equal.probability == pytest.approx(0.5, abs=1e-9) and np.isinf(equal.further_seeds)
    assert "over 100 further seeds" in words(equal) and "over 100" in repr(equal.table())


BAD = [
    (([], 2.3), "first none: give a positive number, such as 2.312"),
    ((2.3, []), "second none"),
    (([2.3, -1], 2.3), "first -1.0: give a positive number"),
    ((2.3, [0.0]), "second 0.0"),
    ((2.3, [np.nan]), "second nan"),
    ((np.inf, 2.3), "first inf"),
    (("high", 2.3), "first 'high'"),
]


@pytest.mark.parametrize(("losses", "message"), BAD)
def test_bad_losses_are_refused(losses, message) -> None:
    with pytest.raises(BudgetError, match=message):
        compare_runs(FIT, *losses, **GROUP)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architecture": "mamba"}, "unknown architecture 'mamba'"),
        ({"context_length": 0.5}, "context length 0.5"),
        ({"loss_sd": -0.1}, "loss_sd -0.1"),
        ({"loss_sd": np.nan}, "loss_sd nan"),
        ({"spread": -1.0}, "spread -1.0"),
    ],
)
def test_bad_questions_are_refused(options, message) -> None:
    with pytest.raises(BudgetError, match=message):
        compare_runs(FIT, 2.312, 2.301, **{**GROUP, **options})


def test_noise_of_two_scales_is_refused() -> None:
    skew = FIT.posterior["sigma"].copy(data=np.full_like(FIT.posterior["sigma"], 2.0))
    skewed = replace(with_group(FIT, "posterior", skew=skew), spec=replace(FIT.spec, errors="skewed"))
    with pytest.raises(SpecError, match='two scales.*errors="symmetric"'):
        compare_runs(skewed, 2.312, 2.301, **GROUP)


def test_the_command_prints_the_answer(fit_file) -> None:
    asked = ("compare-runs", fit_file, "--first", "2.312,2.309", "--second", 2.301, *OPTIONS)
    found = compare_runs(FIT, [2.312, 2.309], 2.301, **GROUP)
    whole = found.table(full=True).iloc[0]
    told = run(*asked)
    assert told.exit_code == 0
    assert f"{whole['difference_q25']:+.4f} to {whole['difference_q75']:+.4f}" in told.stdout
    assert f"{whole['difference_q05']:+.4f} to {whole['difference_q95']:+.4f}" in told.stdout
    assert f"with probability {found.probability:.2f}" in told.stdout
    assert f"{found.further_seeds:.0f} further seeds of each" in told.stdout
    (row,) = records(*asked)
    assert row["probability"] == pytest.approx(found.probability)
    assert row["first_runs"] == 2 and row["second_runs"] == 1
    (back,) = records("compare-runs", fit_file, "--second", "2.312,2.309", "--first", 2.301, *OPTIONS)
    assert back["probability"] == pytest.approx(1 - row["probability"])
    (unsure,) = records(*asked, "--loss-sd", 0.02)
    assert unsure["probability"] < row["probability"]


def test_the_command_draws(fit_file, tmp_path) -> None:
    figure = tmp_path / "runs.pdf"
    asked = ("compare-runs", fit_file, "--first", 2.312, "--second", 2.301, *OPTIONS)
    assert run(*asked, "--figure", figure).exit_code == 0
    assert figure.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--first", "2.3", "--second", "-1", *OPTIONS), "second -1.0"),
        (("--first", "2.3,", "--second", "2.3", *OPTIONS), "--first ''"),
        (("--first", "2.3", "--second", "low", *OPTIONS), "'low'"),
        (("--first", "2.3", "--second", "2.2", "--context-length", 8192), "name one of transformer, xlstm"),
        (("--first", "2.3", "--second", "2.2", "--architecture", "mamba"), "mamba"),
        (("--first", "2.3", "--second", "2.2", *OPTIONS, "--context-length", "8k"), "'8k'"),
        (("--first", "2.3", "--second", "2.2", *OPTIONS, "--loss-sd", "-1"), "loss_sd -1.0"),
    ],
)
def test_the_command_refuses_bad_input(fit_file, options, part) -> None:
    assert_refused(run("compare-runs", fit_file, *options), part)


def test_the_command_needs_both(fit_file) -> None:
    told = run("compare-runs", fit_file, "--first", "2.3", *OPTIONS)
    assert told.exit_code == 2 and "--second" in told.stderr and told.stdout == ""
