"""The hierarchy over groups, with its means, effects, slopes and scales integrated out.

A coefficient z over the groups (architecture a, context length T) is

    z = mean + effect_a + (slope + slope_a) c + deviation_a(c),   c = log_4(T / reference)

with normal parts, the deviation a smooth function of c (Matern 3/2, length scale a factor of 4), so
that given the two scales (between architectures, with context length) z is one multivariate normal.
Each scale has a log-normal prior, integrated over `POINTS`: one standard deviation apart, each with the
mass that lies nearest to it. The density of z is the mixture over their pairs. The points reach far up, for
a posterior that stands at the largest scale stands at a wall; and not far down, for a scale near zero leaves
a spike in that density, and groups that differ by less than the smallest scale are simply pinned by their
data. Scales and unseen groups are drawn afterwards, exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from bayes_scaling.models.priors import Prior

POINTS = (-0.7, 0.3, 1.3, 2.3, 3.3)  # standard deviations of ln(scale) from its median
LOG_SPREAD = 0.7  # sd of the log of a scale
SLOPE_SHARED = 0.5  # of the context variance per factor 4 in T, the rest is per architecture
DEVIATION = 0.5  # sd of an architecture's deviation from its line over the context scale
ALONG_CONTEXT = 0.25  # context scales over architecture scales: data, tokeniser and recipe stay the same
Array = Any


@dataclass(frozen=True)
class Groups:
    """Groups in order: architecture name and context length of each, with the reference context."""

    architecture: tuple[str, ...]
    context_length: tuple[int, ...]
    reference_context: float

    def __len__(self) -> int:
        return len(self.architecture)

    def joined(self, other: Groups) -> Groups:
        """These groups followed by others."""
        return Groups(
            self.architecture + other.architecture,
            self.context_length + other.context_length,
            self.reference_context,
        )


@dataclass(frozen=True)
class Hierarchy:
    """Prior of each coefficient over the groups, on its log or logit scale.

    Attributes
    ----------
    names : tuple of str
        The coefficients.
    mean : ndarray (coefficient,)
    covariance : ndarray (coefficient, component, group, group)
    tau : ndarray (coefficient, component, 2)
        Standard deviation between architectures and with context length; the widest pair last.
    whiten : ndarray (coefficient, component, group, group)
        Inverse Cholesky factors of the covariances.
    weight : ndarray (component,)
        Prior probability of the component.
    log_weight : ndarray (coefficient, component)
        Log of the component's weight times its normalising constant.
    """

    names: tuple[str, ...]
    mean: np.ndarray
    covariance: np.ndarray
    tau: np.ndarray
    whiten: np.ndarray
    weight: np.ndarray
    log_weight: np.ndarray


def context_coordinate(groups: Groups) -> np.ndarray:
    """log_4 of context length over the reference, shape (group,)."""
    return np.log(np.asarray(groups.context_length) / groups.reference_context) / np.log(4.0)


def kernels(groups: Groups) -> tuple[np.ndarray, np.ndarray]:
    """Covariance per unit variance of the architecture part and of the context part, (group, group)."""
    same = _same_architecture(groups)
    c = context_coordinate(groups)
    slopes = np.outer(c, c) * (SLOPE_SHARED + (1 - SLOPE_SHARED) * same)
    return same, slopes + DEVIATION**2 * deviation_kernel(groups)


def deviation_kernel(groups: Groups) -> np.ndarray:
    """Covariance per unit variance of the deviations from the lines, (group, group)."""
    c = context_coordinate(groups)
    distance = np.sqrt(3.0) * np.abs(c[:, None] - c[None, :])
    return np.asarray(_same_architecture(groups) * (1 + distance) * np.exp(-distance))


def _same_architecture(groups: Groups) -> np.ndarray:
    names = np.asarray(groups.architecture)
    return (names[:, None] == names[None, :]).astype(float)


def scale_points(group_scale: float) -> np.ndarray:
    """Values of a scale whose log-normal prior has the median group_scale: (point,)."""
    return group_scale * np.exp(LOG_SPREAD * np.asarray(POINTS))


def point_weights() -> np.ndarray:
    """Prior mass that lies nearest to each of `POINTS`: (point,)."""
    points = np.asarray(POINTS)
    edges = 0.5 * (points[1:] + points[:-1])
    below = np.concatenate([[0.0], stats.norm.cdf(edges), [1.0]])
    return np.diff(below)


def center(prior: Prior) -> float:
    """The prior's median on its own scale: log, logit, or as it is."""
    if prior.transform == "identity":
        return prior.median
    if prior.transform == "logit":
        return float(np.log(prior.median) - np.log1p(-prior.median))
    return float(np.log(prior.median))


