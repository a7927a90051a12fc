"""Two recipes by the losses of their runs: the noise of a run, and where the expected losses lie.

ln L of each run is a Student-t round its recipe's location, which may lie anywhere (flat prior). Degrees of
freedom and scale are the same for both recipes. They lie on nodes, which carry the draws of a fit: the scale
is the fit's residual scale times e^u, with u normal round 0. What the runs say of the scale weighs the nodes,
and at each node the locations are integrated over one grid of ln L.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaln, ndtr

from bayes_scaling.models.density import student_t, total_scale

SPREAD = 0.5  # sd of u: scatter between seeds is within a factor of 2.3 of the residual scale, with 90%
CONFIDENT = 0.95  # probability at which a difference is taken as settled
MOST_SEEDS = 100  # of each recipe, beyond which none are counted

_TURNS = np.linspace(-8.0, 8.0, 161)  # of u, in its sd: wide, for runs may scatter far more than the fit's
_SCALE_STEP = 0.1  # of ln scale between nodes
_NU_STEP = 0.25  # of ln nu between nodes
_CENTRES = 12  # losses round which the grid is close, at most
_OFFSETS = np.sinh(
    np.linspace(-np.arcsinh(1e3), np.arcsinh(1e3), 153)
)  # from each centre, in scales of a mean


@dataclass(frozen=True)
class Noise:
    """Nodes of the noise of one run, and how likely each is.

    Attributes
    ----------
    scale : ndarray (node,)
        Of ln L, without a known measurement error.
    nu : ndarray (node,)
        Degrees of freedom.
    weight : ndarray (node,)
        Probabilities; their sum is 1.
    """

    scale: np.ndarray
    nu: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class Replicates:
    """The runs of one recipe.

    Attributes
    ----------
    log_loss : ndarray (replicate,)
        ln of nats per token.
    known : ndarray (replicate,)
        Known standard deviation of ln L, 0 for none.
    """

    log_loss: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class Locations:
    """Where two recipes lie, at each node.

    Attributes
    ----------
    grid : ndarray (node, point)
        ln L, ascending.
    first, second : ndarray (node, cell)
        Probability between two neighbours of the grid.
    log_likelihood : ndarray (node,)
        Of all runs, the locations integrated out, up to a constant.
    """

    grid: np.ndarray
    first: np.ndarray
    second: np.ndarray
    log_likelihood: np.ndarray


def prior_noise(sigma: np.ndarray, nu: np.ndarray, spread: float = SPREAD) -> Noise:
    """The noise of a run as a fit knows it.

    Parameters
    ----------
    sigma : ndarray (draw,)
        Residual scale of ln L.
    nu : ndarray (draw,)
        Degrees of freedom.
    spread : float
        Standard deviation of u, in ln scale; 0 takes the residual scale as it is.

    Returns
    -------
    Noise
        Each draw and u shared between the four nodes round it.
    """
    turn_weight = np.exp(-0.5 * _TURNS**2)
    log_scale = np.log(sigma)[:, None] + spread * _TURNS
    scales, row, down = _between(log_scale, _SCALE_STEP)
    nus, column, across = _between(np.log(nu)[:, None], _NU_STEP)
    weight = np.zeros(len(scales) * len(nus))
    for i, row_share in ((row, 1 - down), (row + 1, down)):
        for j, column_share in ((column, 1 - across), (column + 1, across)):
            share = row_share * column_share * turn_weight
            weight += np.bincount((i * len(nus) + j).ravel(), share.ravel(), len(weight))
    used = weight > 0
    scale = np.repeat(np.exp(scales), len(nus))[used]
    return Noise(scale, np.tile(np.exp(nus), len(scales))[used], weight[used] / weight.sum())


def _between(values: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Even nodes over some values, the node below each value, and how far it is to the next one, 0 to 1."""
    low = values.min()
    count = int((values.max() - low) / step) + 2
    place = (values - low) / step
    below = np.minimum(place.astype(int), count - 2)
    return low + step * np.arange(count), below, place - below


def locate(first: Replicates, second: Replicates, noise: Noise) -> Locations:
    """Where the two recipes lie, at each node of the noise.

    Parameters
    ----------
    first, second : Replicates
    noise : Noise

    Returns
    -------
    Locations
    """
    grid = _grid(first, second, noise)
    one, log_one = _located(first, noise, grid)
    other, log_other = _located(second, noise, grid)
    return Locations(grid, one, other, log_one + log_other)


