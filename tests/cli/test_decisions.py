"""The commands of decisions: the library's numbers, readable tables, exit codes."""

from __future__ import annotations

import pytest

from bayes_scaling.decisions.decide import decide
from bayes_scaling.decisions.lifetime.lifetime import lifetime
from bayes_scaling.decisions.next_runs.next_runs import design_runs
from bayes_scaling.decisions.winner_map import compare_map
from tests.helpers.command_line import assert_refused, records, run
from tests.helpers.serving import FakeServing
from tests.helpers.synthetic import synthetic_fit

FIT = synthetic_fit(draws=60, sigma=0.02)
PLAN = """
[defaults]
context_length = 8192

[[scenario]]
name = "free"
compute = [1e21, 1e22]

[[scenario]]
name = "small"
compute = 1e22
limits = { params_at_most = 1e9 }
"""
ASKED = ("--compute", "1e22", "--context-length", 8192)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decisions")
    FIT.save(folder / "fit.nc")
    (folder / "plan.toml").write_text(PLAN)
    return folder / "fit.nc"


def same(rows, table) -> None:
    """Records are the table's rows, each with the fit's status."""
    assert [*rows[0]] == ["fit_status", *table] and len(rows) == len(table)
    for name in ("params", "best_probability", "value", "params_median"):
        if name in table:
            assert [row[name] for row in rows] == pytest.approx(list(table[name]))


def test_records_are_the_librarys(file) -> None:
    same(
        records("decide", file, *ASKED, "--utility", "cvar:0.9"),
        decide(FIT, 1e22, 8192, utility="cvar:0.9").table(full=True),
    )
    same(records("design", file, *ASKED, "--runs", 2), design_runs(FIT, 1e22, 8192, runs=2).table(full=True))
    served = ("--loss", "2.05", "--served-tokens", "1e12", "--context-length", 8192)
    same(records("lifetime", file, *served), lifetime(FIT, 2.05, 1e12, 8192).table(full=True))
    same(records("map", file, "--compute", "1e20,1e22"), compare_map(FIT, [1e20, 1e22]).table(full=True))
    plan = records("plan", file, file.parent / "plan.toml")
    assert [row["scenario"] for row in plan] == ["free"] * 4 + ["small"] * 2


def test_decide_says_it_in_words(file, tmp_path) -> None:
    found = run(
        "decide", file, *ASKED, "--limit", "params_at_most=1e9", "--figure", tmp_path / "decide.png", "--wide"
    )
    assert found.exit_code == 0, found.stderr
    for part in (
        "P(regret < 0.01)",
        "flat region",
        "params <= 1e+09",
        "up to 1.00B",
        "binds",
        "Note: ",
        "outside the fitted runs: compute by up to",
    ):
        assert part in found.stdout
    assert (tmp_path / "decide.png").stat().st_size > 10_000


def test_decide_tells_the_next_run_too(file) -> None:
    limit = ("--limit", "params_at_most=1e9")
    wanted = design_runs(FIT, 1e22, 8192, runs=1, limits={"params_at_most": 1e9}).runs.iloc[0]
    rows = records("decide", file, *ASKED, *limit, "--next", 1)
    assert all(row["next_params"] == pytest.approx(wanted["params"]) for row in rows)
    assert rows[0]["next_architecture"] == wanted["architecture"]
    found = run("decide", file, *ASKED, *limit, "--next", 2, "--wide")
    assert found.exit_code == 0 and "Runs to make next" in found.stdout and "Pareto k" in found.stdout
    assert_refused(
        run("decide", file, "--compute", "1e22", "--next", 1), "--next is for one budget and one context"
    )


def test_the_others_say_it_in_words(file, tmp_path) -> None:
    parts = {
        ("design", file, *ASKED): ("Knowing everything", "takes away"),
        ("lifetime", file, "--loss", 2.05, "--served-tokens", "1e12"): ("saving", "P(costs less)"),
        ("map", file, "--compute", "1e20,1e22", "--figure", tmp_path / "map.png"): (
            "P(transformer beats xlstm)",
            "8192",
        ),
        ("plan", file, file.parent / "plan.toml"): ("scenario", "small", "params_at_most"),
    }
    for command, words in parts.items():
        found = run(*command)
        assert found.exit_code == 0, found.stderr
        assert all(word in found.stdout for word in words), command
    assert (tmp_path / "map.png").stat().st_size > 10_000


def test_nothing_feasible_is_exit_code_1(file, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("bayes_scaling.cli.running.serving.open_latency", lambda *_: FakeServing())
    limits = ("--limit", "step_time_ms=0.001", "--limit", "params_at_least=1e9", "--latency", "fake.nc")
    found = run("decide", file, *ASKED, *limits)
    assert found.exit_code == 1 and "nothing keeps to all limits; without step_time_ms" in found.stdout
    (tmp_path / "plan.toml").write_text(
        PLAN.replace("params_at_most = 1e9", "step_time_ms = 0.001, params_at_least = 1e9")
    )
    found = run("plan", file, tmp_path / "plan.toml", "--latency", "fake.nc")
    assert found.exit_code == 1 and "small, transformer" in found.stdout and "free" in found.stdout
    found = run("map", file, "--compute", "1e20", *limits)
    assert found.exit_code == 0 and "nothing keeps to the limits" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (
            ("decide", *ASKED, "--limit", "params_at_least=2e9", "--limit", "params_at_most=1e9"),
            ["no model keeps to both"],
        ),
        (("decide", *ASKED, "--limit", "parms_at_most=1e9"), ["did you mean 'params_at_most'"]),
        (("decide", *ASKED, "--limit", "params_at_most"), ["--limit 'params_at_most': give NAME=VALUE"]),
        (("decide", *ASKED, "--limit", "hours=ten"), ["'ten' is not a number"]),
        (("decide", *ASKED, "--limit", "hours=1", "--limit", "hours=2"), ["names 'hours' twice"]),
        (("decide", *ASKED, "--limit", "memory=true"), ["memory needs a latency fit", "--latency"]),
        (("decide", "--compute", "1e99"), ["compute budget 1e+99"]),
        (("decide", *ASKED, "--utility", "best"), ["utility 'best'", "quantile:0.9"]),
        (("decide", *ASKED, "--figure", "no/such/folder.png"), ["folder"]),
        (("design", *ASKED, "--goal", "fame"), ["unknown goal 'fame'"]),
        (("design", *ASKED, "--candidates", "missing.csv"), ["missing.csv"]),
        (("lifetime", "--loss", "-2", "--served-tokens", "1e12"), ["loss -2.0"]),
        (("lifetime", "--loss", "2", "--served-tokens", "much"), ["--served-tokens 'much'"]),
        (("map", "--architecture", "xlstm"), ["two architectures"]),
    ],
)
def test_bad_input_is_exit_code_2(file, arguments, parts) -> None:
    command, *rest = arguments
    assert_refused(run(command, file, *rest), *parts)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            PLAN.replace("compute = 1e22", "computer = 1e22"),
            ["plan.toml", "'computer'", "did you mean 'compute'"],
        ),
        ("scenario = 3", ["no [[scenario]]"]),
        ("[[scenario]", ["not a TOML file"]),
    ],
)
def test_bad_plans_are_exit_code_2(file, tmp_path, text: str, parts) -> None:
    (tmp_path / "plan.toml").write_text(text)
    assert_refused(run("plan", file, tmp_path / "plan.toml"), *parts)


def test_a_plan_that_is_missing(file) -> None:
    assert_refused(run("plan", file, "missing.toml"), "missing.toml")
