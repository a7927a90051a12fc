"""Fits in each other's place, fits of different runs, budgets outside reason: refused, nothing written."""

from __future__ import annotations

import pytest

from bayes_scaling.decisions.decide import decide
from bayes_scaling.errors import BudgetError
from tests.helpers.command_line import assert_refused, run
from tests.helpers.pages import small_timings
from tests.helpers.synthetic import synthetic_fit

FIT = synthetic_fit(draws=20)
ASKED = ("--compute", "1e21")
LIMIT = ("--limit", "step_time_ms=20")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("fits")
    FIT.save(found / "fit.nc")
    synthetic_fit(per_group=40, draws=20).save(found / "other.nc")
    small_timings().save(found / "latency.nc")
    (found / "plan.toml").write_text('[[scenario]]\nname = "a"\ncompute = 1e21\n')
    return found


LATENCY_AS_FIT = (
    ("decide", "latency.nc", *ASKED),
    ("frontier", "latency.nc", *ASKED),
    ("compare", "latency.nc", *ASKED),
    ("lifetime", "latency.nc", "--loss", 2, "--served-tokens", "1e12"),
    ("design", "latency.nc", *ASKED, "--context-length", 8192),
    ("plan", "latency.nc", "plan.toml"),
    ("check", "latency.nc"),
    ("report", "latency.nc", "-o", "report.html"),
)
FIT_AS_LATENCY = (
    ("decide", "fit.nc", *ASKED, *LIMIT, "--latency", "fit.nc"),
    ("plan", "fit.nc", "plan.toml", "--latency", "fit.nc"),
    ("map", "fit.nc", *LIMIT, "--latency", "fit.nc"),
    ("report", "fit.nc", "--latency", "fit.nc", "-o", "report.html"),
    ("latency", "summary", "fit.nc"),
    ("latency", "predict", "fit.nc", "queries.csv"),
)


def refused(folder, monkeypatch, arguments, *parts):
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    assert_refused(run(*arguments), *parts)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("arguments", LATENCY_AS_FIT, ids=lambda words: words[0])
def test_a_latency_fit_is_no_fit_of_losses(folder, monkeypatch, arguments):
    refused(folder, monkeypatch, arguments, "latency.nc", "LatencyFit", "not a fit of bayes_scaling")


@pytest.mark.parametrize("arguments", FIT_AS_LATENCY, ids=lambda words: " ".join(words[:2]))
def test_a_fit_of_losses_is_no_latency_fit(folder, monkeypatch, arguments):
    refused(folder, monkeypatch, arguments, "fit.nc", "not a latency fit", "latency fit` wrote")


@pytest.mark.parametrize("arguments", [("loo",), ("stack", "-o", "mixed.nc")], ids=lambda words: words[0])
def test_fits_of_different_runs_are_not_mixed(folder, monkeypatch, arguments):
    command, *options = arguments
    refused(folder, monkeypatch, (command, "fit.nc", "other.nc", *options), "of different runs")


@pytest.mark.parametrize("compute", ["1e6", "1e33", "-1", "0", "1e60", "nan"])
@pytest.mark.parametrize(
    "command", [("decide",), ("report", "-o", "report.html")], ids=lambda words: words[0]
)
def test_budgets_outside_reason(folder, monkeypatch, command, compute):
    name, *options = command
    refused(folder, monkeypatch, (name, "fit.nc", "--compute", compute, *options), "compute")


def test_what_a_far_budget_is_told():
    with pytest.raises(
        BudgetError, match=r"1e\+33 FLOPs lies 12.5 decades outside the fitted runs .*unit right"
    ):
        decide(FIT, [1e21, 1e33], 8192)
    with pytest.raises(BudgetError, match=r"1e\+33 is 13 decades outside the fitted runs .*unit right"):
        decide(FIT, [1e21, 1e33], 8192, extrapolate=True)
    assert len(decide(FIT, [1e15, 1e26], 8192, extrapolate=True).table(full=True)) == 4


def test_a_plan_with_a_far_budget_names_the_scenario(folder, monkeypatch):
    (folder / "far.toml").write_text('[[scenario]]\nname = "moon"\ncompute = 1e36\n')
    refused(folder, monkeypatch, ("plan", "fit.nc", "far.toml"), "scenario 'moon'", "decades outside")
    refused(folder, monkeypatch, ("report", "fit.nc", "--plan", "far.toml", "-o", "r.md"), "'moon'")