def _grid(first: Replicates, second: Replicates, noise: Noise) -> np.ndarray:
    """Points (node, point) close together round the runs and far beyond them."""
    runs = np.unique(np.concatenate([first.log_loss, second.log_loss]))
    centres = np.quantile(runs, np.linspace(0, 1, min(len(runs), _CENTRES)))
    known = np.concatenate([first.known, second.known]).mean()
    most = max(len(first.log_loss), len(second.log_loss))
    scale = total_scale(np, noise.scale, known) / np.sqrt(most)
    points = centres[:, None] + scale[:, None, None] * _OFFSETS
    return np.sort(points.reshape(len(scale), -1), axis=-1)


def _located(runs: Replicates, noise: Noise, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability of each cell (node, cell) and ln of what the runs' density integrates to (node,)."""
    nu = noise.nu[:, None]
    log_density = np.zeros_like(grid)
    for log_loss, known in zip(runs.log_loss, runs.known, strict=True):
        scale = total_scale(np, noise.scale, known)[:, None]
        log_density += student_t(np, log_loss, grid, scale, nu, gammaln)
    peak = log_density.max(axis=-1, keepdims=True)
    density = np.exp(log_density - peak)
    cells = 0.5 * (density[:, 1:] + density[:, :-1]) * np.diff(grid, axis=-1)
    total = cells.sum(axis=-1, keepdims=True)
    return cells / total, (np.log(total) + peak)[:, 0]


def learnt_noise(noise: Noise, found: Locations) -> Noise:
    """The noise after the runs: its nodes weighed by how likely they make the runs."""
    log_weight = np.log(noise.weight) + found.log_likelihood
    weight = np.exp(log_weight - log_weight.max())
    return replace(noise, weight=weight / weight.sum())


def probability_lower(noise: Noise, found: Locations) -> float:
    """The probability that the second location is below the first."""
    below = np.cumsum(found.second, axis=-1) - 0.5 * found.second
    at_node = (found.first * below).sum(axis=-1)
    return float(noise.weight @ at_node)


def draw_locations(
    noise: Noise, found: Locations, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joint draws of both locations and of the scale, (draw,) each.

    Parameters
    ----------
    noise : Noise
        After the runs.
    found : Locations
    count : int
    rng : Generator

    Returns
    -------
    tuple of ndarray
        ln L of the first and of the second recipe, and the scale of ln L of a run.
    """
    place = (np.arange(count) + rng.uniform()) / count
    of_draw = np.searchsorted(np.cumsum(noise.weight), place).clip(max=len(noise.weight) - 1)
    first = np.empty(count)
    second = np.empty(count)
    for node in np.unique(of_draw):
        here = of_draw == node
        first[here] = _inverted(found.grid[node], found.first[node], rng.uniform(size=here.sum()))
        second[here] = _inverted(found.grid[node], found.second[node], rng.uniform(size=here.sum()))
    within = np.exp(_SCALE_STEP * rng.uniform(-0.5, 0.5, count))  # a node stands for its neighbourhood
    scale = noise.scale[of_draw] * within
    mixed = rng.permutation(count)
    return first[mixed], second[mixed], scale[mixed]


def _inverted(grid: np.ndarray, cells: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Points of the grid below which the levels lie."""
    return np.interp(levels, np.concatenate([[0.0], np.cumsum(cells)]), grid)


def further_seeds(
    noise: Noise, probability: float, difference: float, counts: tuple[int, int], known: float = 0.0
) -> float:
    """How many more runs of each recipe settle which is lower, if they differ as stated.

    A location known from n runs is taken as normal, with the information of n Student-t residuals.

    Parameters
    ----------
    noise : Noise
        After the runs.
    probability : float
        That one of them is lower, as it is now.
    difference : float
        Of ln L.
    counts : tuple of int
        Runs of each that there are.
    known : float
        Known standard deviation of ln L.

    Returns
    -------
    float
        0 where it is settled; infinite where more than `MOST_SEEDS` of each would be needed.
    """
    if max(probability, 1 - probability) >= CONFIDENT:
        return 0.0
    more = np.arange(1, MOST_SEEDS + 1)
    runs = 1 / (1 / (counts[0] + more) + 1 / (counts[1] + more))
    of_one_run = total_scale(np, noise.scale, known) * np.sqrt((noise.nu + 3) / (noise.nu + 1))
    standard = abs(difference) / of_one_run[:, None] * np.sqrt(runs)
    enough = noise.weight @ ndtr(standard) >= CONFIDENT
    return float(more[enough][0]) if enough.any() else np.inf
