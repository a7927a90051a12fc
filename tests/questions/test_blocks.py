"""Very many budgets or rows are worked on in blocks: the same table, in bounded memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.posterior import prediction
from bayes_scaling.questions import frontier as module
from tests.helpers.synthetic import synthetic_fit, synthetic_frame

BUDGETS = np.geomspace(1e18, 1e22, 41)


@pytest.fixture(scope="module")
def fit():
    return synthetic_fit(per_group=8, chains=2, draws=50)


def test_a_table_in_blocks_is_the_table(fit, monkeypatch) -> None:
    whole = bs.frontier(fit, BUDGETS).table(full=True)
    monkeypatch.setattr(module, "MEMORY", 7 * module.WORK * 100 * 4)
    blocked = bs.frontier(fit, BUDGETS)
    assert blocked.at_once == 7 and "draws" not in vars(blocked)
    pd.testing.assert_frame_equal(blocked.table(full=True), whole, rtol=1e-8)
    assert "draws" not in vars(blocked)  # nothing is kept
    np.testing.assert_allclose(blocked.draws["loss"], bs.frontier(fit, BUDGETS).draws["loss"], rtol=1e-12)


def test_a_few_budgets_are_answered_at_once(fit) -> None:
    """The negative control: errors and draws come where they always came."""
    assert "draws" in vars(bs.frontier(fit, BUDGETS[:3]))


@pytest.mark.parametrize("kind", ["mean", "response"])
def test_rows_in_blocks_are_the_rows(fit, monkeypatch, kind) -> None:
    frame = synthetic_frame(8).drop(columns="loss")
    whole = bs.predict_table(fit, frame, kind)
    monkeypatch.setattr(prediction, "MEMORY", 5 * prediction.WORK * 100)
    assert prediction.rows_at_once(fit) == 5
    blocked = bs.predict_table(fit, frame, kind)
    if kind == "response":  # a block has scatter of its own
        blocked, whole = (table.drop(columns="sd") for table in (blocked, whole))
    close = {"mean": 1e-12, "response": 0.01}[kind]
    pd.testing.assert_frame_equal(blocked, whole, rtol=close)
    if kind == "response":
        pd.testing.assert_frame_equal(
            blocked.iloc[:5], bs.predict_table(fit, frame.iloc[:5], kind).drop(columns="sd")
        )
