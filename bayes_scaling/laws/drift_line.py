"""ln L along budgets where the law drifts: its rates, and the minimum next to a start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from bayes_scaling.laws.drift import drifted_log_loss
from bayes_scaling.laws.drift_rates import loss_rates
from bayes_scaling.laws.law import log_form
from bayes_scaling.laws.rates import Rates

TOLERANCE = 1e-9  # of ln params
NEAR = 1e-5  # a Newton step of this length leaves an error of about its square
ITERATIONS = 60
EASY = 4  # steps after which the points left are looked at more closely


class Frontier(NamedTuple):
    """At optima.

    Attributes
    ----------
    log_loss : ndarray
    slope : ndarray
        d ln L / d ln C; that of ln D at fixed N, as no change of N helps there.
    exponent : ndarray
        d ln N* / d ln C.
    """

    log_loss: np.ndarray
    slope: np.ndarray
    exponent: np.ndarray


class Line:
    """ln L as a function of ln N at fixed budgets.

    Points are flat: ``index`` names the draw of each (all chains in a row), ``log_compute`` its budget.

    Parameters
    ----------
    values : mapping
        Coefficients (chain, draw, 1) or numbers, and ``drift``, a `bayes_scaling.laws.drift_draws.Drift`.
    curve : object with value_and_slope(xp, ln_params)
        ln f, training FLOPs per token, and its derivative.
    """

    def __init__(self, values: Mapping[str, Any], curve: Any) -> None:
        self.drift, self.curve = values["drift"], curve
        self._draws = self.drift.weights.shape[:2]
        law = {name: value for name, value in values.items() if name != "drift"}
        self._theta = {
            name: np.broadcast_to(value, (*self._draws, 1)).ravel() if np.ndim(value) else value
            for name, value in log_form(np, law).items()
        }

    def index(self, shape: tuple[int, ...]) -> np.ndarray:
        """The draw of each point of an array (chain, draw, ...)."""
        flat = np.arange(int(np.prod(self._draws))).reshape(*self._draws, *(1 for _ in shape[2:]))
        return np.broadcast_to(flat, shape)

    def value(self, x: np.ndarray, index: np.ndarray, log_compute: np.ndarray) -> np.ndarray:
        """ln L."""
        log_tokens = log_compute - self.curve.value(np, x)
        shifts = self.drift.each(index, x, log_tokens)
        return np.asarray(drifted_log_loss(np, x, log_tokens, self._of(index), shifts))

    def rates(self, x: np.ndarray, index: np.ndarray, log_compute: np.ndarray) -> Rates:
        """ln L with its derivatives along the budget, the bend of the cost curve left out of it."""
        cost, rise = self.curve.value_and_slope(np, x)
        return loss_rates(self._of(index), self.drift, index, x, log_compute - cost, rise)

    def slopes(
        self, x: np.ndarray, index: np.ndarray, log_compute: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """d ln L / d ln N, and its own derivative, the bend of the cost curve left out of it."""
        rates = self.rates(x, index, log_compute)
        return rates.along, rates.bend

    def lowest(
        self, start: np.ndarray, index: np.ndarray, log_compute: np.ndarray, within: float
    ) -> np.ndarray:
        """The minimum next to each start by guarded Newton steps; the start where none is within reach."""
        x = start.copy()
        low = start - within
        high = start + within
        left = np.arange(x.size)
        for i in range(ITERATIONS):
            at = x[left]
            slope, bend = self.slopes(at, index[left], log_compute[left])
            low[left], high[left] = np.where(slope < 0, at, low[left]), np.where(slope > 0, at, high[left])
            moved = at - slope / np.where(bend > 0, bend, np.nan)
            inside = (moved >= low[left]) & (moved <= high[left])
            x[left] = np.where(inside, moved, 0.5 * (low[left] + high[left]))
            left = left[np.abs(x[left] - at) > np.where(inside, NEAR, TOLERANCE)]
            if i == EASY:
                left = self._without_lost(x, left, start, index, log_compute, within)
            if not left.size:
                break
        return x

    def lower_of(
        self, found: np.ndarray, start: np.ndarray, index: np.ndarray, log_compute: np.ndarray, within: float
    ) -> np.ndarray:
        """Minima that were found, or those next to a start where they are lower."""
        other = self.lowest(start, index, log_compute, within)
        lower = self.value(other, index, log_compute) < self.value(found, index, log_compute)
        return np.where(lower, other, found)

    def _without_lost(
        self,
        x: np.ndarray,
        left: np.ndarray,
        start: np.ndarray,
        index: np.ndarray,
        log_compute: np.ndarray,
        within: float,
    ) -> np.ndarray:
        """Of the points left those that have a minimum within reach; the others go back to their start."""
        origin = start[left]
        falling = np.sign(self.slopes(origin, index[left], log_compute[left])[0])
        end = origin - falling * within
        kept = falling * self.slopes(end, index[left], log_compute[left])[0] < 0
        x[left[~kept]] = origin[~kept]
        return left[kept]

    def along(self, log_params: np.ndarray, log_compute: np.ndarray) -> Frontier:
        """What changes along the frontier, at optima (chain, draw, budget)."""
        rates = self.rates(log_params, self.index(log_params.shape), log_compute)
        along_params = rates.bend - self.curve.bend(np, log_params) * rates.of_tokens
        # The slope of ln L along the budget stays 0: d slope = along_params d ln N + turn d ln C = 0.
        return Frontier(rates.value, rates.of_tokens, np.asarray(-rates.turn / along_params))

    def _of(self, index: np.ndarray) -> dict[str, Any]:
        return {name: value[index] if np.ndim(value) else value for name, value in self._theta.items()}
