"""A digit too many in one row is told, as far as losses can tell it."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.runs.tenfold import tenfold_slips
from tests.helpers.ladders import isoflop_frame
from tests.helpers.table_mutations import ladder


def _found(frame):
    return list(tenfold_slips(frame, [np.ones(len(frame), dtype=bool)]))


@pytest.mark.parametrize("column", ["params", "tokens"])
@pytest.mark.parametrize("factor", [0.1, 10.0])
@pytest.mark.parametrize(
    "base", [isoflop_frame(0.003), ladder(np.random.default_rng(5))], ids=["grid", "ladder"]
)
def test_one_row_tenfold(base, column, factor) -> None:
    row = 6
    frame = base.assign(**{column: base[column].where(base.index != row, base[column] * factor)})
    (note,) = _found(frame)
    assert row in note.rows and note.severity == "note"


@pytest.mark.parametrize("seed", range(5))
def test_good_tables_are_told_nothing(seed) -> None:
    assert _found(ladder(np.random.default_rng(seed))) == []
    assert _found(isoflop_frame(0.01, seed)) == []


def test_a_run_off_in_its_loss_alone_is_told_nothing() -> None:
    frame = isoflop_frame(0.003)
    frame.loc[7, "loss"] *= 2.0
    assert _found(frame) == []
