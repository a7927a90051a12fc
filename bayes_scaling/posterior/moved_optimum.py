"""Does the discrepancy move the optimum: the default beside the law alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayes_scaling.posterior.group_optima import group_optima
from bayes_scaling.posterior.law_alone import law_alone
from bayes_scaling.posterior.posterior import Posterior

ENDS = (0.05, 0.5, 0.95)
APART = 1.0  # widths of the wider interval


def gap(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """How far two estimators are apart, in widths of the wider of their intervals.

    Parameters
    ----------
    ours, theirs : ndarray (3, ...)
        5%, median and 95% of each.

    Returns
    -------
    ndarray (...)
        Distance of the logs of the medians over the larger of the two half intervals between them: above 1
        each median lies outside the other's 90% interval.
    """
    low, middle, high = np.log(ours)
    other_low, other, other_high = np.log(theirs)
    up = other > middle
    half = np.where(up, high - middle, middle - low)
    other_half = np.where(up, other - other_low, other_high - other)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.abs(other - middle) / np.fmax(half, other_half)
    return np.asarray(np.where(other == middle, 0.0, apart))


@dataclass(frozen=True)
class Moved:
    """How far the discrepancy moves the optimal params of a group.

    Attributes
    ----------
    gap : float
        In widths of the wider interval; see `gap`.
    where : str
    ours, alone : tuple of float
        5%, median and 95% of the optimal params.
    """

    gap: float
    where: str
    ours: tuple[float, ...]
    alone: tuple[float, ...]


def moved_optimum(fit: Posterior) -> Moved | None:
    """The group and budget at which the discrepancy moves the optimal params most.

    At the most compute of each group's runs and ten times that, by the draws of the law alone that the fit
    keeps; see `bayes_scaling.posterior.law_alone`.

    Returns
    -------
    Moved or None
        None where there is no discrepancy, or no law alone.

    Raises
    ------
    BayesScalingError
        The law alone cannot be fitted, or a draw has no optimum.
    """
    if fit.spec.discrepancy == "none":
        return None
    alone = law_alone(fit)
    if alone is None:
        return None
    both = [_optima(one, fit) for one in (fit, alone)]
    rows = [
        Moved(float(gap(ours, both[1][where])), where, tuple(ours.tolist()), tuple(both[1][where].tolist()))
        for where, ours in both[0].items()
    ]
    return max(rows, key=lambda row: row.gap)


def _optima(fit: Posterior, asked: Posterior) -> dict[str, np.ndarray]:
    """Quantiles (3,) of the optimal params by group and budget of another fit's runs."""
    found: dict[str, np.ndarray] = {}
    for group in group_optima(fit, asked):
        quantiles = np.quantile(np.exp(group.log_params), ENDS, axis=(0, 1))
        found |= dict(zip(group.where, quantiles.T, strict=True))
    return found
