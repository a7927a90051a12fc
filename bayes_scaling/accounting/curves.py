"""ln f as a function of ln N: a piecewise cubic, evaluated in any array namespace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy

from bayes_scaling.accounting.shapes import AccountingError

Array = Any
LOG_RANGE = (np.log(1e3), np.log(1e18))
SPACING = 0.0125
TOLERANCE = 1e-10


@dataclass(frozen=True, eq=False)
class LogCurve:
    """A C1 (spline: C2) curve through knots, straight beyond them with the end slopes.

    Attributes
    ----------
    knots : array (n,)
        Increasing ln N.
    coefficients : array (4, n - 1)
        Of each piece, the cubic's first, in powers of the distance from its left knot.
    """

    knots: np.ndarray
    coefficients: np.ndarray

    def value(self, xp: Any, x: Array) -> Array:
        """ln f at ln N."""
        return self.value_and_slope(xp, x)[0]

    def value_and_slope(self, xp: Any, x: Array) -> tuple[Array, Array]:
        """ln f and d ln f / d ln N at ln N, for the price of one look-up."""
        beyond, distance, c = self._piece(xp, x)
        inside = ((c[0] * distance + c[1]) * distance + c[2]) * distance + c[3]
        slope = self._slope(distance, c)
        return inside + beyond * slope, slope

    def slope(self, xp: Any, x: Array) -> Array:
        """d ln f / d ln N at ln N, the exact derivative of `value`."""
        _, distance, c = self._piece(xp, x)
        return self._slope(distance, c)

    def bend(self, xp: Any, x: Array) -> Array:
        """d^2 ln f / d (ln N)^2 at ln N; 0 beyond the knots."""
        beyond, distance, c = self._piece(xp, x)
        return xp.where(beyond == 0, 6 * c[0] * distance + 2 * c[1], 0.0)

    def times(self, factor: float) -> LogCurve:
        """The curve of so many times f."""
        if factor == 1:
            return self
        *higher, level = self.coefficients
        return LogCurve(self.knots, np.array([*higher, level + np.log(factor)]))

    @staticmethod
    def _slope(distance: Array, c: Array) -> Array:
        return (3 * c[0] * distance + 2 * c[1]) * distance + c[2]

    def _piece(self, xp: Any, x: Array) -> tuple[Array, Array, Array]:
        knots = xp.asarray(self.knots)
        table = xp.asarray(self.coefficients)
        inside = xp.clip(x, self.knots[0], self.knots[-1])
        index = xp.clip(self._index(xp, inside), 0, len(self.knots) - 2)
        return x - inside, inside - knots[index], table[:, index]

    def _index(self, xp: Any, inside: Array) -> Array:
        """The piece; at a knot either one gives the same value."""
        if self._spacing is None:
            return xp.searchsorted(xp.asarray(self.knots), inside, side="right") - 1
        steps = (inside - self.knots[0]) / self._spacing
        return xp.asarray(xp.where(xp.isnan(steps), 0.0, steps), dtype=int)

    @cached_property
    def _spacing(self) -> float | None:
        """Between knots, None where they are not evenly spaced."""
        steps = np.diff(self.knots)
        return float(steps.mean()) if np.ptp(steps) < 1e-9 * steps.mean() else None


def straight(slope: float, intercept: float) -> LogCurve:
    """The line ln f = intercept + slope ln N."""
    return LogCurve(np.array([0.0, 1.0]), np.array([[0.0], [0.0], [slope], [intercept]]))


def spline_curve(name: str, log_flops: Callable[[np.ndarray], np.ndarray]) -> LogCurve:
    """A dense cubic spline of ``log_flops`` over ln N from 1e3 to 1e18 params, knots 0.0125 apart.

    Midway between knots it is compared with the function itself and must agree to 1e-10.

    Parameters
    ----------
    name : str
        For messages.
    log_flops : callable
        ln f of an array of ln N, without jumps or kinks.

    Raises
    ------
    AccountingError
        FLOPs that are not positive and finite, fall with N, or are not smooth.
    """
    low, high = LOG_RANGE
    count = int(np.ceil((high - low) / SPACING)) + 1
    knots = np.linspace(low, high, count)
    values = np.asarray(log_flops(knots), dtype=float) + np.zeros(count)
    _check(name, "are not positive and finite", np.isfinite(values), knots)
    _check(name, "fall with params", np.diff(values) >= 0, knots)
    spline = scipy.interpolate.CubicSpline(knots, values)
    middles = (knots[1:] + knots[:-1]) / 2
    gap = np.abs(spline(middles) - log_flops(middles))
    _check(name, "jump or bend (give an unrounded function)", gap < TOLERANCE, middles)
    return LogCurve(knots, np.asarray(spline.c))


def _check(name: str, problem: str, good: np.ndarray, log_params: np.ndarray) -> None:
    if not good.all():
        place = np.exp(log_params[int(np.argmin(good))])
        raise AccountingError(f"FLOPs per token of {name} {problem} at {place:.3g} params")
