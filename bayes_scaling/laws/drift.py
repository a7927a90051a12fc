"""The law's structural misfit: walks of its exponents, away from the runs.

For each architecture, with n and d the logs of params and tokens from the centre of the runs,

    ln L = ln(E + S^gamma e^h) + w_r((d - n) / root 2) + w_c((n + d) / root 2) + e_n(n) + e_d(d)
    S = A N^-alpha + B D^-beta,   h = gamma (s u(n) + (1 - s) v(d)),   s = A N^-alpha / S

u and v let the two terms' own exponents change: each is added to the log of its term, by that term's share in
the sum, so that what is added to ln S is straight in both, and E stays a floor. The w are what no such law
can do. Each walk starts with value and slope 0 at the centre. Its second derivative, the turn, is normal at
knots `STEP` e-folds apart and runs straight between them, so that the slope makes a random walk without a
kink. How much it turns per root e-fold, a scale for each walk, is learnt from the runs.

Beyond the largest params, tokens and compute of an architecture's runs the loss itself turns by `EDGE` more
along each: nothing that happens among the runs tells how the first run beyond them differs. e_n and e_d are
0 before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from bayes_scaling.laws.law import log_loss

Array = Any
HALF = float(np.sqrt(0.5))
STEP = 1.2  # e-folds between knots
KNOTS = 14  # on each side: 7 decades; beyond, the slope stays
EDGE = 0.009  # per root e-fold


class Walk(NamedTuple):
    """One walk: its name, its coordinate in n and d, and what it is added to."""

    name: str
    along: tuple[float, float]
    target: int


class Shifts(NamedTuple):
    """What the walks add: to the log of the params term, to that of the tokens term, and to ln L."""

    params_term: Array
    tokens_term: Array
    loss: Array


def drifted_log_loss(
    xp: Any, log_params: Array, log_tokens: Array, theta: Mapping[str, Array], shifts: Shifts | None
) -> Array:
    """`log_loss` with what the walks add; the law's own for None."""
    if shifts is None:
        return log_loss(xp, log_params, log_tokens, theta)
    walks = {"params_walk": shifts.params_term, "tokens_walk": shifts.tokens_term}
    return log_loss(xp, log_params, log_tokens, {**theta, **walks}) + shifts.loss


WALKS = (
    Walk("params_term", (1.0, 0.0), 0),
    Walk("tokens_term", (0.0, 1.0), 1),
    Walk("params", (1.0, 0.0), 2),
    Walk("tokens", (0.0, 1.0), 2),
    Walk("ratio", (-HALF, HALF), 2),
    Walk("compute", (HALF, HALF), 2),
)
WALK_NAMES = tuple(walk.name for walk in WALKS)
SCALED = tuple(i for i, name in enumerate(WALK_NAMES) if name not in ("params", "tokens"))  # learnt ones
WIDER = tuple(WALK_NAMES.index(name) for name in ("params", "tokens", "compute"))  # beyond the edge
NUMBERS = np.arange(-KNOTS, KNOTS + 1)


def coordinates(log_params: Array, log_tokens: Array) -> Array:
    """Coordinates (..., walk) of relative ln params and ln tokens."""
    return np.stack([u * log_params + v * log_tokens for _, (u, v), _ in WALKS], axis=-1)


def knot_values(log_params: np.ndarray, log_tokens: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """What a weight of 1 (of the slope, per root e-fold) at each knot adds to its walk.

    Parameters
    ----------
    log_params, log_tokens : ndarray (...)
        Relative to the centre.
    knots : ndarray of int (knot, 2)
        Walk and number of each; numbers count from the centre.

    Returns
    -------
    ndarray (..., knot)
    """
    walk, number = knots.T
    t = coordinates(log_params, log_tokens)[..., walk] / STEP
    value = _twice(t - number) - _twice(-number) - t * _once(-number)
    return np.asarray(STEP**1.5 * value)  # a turn of 1 / sqrt(STEP), integrated twice over STEP


def _once(t: np.ndarray) -> np.ndarray:
    """The integral up to t of a hat of height 1 from -1 to 1."""
    return 0.5 * (_above(t + 1) ** 2 - 2 * _above(t) ** 2 + _above(t - 1) ** 2)


def _twice(t: np.ndarray) -> np.ndarray:
    """The integral of that."""
    return (_above(t + 1) ** 3 - 2 * _above(t) ** 3 + _above(t - 1) ** 3) / 6


def _above(t: np.ndarray) -> np.ndarray:
    return np.maximum(t, 0.0)


def knots_reached(
    log_params: np.ndarray, log_tokens: np.ndarray, walks: Sequence[int] = SCALED
) -> np.ndarray:
    """The knots (knot, 2) of some walks that any of the points, at relative logs, sees."""
    first, last = _ends(log_params, log_tokens)
    return np.array(
        [(i, k) for i in walks for k in range(first[i], last[i] + 1)], dtype=int
    ).reshape(-1, 2)


def _ends(log_params: np.ndarray, log_tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last knot of each walk that runs see; the last before the first where they see none."""
    x = coordinates(log_params, log_tokens).reshape(-1, len(WALKS))
    low = np.minimum(x.min(0), 0.0)
    high = np.maximum(x.max(0), 0.0)
    first = np.maximum(np.floor(low / STEP), -KNOTS).astype(int)
    last = np.minimum(np.ceil(high / STEP), KNOTS).astype(int)
    return first, np.where(high > low, last, first - 1)


def beyond_edge(log_params: np.ndarray, log_tokens: np.ndarray) -> np.ndarray:
    """Which knots (walk, knot) lie past the largest of the runs, in walks that turn more there."""
    _, last = _ends(log_params, log_tokens)
    past = last[:, None] < NUMBERS
    wider = np.isin(np.arange(len(WALKS)), WIDER)
    return np.asarray(wider[:, None] & past & (NUMBERS > 0))


def all_knots(
    knots: np.ndarray, reached: np.ndarray, scales: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Weights (..., walk, knot) of all knots, from those reached; the others are the prior's.

    Parameters
    ----------
    knots : ndarray of int (knot, 2)
        Those reached.
    reached : ndarray (..., knot)
    scales : ndarray (..., walk)
        Of all walks, 0 for those that turn beyond the edge only; broadcasts with ``reached`` but for the last
        axis.
    """
    full = rng.standard_normal((*reached.shape[:-1], len(WALKS), len(NUMBERS))) * scales[..., None]
    walk, number = knots.T
    full[..., walk, number + KNOTS] = reached
    return full


def widened(weights: np.ndarray, beyond: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Weights (..., walk, knot) that turn by `EDGE` more where ``beyond`` (broadcast) says so."""
    return np.asarray(weights + EDGE * beyond * rng.standard_normal(weights.shape))
