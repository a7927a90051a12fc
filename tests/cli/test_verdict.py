"""The verdict on a fit stands by every answer; interrupts and closed pipes end a process as they should."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.verdict import ATTRIBUTE
from tests.helpers.command_line import run
from tests.helpers.fits import small_fit
from tests.helpers.synthetic import synthetic_fit, with_group

BUDGET = ("--compute", "1e20")
QUESTIONS = {
    "summary": (),
    "frontier": BUDGET,
    "iso-loss": ("--loss", "2.9"),
    "optimal-params": ("--params", "3e8"),
    "context": (*BUDGET, "--cost", "6ND"),
    "compare": BUDGET,
    "loo": (),
    "decide": BUDGET,
    "map": ("--compute", "1e19,1e20"),
    "lifetime": ("--loss", "2.9", "--served-tokens", "1e12"),
    "design": (*BUDGET, "--context-length", "2048", "--runs", "1"),
}


@pytest.fixture(scope="module")
def failed(tmp_path_factory) -> Path:
    """A real fit of far too few draws."""
    return small_fit().save(tmp_path_factory.mktemp("fits") / "failed.nc")


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """A fit that passes all checks."""
    return synthetic_fit().save(tmp_path_factory.mktemp("fits") / "sound.nc")


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory) -> Path:
    """A fit to look at again: its sampler did not record energies."""
    fit = with_group(synthetic_fit(), "sample_stats", energy=None)
    return fit.save(tmp_path_factory.mktemp("fits") / "doubtful.nc")


@pytest.mark.parametrize("command", QUESTIONS)
def test_every_answer_of_a_failed_fit_says_so_above_and_in_json(failed, command) -> None:
    shown = run(command, failed, *QUESTIONS[command])
    assert shown.exit_code == 0, shown.output
    first = shown.stdout.splitlines()[0]
    assert first.startswith("FAIL: ") and "ess_bulk" in first and f"bayes-scaling check {failed}" in first
    records = json.loads(run(command, failed, *QUESTIONS[command], "--json").stdout)
    assert records and {record["fit_status"] for record in records} == {"FAIL"}


@pytest.mark.parametrize("command", ["summary", "frontier", "loo"])
def test_a_sound_fit_says_nothing(sound, command) -> None:
    shown = run(command, sound, *QUESTIONS[command])
    assert "FAIL" not in shown.stdout and "Review" not in shown.stdout
    records = json.loads(run(command, sound, *QUESTIONS[command], "--json").stdout)
    assert {record["fit_status"] for record in records} == {"PASS"}


@pytest.mark.parametrize("command", ["summary", "frontier", "loo"])
def test_a_review_stands_in_one_line_below(doubtful, command) -> None:
    last = run(command, doubtful, *QUESTIONS[command]).stdout.rstrip().splitlines()[-1]
    assert last.startswith("Review: e_bfmi") and f"bayes-scaling check {doubtful}" in last
    records = json.loads(run(command, doubtful, *QUESTIONS[command], "--json").stdout)
    assert {record["fit_status"] for record in records} == {"REVIEW"}


def test_data_sets_and_citations_have_no_status() -> None:
    assert all("fit_status" not in record for record in json.loads(run("datasets", "--json").stdout))


def test_checks_are_stored_with_the_draws_that_they_judge() -> None:
    fit = synthetic_fit()
    assert ATTRIBUTE not in fit.idata.attrs
    first = fit.checks()
    assert ATTRIBUTE in fit.idata.attrs and fit.status == first.status == "PASS"
    forged = json.loads(fit.idata.attrs[ATTRIBUTE])
    forged["rows"][0]["status"] = "FAIL"
    fit.idata.attrs[ATTRIBUTE] = json.dumps(forged)
    assert fit.status == "FAIL"  # read, not computed


@pytest.mark.parametrize("part", ["rules", "draws", "rows"])
def test_stored_checks_of_other_rules_or_draws_are_computed_anew(part: str) -> None:
    fit = synthetic_fit()
    fit.checks()
    kept = json.loads(fit.idata.attrs[ATTRIBUTE])
    kept["rows"][0]["status"] = "FAIL"
    kept[part] = "other"
    fit.idata.attrs[ATTRIBUTE] = json.dumps(kept)
    assert fit.status == "PASS"


def test_thinned_draws_have_a_verdict_of_their_own() -> None:
    fit = synthetic_fit()
    assert fit.status == "PASS"
    few = replace(fit, idata=fit.idata.isel(draw=slice(0, 40)))
    assert isinstance(few, Fit) and few.status == "FAIL"
