"""The optimum under a drift: the lowest one, to the digit, for every question."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from bayes_scaling.accounting import get_cost
from bayes_scaling.laws.drift import NUMBERS, PLAIN, WALKS, drifted_log_loss
from bayes_scaling.laws.drift_draws import Drift
from bayes_scaling.laws.drifting_optimum import STEP, WITHIN, optimal_log_params
from bayes_scaling.laws.law import GAMMA_LAW, log_form
from bayes_scaling.laws.optimum import optimal_log_params as without_drift
from bayes_scaling.laws.surface import Surface

RNG = np.random.default_rng(8)
SHAPE = (2, 20)
VALUES = {
    "E": RNG.uniform(1.4, 1.9, (*SHAPE, 1)),
    "A": np.exp(RNG.uniform(5, 6, (*SHAPE, 1))),
    "B": np.exp(RNG.uniform(6, 7, (*SHAPE, 1))),
    "alpha": RNG.uniform(0.3, 0.4, (*SHAPE, 1)),
    "beta": RNG.uniform(0.3, 0.4, (*SHAPE, 1)),
    "gamma": 1.0,
}
SCALES = np.array([0.05, 0.05, 0.012, 0.006, 0.002, 0.002, 0.002])  # in the order of PLAIN
START = np.zeros(len(WALKS))
DRIFT = Drift(SCALES[:, None] * RNG.standard_normal((*SHAPE, len(PLAIN), len(NUMBERS))), (20.0, 23.5), START)
SURFACE = Surface(GAMMA_LAW, VALUES, DRIFT)
LOG_COMPUTE = np.log([1e20, 1e22])


def curve(cost: str = "accounted"):
    return get_cost(cost).curve(8192.0, "xlstm")


def level(draw: tuple[int, int], x: np.ndarray, log_compute: float, f) -> np.ndarray:
    """ln loss of one draw along a budget."""
    values = {name: np.asarray(v)[draw] if np.ndim(v) else v for name, v in VALUES.items()}
    tokens = log_compute - f.value(np, x)
    one = Drift(DRIFT.weights[draw][None, None], DRIFT.reference, START)(x, tokens)
    shifts = type(one)(*(part[0, 0] for part in one))
    return drifted_log_loss(np, x, tokens, log_form(np, values), shifts)


@pytest.mark.parametrize("cost", ["6ND", "accounted"])
def test_no_other_params_have_a_lower_loss(cost: str) -> None:
    f = curve(cost)
    found = SURFACE.optimal_log_params(LOG_COMPUTE, f)
    alone = without_drift(VALUES, LOG_COMPUTE, f)
    checked = exact = 0
    for draw in np.ndindex(SHAPE):
        for i, compute in enumerate(LOG_COMPUTE):
            low, high = (alone[draw][i] + side * WITHIN * STEP for side in (-1, 1))
            grid = np.linspace(low, high, 4001)
            at = grid[level(draw, grid, compute, f).argmin()]
            best = optimize.minimize_scalar(
                lambda x, draw=draw, compute=compute: level(draw, np.array([x]), compute, f)[0],
                bounds=(at - 0.01, at + 0.01),
                method="bounded",
                options={"xatol": 1e-9},
            )
            if not low + 0.4 < best.x < high - 0.4:
                continue
            checked += 1
            ours = level(draw, found[draw][[i]], compute, f)[0]
            assert ours <= best.fun + 1e-4
            near = abs(found[draw][i] - best.x) < 0.05
            assert not near or ours == pytest.approx(best.fun, abs=1e-12)
            exact += near
    assert exact > 0.95 * checked > 20


def test_the_drift_moves_the_optimum() -> None:
    """The negative control: the law's own optimum is worse."""
    f = curve()
    alone = without_drift(VALUES, LOG_COMPUTE, f)
    found = SURFACE.optimal_log_params(LOG_COMPUTE, f)
    assert np.abs(found - alone).mean() > 0.1
    still = Surface(GAMMA_LAW, VALUES, Drift(0 * DRIFT.weights, DRIFT.reference, START))
    np.testing.assert_allclose(still.optimal_log_params(LOG_COMPUTE, f), alone, atol=1e-7)


def test_exponents_are_the_differences_of_optima() -> None:
    f, h = curve(), 1e-4
    up, at, down = (optimal_log_params(SURFACE._all, LOG_COMPUTE + s, f) for s in (h, 0.0, -h))
    rise = SURFACE.along(at, LOG_COMPUTE, f).exponent
    difference = (up - down) / (2 * h)
    alone = without_drift(VALUES, LOG_COMPUTE, f)
    inside = np.abs(at - alone) < (WITHIN - 1) * STEP
    usual = inside & (np.abs(difference) < 3)  # elsewhere one minimum takes over from another
    assert usual.mean() > 0.5
    assert (np.abs(rise - difference)[usual] < 0.02).mean() > 0.95  # elsewhere a box ends within the step


def test_cheapest_and_suited_undo_the_frontier() -> None:
    f = curve()
    x = SURFACE.optimal_log_params(LOG_COMPUTE[:1], f)
    tokens = LOG_COMPUTE[:1] - f.value(np, x)
    loss = SURFACE.loss(np.exp(x), np.exp(tokens))
    for draw in [(0, 0), (1, 7)]:
        found, log_tokens = SURFACE.cheapest(loss[draw], f)
        compute = f.value(np, found[draw]) + log_tokens[draw]
        assert compute[0] <= LOG_COMPUTE[0] + 1e-6  # a lower budget may do where the loss does not fall
        reached = SURFACE.loss(np.exp(found), np.exp(log_tokens))[draw]
        assert reached[0] == pytest.approx(loss[draw][0], rel=1e-7)
        params = np.exp(x[draw])
        suited = f.value(np, x[draw]) + SURFACE.suited(params, f)[draw]
        assert suited[0] <= LOG_COMPUTE[0] + 1e-3  # the optimal size may fall back to what it was
        back = SURFACE.optimal_log_params(suited, f)[draw]
        assert back[0] == pytest.approx(x[draw][0], abs=1e-3)
