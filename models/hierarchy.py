"""The hierarchy over groups, with its means, effects, slopes and scales integrated out.

A coefficient z over the groups (architecture a, context length T) is

    z = mean + effect_a + (slope + slope_a) c + deviation_a(c),   c = log_4(T / reference)

with normal parts, the deviation a smooth function of c (Matern 3/2, length scale a factor of 4), so
that given the two scales (between architectures, with context length) z is one multivariate normal.
Each scale has a log-normal prior, integrated over points on a grid, each with the mass that lies nearest to
it; the density of z is the mixture over their pairs. The points reach far up, for a posterior that stands at
the largest scale stands at a wall; and not far down, for a scale near zero leaves a spike in that density,
and groups that differ by less than the smallest scale are simply pinned by their data. They are the closer
the more groups there are to learn the scale from: points further apart than that would be modes.

With s, tau_a, tau_c the scales of the mean, between architectures and with context, the covariance of z is
s^2 1 1^T + tau_a^2 A + tau_c^2 C. One basis makes A and C diagonal, and what is left is of rank one, so that
a component costs as much as there are groups. Scales and unseen groups are drawn afterwards, exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy

from bayes_scaling.models.priors import Prior

LOWEST, HIGHEST = -0.7, 3.3  # of the points of a scale: standard deviations of its log from the median
CLOSE = 2.0  # their distance at most, in standard deviations, times the root of the number that teach it
AT_ONCE = 2_000_000  # numbers of all components and draws that NumPy holds at a time
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
    tau : ndarray (coefficient, component, 2)
        Groups differ by these standard deviations between architectures and with context length; the widest
        pair comes last.
    points : tuple of int
        They count the values of either; components run over the second faster.
    weight : ndarray (component,)
        Each component has this prior probability.
    rotation : ndarray (group, group)
        It takes deviations (..., group) to the basis in which both kernels are diagonal.
    common : ndarray (group,)
        The mean of all groups is this in that basis.
    mean_variance : ndarray (coefficient,)
        That mean has this prior variance.
    variance : ndarray (coefficient, component, group)
        The rest varies by this much there.
    """

    names: tuple[str, ...]
    mean: np.ndarray
    tau: np.ndarray
    points: tuple[int, int]
    weight: np.ndarray
    rotation: np.ndarray
    common: np.ndarray
    mean_variance: np.ndarray
    variance: np.ndarray

    @cached_property
    def information(self) -> np.ndarray:
        """Precision that a component's groups together give the mean of all: (coefficient, component)."""
        return np.asarray((self.common**2 / self.variance).sum(-1))

    @cached_property
    def pull(self) -> np.ndarray:
        """Weights by which they estimate it: (coefficient, component, group)."""
        return self.common / self.variance / np.where(self.information > 0, self.information, 1.0)[..., None]

    @cached_property
    def estimate_variance(self) -> np.ndarray:
        """Prior variance of that estimate: (coefficient, component)."""
        own = 1 / np.where(self.information > 0, self.information, 1.0)
        return own + self.mean_variance[:, None]

    @cached_property
    def log_weight(self) -> np.ndarray:
        """Log of a component's weight times its normalising constant: (coefficient, component)."""
        size = len(self.common)
        log_det = np.log(self.variance).sum(-1)
        log_det = log_det + np.log1p(self.mean_variance[:, None] * self.information)
        log_det = log_det - 2 * np.linalg.slogdet(self.rotation)[1]
        return np.asarray(np.log(self.weight) - 0.5 * log_det - 0.5 * size * np.log(2 * np.pi))

    @cached_property
    def covariance(self) -> np.ndarray:
        """The covariance of the groups: (coefficient, component, group, group)."""
        back = np.linalg.inv(self.rotation)
        rest = np.einsum("ji,ckj,jl->ckil", back, self.variance, back)
        ones = self.common @ back
        return rest + self.mean_variance[:, None, None, None] * np.outer(ones, ones)


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


def scale_points(group_scale: float, count: int) -> np.ndarray:
    """Values (point,) of a scale with median ``group_scale`` that is learnt from so many members."""
    return group_scale * np.exp(LOG_SPREAD * _grid(count))


def point_weights(count: int) -> np.ndarray:
    """Prior mass that lies nearest to each of those points: (point,)."""
    points = _grid(count)
    edges = 0.5 * (points[1:] + points[:-1])
    below = np.concatenate([[0.0], scipy.stats.norm.cdf(edges), [1.0]])
    return np.diff(below)


def _grid(count: int) -> np.ndarray:
    step = min(1.0, CLOSE / np.sqrt(count))
    return np.linspace(LOWEST, HIGHEST, int(np.ceil((HIGHEST - LOWEST) / step)) + 1)


def center(prior: Prior) -> float:
    """The prior's median on its own scale: log, logit, or as it is."""
    if prior.transform == "identity":
        return prior.median
    if prior.transform == "logit":
        return float(np.log(prior.median) - np.log1p(-prior.median))
    return float(np.log(prior.median))


