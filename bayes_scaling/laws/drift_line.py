"""ln L along budgets where the law drifts: its slope, its bend, and the minimum next to a start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from bayes_scaling.laws.effective_sizes import changes, path
from bayes_scaling.laws.law import log_form, log_loss
from bayes_scaling.laws.overfitting import log_overfit, with_overfit

TOLERANCE = 1e-9  # of ln params
ITERATIONS = 60
EASY = 4  # steps after which the points left are looked at more closely


class Line:
    """ln L as a function of ln N at fixed budgets.

    Points are flat: ``index`` names the draw of each (all chains in a row), ``log_compute`` its budget.

    Parameters
    ----------
    values : mapping
        Coefficients (chain, draw, 1) or numbers, and ``drift``, a `bayes_scaling.laws.drift.Drift`.
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
        self._law = effective_law if changes(self._theta) else _law

    def index(self, shape: tuple[int, ...]) -> np.ndarray:
        """The draw of each point of an array (chain, draw, ...)."""
        flat = np.arange(int(np.prod(self._draws))).reshape(*self._draws, *(1 for _ in shape[2:]))
        return np.broadcast_to(flat, shape)

    def value(self, x: np.ndarray, index: np.ndarray, log_compute: np.ndarray) -> np.ndarray:
        """ln L."""
        log_tokens = log_compute - self.curve.value(np, x)
        return log_loss(np, x, log_tokens, self._of(index)) + self.drift.each(index, x, log_tokens)[0]

    def slopes(
        self, x: np.ndarray, index: np.ndarray, log_compute: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """d ln L / d ln N, and its own derivative, the bend of the cost curve left out of it."""
        cost, rise = self.curve.value_and_slope(np, x)
        log_tokens = log_compute - cost
        law = self._law(self._of(index), x, log_tokens, rise)
        drift = self.drift.along(index, x, log_tokens, rise)
        return law.slope + drift[0], law.bend + drift[1]

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
            left = left[np.abs(x[left] - at) > TOLERANCE]
            if i == EASY:
                left = self._without_lost(x, left, start, index, log_compute, within)
            if not left.size:
                break
        return x

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

    def exponent(self, log_params: np.ndarray, log_compute: np.ndarray) -> np.ndarray:
        """d ln N* / d ln C at an optimum (chain, draw, budget), from the slope of ln L being 0 along it."""
        index = self.index(log_params.shape)
        cost, rise = self.curve.value_and_slope(np, log_params)
        log_tokens = log_compute - cost
        theta = self._of(index)
        law = self._law(theta, log_params, log_tokens, rise)
        drift = self.drift.along(index, log_params, log_tokens, rise)
        price = law.slope_of_tokens + self.drift.each(index, log_params, log_tokens)[2]
        along_params = law.bend + drift[1] - self.curve.bend(np, log_params) * price
        return np.asarray(-(law.turn + drift[2]) / along_params)

    def _of(self, index: np.ndarray) -> dict[str, Any]:
        return {name: value[index] if np.ndim(value) else value for name, value in self._theta.items()}


class _Law(NamedTuple):
    """Derivatives of the law's ln L along a budget in ln N, the cost curve taken as straight.

    Attributes
    ----------
    slope, bend : ndarray
        First and second.
    turn : ndarray
        Of the slope with ln C.
    slope_of_tokens : ndarray
        d ln L / d ln D.
    """

    slope: np.ndarray
    bend: np.ndarray
    turn: np.ndarray
    slope_of_tokens: np.ndarray


def _law(theta: Mapping[str, Any], x: np.ndarray, log_tokens: np.ndarray, rise: np.ndarray) -> _Law:
    """From the shares of the terms in the sum and of the sum in the loss."""
    of_params = theta["log_A"] - theta["alpha"] * x
    inner = np.logaddexp(of_params, theta["log_B"] - theta["beta"] * log_tokens)
    part = 1 / (1 + np.exp(theta["log_E"] - theta["gamma"] * inner))
    share = np.exp(of_params - inner)
    outer = theta["gamma"] * part
    curved = theta["gamma"] * (1 - part)
    mixed = share * (1 - share)
    rate = theta["alpha"] + rise * theta["beta"]
    of_tokens = -(1 - share) * theta["beta"]
    along = -rise * of_tokens - share * theta["alpha"]
    return _Law(
        outer * along,
        outer * (curved * along**2 + mixed * rate**2),
        outer * (curved * along * of_tokens - mixed * rate * theta["beta"]),
        outer * of_tokens,
    )


def effective_law(theta: Mapping[str, Any], x: np.ndarray, log_tokens: np.ndarray, rise: np.ndarray) -> _Law:
    """The same for a law whose terms see effective sizes."""
    at = path(theta, x, log_tokens, rise)
    of_params = theta["log_A"] - theta["alpha"] * at.params
    inner = np.logaddexp(of_params, theta["log_B"] - theta["beta"] * at.tokens)
    part = 1 / (1 + np.exp(theta["log_E"] - theta["gamma"] * inner))
    share = np.exp(of_params - inner)
    outer = theta["gamma"] * part
    curved = theta["gamma"] * (1 - part)
    mixed = share * (1 - share)
    gain = theta["alpha"] * np.exp(at.log_slope)
    price = theta["beta"] * np.exp(at.log_price)
    rate = gain + at.tokens_fall * price
    of_tokens = -(1 - share) * price
    along = -at.tokens_fall * of_tokens - share * gain
    bent = of_tokens * at.tokens_curve - share * gain * at.curve
    found = _Law(
        outer * along,
        outer * (curved * along**2 + mixed * rate**2 + bent),
        outer * (curved * along * of_tokens - mixed * rate * price + of_tokens * at.tokens_turn),
        outer * of_tokens,
    )
    if "overfit" not in theta:
        return found
    share = np.exp(log_overfit(np, x, log_tokens, theta) - log_loss(np, x, log_tokens, theta))
    return _Law(*with_overfit(found, share, theta, log_tokens, rise))
