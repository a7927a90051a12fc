"""Plans: every scenario is the decision it describes; what is wrong is named."""

from __future__ import annotations

import pandas as pd
import pytest

from bayes_scaling.decisions.decide import decide
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.decisions.scenarios import Scenario, load_plan, plan
from bayes_scaling.errors import BudgetError, DecisionError
from tests.helpers.serving import FakeServing
from tests.helpers.synthetic import synthetic_fit

FIT = synthetic_fit(draws=40, sigma=0.02)
TEXT = """
[defaults]
context_length = 8192
utility = "cvar:0.9"
limits = { params_at_most = 3e9, batch_size = 8 }

[[scenario]]
name = "cheap"
compute = [1e21, 1e22]

[[scenario]]
name = "quick"
compute = 1e22
utility = "mean"
limits = { step_time_ms = 8.0, params_at_most = 7e9 }
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "plan.toml").write_text(TEXT)
    return tmp_path / "plan.toml"


def test_a_file_is_its_scenarios(file) -> None:
    cheap, quick = load_plan(file)
    assert cheap.compute == (1e21, 1e22) and cheap.context_length == (8192,) and cheap.utility == "cvar:0.9"
    assert cheap.limits == Limits(params_at_most=3e9, batch_size=8)
    assert quick.limits == Limits(params_at_most=7e9, batch_size=8, step_time_ms=8.0)
    assert quick.utility == "mean"


def test_each_scenario_is_its_decision(file) -> None:
    found = plan(FIT, file, latency=FakeServing())
    alone = decide(
        FIT, [1e21, 1e22], 8192, utility="cvar:0.9", limits={"params_at_most": 3e9, "batch_size": 8}
    )
    table = found.table(full=True)
    assert list(table.columns[:2]) == ["scenario", "architecture"] and len(table) == 6
    rows = table[table["scenario"] == "cheap"].drop(columns="scenario").reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, alone.table(full=True), check_dtype=False)
    assert set(found.limits()["name"]) == {"params_at_most", "step_time_ms"}


def test_scenarios_in_python() -> None:
    found = plan(FIT, [Scenario("a", 1e21), Scenario("b", 1e22, 2048, "xlstm")])
    assert list(found.table(full=True)["scenario"]) == ["a"] * 4 + ["b"] and found.limits().empty


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("compute = 1e22", "computer = 1e22"),
            "unknown key of scenario 'quick' 'computer': did you mean 'compute'",
        ),
        (('utility = "mean"', 'utility = "median"'), "scenario 'quick': utility 'median'|unknown utility"),
        (
            ("params_at_most = 3e9", "param_at_most = 3e9"),
            "scenario 'cheap': unknown limit 'param_at_most'",
        ),
        (("[defaults]", "[default]"), "unknown table 'default': did you mean 'defaults'"),
        (('utility = "cvar:0.9"', "utilty = 1"), "key of .defaults. 'utilty': did you mean 'utility'"),
        (("compute = 1e22", ""), "scenario 'quick' has no compute"),
        (("compute = 1e22", "compute = 1e90"), "scenario 'quick': compute budget 1e.90"),
        (('"quick"', '"cheap"'), "two scenarios are called 'cheap'"),
        (('"quick"', "7"), "a scenario's name is 7"),
        (('name = "quick"', "name = "), "not a TOML file"),
        (("limits = { step", "limits = 5\nother = { step"), "unknown key of scenario 'quick' 'other'"),
        (("limits = { params_at_most = 3e9, batch_size = 8 }", "limits = 5"), "are no table"),
    ],
)
def test_bad_files(file, change, message: str) -> None:
    assert change[0] in TEXT
    file.write_text(TEXT.replace(*change))
    with pytest.raises(DecisionError, match=message) as error:
        load_plan(file)
    assert str(error.value).startswith(str(file))


def test_a_plan_without_scenarios(file) -> None:
    file.write_text("[defaults]\ncompute = 1e21\n")
    with pytest.raises(DecisionError, match="no ..scenario.."):
        load_plan(file)
    with pytest.raises(DecisionError, match="one scenario or more"):
        plan(FIT, [])


def test_an_error_of_the_fit_names_the_scenario() -> None:
    with pytest.raises(BudgetError, match="scenario 'a': unknown architecture 'rwkv'"):
        plan(FIT, [Scenario("a", 1e21, architecture="rwkv")])