def build_hierarchy(priors: Mapping[str, Prior], groups: Groups, pooling: str) -> Hierarchy:
    """The hierarchy of all coefficients under a pooling: partial, none (independent) or complete."""
    scale = np.array([prior.scale for prior in priors.values()])
    mean = np.array([center(prior) for prior in priors.values()])
    names = tuple(priors)
    if pooling != "partial":
        size = 1 if pooling == "complete" else len(groups)
        none = np.zeros((len(names), 1, 2))
        variance = np.broadcast_to(scale[:, None, None] ** 2, (len(names), 1, size))
        alone = np.ones(1), np.eye(size), np.zeros(size)
        return Hierarchy(names, mean, none, (1, 1), *alone, np.ones(len(names)), variance)
    architectures = len(set(groups.architecture))
    members = len(groups)
    scales = [prior.group_scale for prior in priors.values()]
    between = np.stack([scale_points(s, architectures) for s in scales])
    along = ALONG_CONTEXT * np.stack([scale_points(s, members) for s in scales])
    points = between.shape[1], along.shape[1]
    tau = np.stack([np.repeat(between, points[1], axis=1), np.tile(along, points[0])], axis=-1)
    weight = np.outer(point_weights(architectures), point_weights(members)).ravel()
    rotation, eigenvalue = _shared_basis(*kernels(groups))
    variance = tau[..., :1] ** 2 * eigenvalue + tau[..., 1:] ** 2
    common = np.ones(members) @ rotation
    return Hierarchy(names, mean, tau, points, weight, rotation, common, scale**2, variance)


def _shared_basis(architecture: np.ndarray, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A basis (group, basis) in which the context's kernel is 1 and the architecture's diagonal, and that."""
    lower = np.linalg.cholesky(context)
    half = np.linalg.solve(lower, architecture)
    eigenvalue, axes = np.linalg.eigh(np.linalg.solve(lower, half.T))
    return np.linalg.solve(lower.T, axes), np.maximum(eigenvalue, 0.0)


def log_prior(xp: Any, values: Array, hierarchy: Hierarchy) -> Array:
    """Log density of each coefficient: (..., coefficient, group) to (..., coefficient)."""
    if isinstance(values, np.ndarray) and values.ndim > 2:
        flat = values.reshape(-1, *values.shape[-2:])
        parts = np.array_split(flat, max(flat.size * len(hierarchy.weight) // AT_ONCE, 1))
        found = [_log_mixture(xp, part, hierarchy) for part in parts]
        return np.concatenate(found).reshape(values.shape[:-1])
    return _log_mixture(xp, values, hierarchy)


def _log_mixture(xp: Any, values: Array, hierarchy: Hierarchy) -> Array:
    turned = _turned(values, hierarchy)
    widest = -0.5 * _distance(turned, hierarchy, slice(-1, None))
    relative = hierarchy.log_weight - 0.5 * _distance(turned, hierarchy, slice(None)) - widest
    # Relative to the widest, and by half the range of the constants: nothing over- or underflows.
    half = 0.5 * (hierarchy.log_weight.max(-1, keepdims=True) + hierarchy.log_weight[:, -1:])
    total = xp.exp(relative - half).sum(-1)
    return widest.sum(-1) + half[:, 0] + xp.log(total)


def component_log_density(values: np.ndarray, hierarchy: Hierarchy) -> np.ndarray:
    """Log weight plus log density of each component, (..., coefficient, component)."""
    turned = _turned(values, hierarchy)
    found = np.empty((*values.shape[:-1], len(hierarchy.weight)))
    for i, variance in enumerate(hierarchy.variance):  # products of matrices: many draws, little memory
        estimate = turned[..., i, :] @ hierarchy.pull[i].T
        distance = turned[..., i, :] ** 2 @ (1 / variance).T
        gained = hierarchy.information[i] - (hierarchy.information[i] > 0) / hierarchy.estimate_variance[i]
        found[..., i, :] = hierarchy.log_weight[i] - 0.5 * (distance - gained * estimate**2)
    return found


def _turned(values: Array, hierarchy: Hierarchy) -> Array:
    """Deviations from the mean in the shared basis, (..., coefficient, group)."""
    deviation = values - hierarchy.mean[:, None]
    if isinstance(values, np.ndarray):
        return deviation @ hierarchy.rotation
    return (deviation[..., None, :] * hierarchy.rotation.T).sum(-1)


def _distance(turned: Array, hierarchy: Hierarchy, components: slice) -> Array:
    """Squared distance from the mean in the components' metrics, (..., coefficient, component).

    The groups' own mean is taken out first: their scatter round it, and its distance from the prior's.
    """
    groups = turned[..., None, :]
    estimate = (hierarchy.pull[:, components] * groups).sum(-1)
    scatter = groups - hierarchy.common * estimate[..., None]
    own = (scatter**2 / hierarchy.variance[:, components]).sum(-1)
    return own + estimate**2 / hierarchy.estimate_variance[:, components]
