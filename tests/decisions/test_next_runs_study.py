"""Designed runs against equal-spaced isoFLOP and random ones on simulated truths. Slow."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers import design_study as world

REPLICATES, WANTED = 36, 5e-4


@pytest.mark.slow
def test_designed_runs_cost_less_for_a_regret() -> None:
    found = world.study(REPLICATES)
    for name, regrets in found.items():
        print(f"{name}: mean regret {np.round(1e3 * regrets.mean(0), 3)} millinats at totals {world.TOTALS}")
    rng = np.random.default_rng(1)
    for other in ("random", "isoflop"):
        ratio = world.ratios(found, other, WANTED)
        saved = (found[other] - found["design"]).mean(-1)
        low, high = np.quantile(rng.choice(saved, (4000, len(saved))).mean(-1), (0.05, 0.95))
        ends = np.quantile(ratio, (0.05, 0.5, 0.95))
        print(f"{other}: FLOPs for a regret of {WANTED:g} over the design's {ends}")
        print(f"{other}: regret saved {low:.6f} to {high:.6f}")
        assert ends[1] > 1
        assert high > 0 and (other != "random" or low > 0)


def test_price_of_a_regret() -> None:
    curve = np.array([8.0, 4.0, 2.0, 1.0, 0.5])
    assert world.price_of(curve, 2.0) == pytest.approx(world.TOTALS[2])
    assert world.price_of(curve, 2.0**0.5) == pytest.approx(np.sqrt(world.TOTALS[2] * world.TOTALS[3]))
    assert world.price_of(curve, 9.0) == world.TOTALS[0] and world.price_of(curve, 0.1) > world.TOTALS[-1]
