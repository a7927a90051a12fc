"""Power laws y = A C^exponent by least squares in logs, with their standard errors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class PowerLaw(NamedTuple):
    """Fitted power laws, each field (...).

    Attributes
    ----------
    log_scale, exponent : ndarray
        ln A and the exponent.
    log_scale_se, exponent_se : ndarray
        Standard errors from the scatter of the points; NaN with fewer than three.
    points : ndarray
    """

    log_scale: np.ndarray
    exponent: np.ndarray
    log_scale_se: np.ndarray
    exponent_se: np.ndarray
    points: np.ndarray

    def at(self, compute: np.ndarray) -> np.ndarray:
        """A C^exponent, (..., compute)."""
        return np.exp(self.log_scale[..., None] + self.exponent[..., None] * np.log(compute))


def fit_power_law(compute: np.ndarray, values: np.ndarray) -> PowerLaw:
    """Unweighted least squares of ln y on ln C along the last axis; NaN points are left out.

    Parameters
    ----------
    compute : ndarray (point,)
    values : ndarray (..., point)
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        use = np.isfinite(values) & (values > 0)
        x = np.where(use, np.log(compute), 0.0)
        y = np.log(np.where(use, values, 1.0))
        n = use.sum(-1)
        x_mean = x.sum(-1) / n
        y_mean = y.sum(-1) / n
        dx = np.where(use, x - x_mean[..., None], 0.0)
        dy = np.where(use, y - y_mean[..., None], 0.0)
        spread = np.where(n > 1, (dx**2).sum(-1), np.nan)
        exponent = (dx * dy).sum(-1) / spread
        residual = ((dy - exponent[..., None] * dx) ** 2).sum(-1) / np.where(n > 2, n - 2, np.nan)
        exponent_se = np.sqrt(residual / spread)
        scale_se = np.sqrt(residual * (1 / n + x_mean**2 / spread))
    return PowerLaw(y_mean - exponent * x_mean, exponent, scale_se, exponent_se, n)
