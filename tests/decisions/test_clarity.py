"""An order is given only where the evidence bears it out."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from bayes_scaling.decisions.clarity import rivals, settling_run, unclear
from bayes_scaling.decisions.decide import decide
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.printing.decisions import headlines, print_decision, settled_by
from bayes_scaling.questions.query import Query
from tests.helpers.synthetic import synthetic_fit, with_group

BUDGET, LENGTH = 1e21, 8192
EVEN = synthetic_fit(draws=100, sigma=0.01)


def with_floor(factor: float) -> Fit:
    """The fit with xLSTM's E scaled."""
    floor = EVEN.posterior["E"].copy(deep=True)
    floor.loc[{"architecture": "xlstm"}] *= factor
    return with_group(EVEN, "posterior", E=floor)


BETTER = with_floor(0.8)


def test_a_winner_with_little_regret_is_clear() -> None:
    table = decide(BETTER, BUDGET, LENGTH).table(full=True).set_index("architecture")
    assert table["best_probability"]["xlstm"] > 0.95
    assert table["clear"].to_dict() == {"transformer": False, "xlstm": True}
    assert headlines(decide(BETTER, BUDGET, LENGTH))[0].startswith(
        "1e21 FLOPs, context 8192: Train xlstm with "
    )


def test_even_odds_are_not_clear_and_name_both() -> None:
    decision = decide(EVEN, BUDGET, LENGTH)
    table = decision.table(full=True)
    assert table["best_probability"].max() < 0.8 and not table["clear"].any() and table["chosen"].sum() == 1
    (line,) = headlines(decision)
    assert "No clear winner: " in line and "Train" not in line
    assert "transformer with" in line and " or " in line and "xlstm with" in line


def tilted(sd: float) -> Fit:
    """The middle law of the fit, its two terms traded for each other by random factors: N* is not known."""
    draws = EVEN.posterior[list(EVEN.law.names)]
    same = draws.median(("chain", "draw")) + xr.zeros_like(draws)
    z = np.random.default_rng(1).standard_normal((draws.sizes["chain"], draws.sizes["draw"]))
    factor = np.exp(sd * xr.DataArray(z, dims=("chain", "draw")))
    traded = same.assign(A=same["A"] * factor, B=same["B"] / factor).transpose(*draws["A"].dims)
    return with_group(EVEN, "posterior", **{str(name): value for name, value in traded.items()})


def test_a_winner_whose_regret_is_large_is_not_clear() -> None:
    wide = tilted(0.5)
    decision = decide(wide, BUDGET, LENGTH, "xlstm", tolerance=1e-6)
    row = decision.table(full=True).iloc[0]
    assert row["best_probability"] == 1 and not row["clear"]
    assert row["overall_regret_mean"] > 0.1 * (row["loss_q95"] - row["loss_q05"])
    assert "No clear size. The best guess, xlstm with" in headlines(decision)[0]
    careless = decide(wide, BUDGET, LENGTH, "xlstm", tolerance=1.0)
    assert careless.table(full=True)["clear"].all()  # the control: it does not matter


def test_rivals_are_those_of_the_same_question() -> None:
    table = decide(EVEN, [1e20, BUDGET]).table(full=True)
    row = table[table["compute"] == BUDGET].iloc[0].to_dict()
    found = rivals(table, row)
    assert set(found["architecture"]) == {"transformer", "xlstm"}
    assert found["best_probability"].is_monotonic_decreasing
    assert (found["context_length"] == row["context_length"]).all() and (found["compute"] == BUDGET).all()


@pytest.mark.parametrize(("fit", "settles"), [(EVEN, True), (BETTER, False)])
def test_what_is_not_clear_has_a_run_that_would_settle_it(fit: Fit, settles: bool, capsys) -> None:
    query = Query.of(fit, [1e20, BUDGET], LENGTH)
    decision = decide(fit, [1e20, BUDGET], LENGTH)
    table = decision.table(full=True)
    found = settling_run(fit, query, table, Limits(), None)
    assert (found is not None) == settles
    assert len(unclear(table)) == (2 if settles else 0)
    print_decision(decision, found)
    shown = capsys.readouterr().out
    assert ("To settle 1e21 FLOPs, context 8192: train " in shown) == settles
    assert ("best guess" in shown) == settles and ("  this  " in shown) != settles
    if found is not None:
        assert found.goal == "difference" and 0 < found.share <= 1
        assert f"{found.share:.0%} of the variance of their difference" in settled_by(found)