def build_hierarchy(priors: Mapping[str, Prior], groups: Groups, pooling: str) -> Hierarchy:
    """The hierarchy of all coefficients under a pooling: partial, none (independent) or complete."""
    scale = np.array([prior.scale for prior in priors.values()])[:, None, None, None]
    mean = np.array([center(prior) for prior in priors.values()])
    size = 1 if pooling == "complete" else len(groups)
    if pooling != "partial":
        alone = np.zeros((len(priors), 1, 2))
        return _finished(tuple(priors), mean, scale**2 * np.eye(size), alone, np.ones(1))
    points = np.stack([scale_points(prior.group_scale) for prior in priors.values()])
    between = np.repeat(points, len(POINTS), axis=1)
    along = ALONG_CONTEXT * np.tile(points, len(POINTS))
    tau = np.stack([between, along], axis=-1)
    parts = tau[..., None, None] ** 2 * np.stack(kernels(groups))
    weight = np.outer(point_weights(), point_weights()).ravel()
    return _finished(tuple(priors), mean, scale**2 + parts.sum(2), tau, weight)


def _finished(
    names: tuple[str, ...], mean: np.ndarray, covariance: np.ndarray, tau: np.ndarray, weight: np.ndarray
) -> Hierarchy:
    factor = np.linalg.cholesky(covariance)
    size = covariance.shape[-1]
    whiten = np.linalg.solve(factor, np.broadcast_to(np.eye(size), factor.shape))
    half_log_det = np.log(np.diagonal(factor, axis1=-2, axis2=-1)).sum(-1)
    log_weight = np.log(weight) - half_log_det - 0.5 * size * np.log(2 * np.pi)
    return Hierarchy(names, mean, covariance, tau, whiten, weight, log_weight)


def log_prior(xp: Any, values: Array, hierarchy: Hierarchy) -> Array:
    """Log density of each coefficient: (..., coefficient, group) to (..., coefficient)."""
    widest = -0.5 * _squares(values, hierarchy, hierarchy.whiten[:, -1:])
    relative = component_log_density(values, hierarchy) - widest  # to the widest: nothing underflows
    return widest.sum(-1) + xp.log(xp.exp(relative).sum(-1))


def component_log_density(values: Array, hierarchy: Hierarchy) -> Array:
    """Log weight plus log density of each component, (..., coefficient, component)."""
    return hierarchy.log_weight - 0.5 * _squares(values, hierarchy, hierarchy.whiten)


def _squares(values: Array, hierarchy: Hierarchy, whiten: np.ndarray) -> Array:
    """Squared distance from the mean in each component's metric, (..., coefficient, component)."""
    deviation = values - hierarchy.mean[:, None]
    if isinstance(values, np.ndarray):  # of many draws: one coefficient at a time bounds the memory
        scores = (np.tensordot(deviation[..., i, :], w, (-1, -1)) for i, w in enumerate(whiten))
        return np.stack([np.einsum("...kg,...kg->...k", s, s) for s in scores], axis=-2)
    return ((whiten * deviation[..., None, None, :]).sum(-1) ** 2).sum(-1)
