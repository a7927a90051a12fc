"""Truths outside the family: the drift's intervals hold ten times beyond the runs, the law's alone do not."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.broken_law import broken, study


def test_exponents_change_by_the_factor_past_the_break() -> None:
    log_size = np.array([5.0, 5.01, 40.0, 40.01])
    value = broken(log_size, 0.3, 1.5, 20.0)
    slopes = -np.diff(value)[[0, 2]] / 0.01
    np.testing.assert_allclose(slopes, [0.3, 0.45], rtol=1e-4)


@pytest.mark.slow
def test_intervals_hold_where_the_law_alone_fails() -> None:
    pooled = study(6, seed=40).pooled.set_index("forecaster")
    assert pooled.loc["model", "in_90"] >= 0.75
    assert pooled.loc["law alone", "in_90"] < 0.75
    assert pooled.loc["model", "mae"] <= pooled.loc["law alone", "mae"]
