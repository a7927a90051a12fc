"""The law's structural misfit: walks of its exponents, away from the runs.

For each architecture, with n and d the logs of params and tokens from the centre of the runs, t their
compute (n + d) / root 2, and c = log_4(T / reference) of the context length,

    ln L = ln(E + S^gamma e^h) + w_r((d - n) / root 2) + w_t(t) + c w_c(t) + e_n(n) + e_d(d) + e_t(t)
    S = A N^-alpha + B D^-beta,   h = gamma (s u(n) + (1 - s) v(d)),   s = A N^-alpha / S

u and v let the two terms' own exponents change: each is added to the log of its term, by that term's share in
the sum, so that what is added to ln S is straight in both, and E stays a floor. The w are what no such law
can do; c w_c is how that changes with the context length, which pays off with compute only. Each walk starts
with value and slope 0 at the centre. Its second derivative, the turn, is normal at knots `STEP` e-folds apart
and runs straight between them, so that the slope makes a random walk without a kink. How much it turns per
root e-fold, a scale for each walk, is learnt from the runs.

Beyond the largest params, tokens and compute of an architecture's runs the loss turns by `EDGE` more along
each: nothing that happens among the runs tells how the first run beyond them differs. e_n, e_d and e_t are 0
before, start there, and have their knots `FINER` times as close.
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
EDGE = 0.014  # per root e-fold
FINER = 3.0  # knots beyond an edge are so many times as close: they reach 2.4 decades


class Walk(NamedTuple):
    """One walk: its name, its coordinate in n and d, what it is added to, and whether c multiplies it.

    One of an ``edge`` starts at the largest coordinate of an architecture's runs, the others at the centre.
    """

    name: str
    along: tuple[float, float]
    target: int
    by_context: bool = False
    edge: bool = False


TARGETS = 3
PARAMS_TERM, TOKENS_TERM, LOSS = range(TARGETS)  # the order of `Shifts`
WALKS = (
    Walk("params_term", (1.0, 0.0), PARAMS_TERM),
    Walk("tokens_term", (0.0, 1.0), TOKENS_TERM),
    Walk("ratio", (-HALF, HALF), LOSS),
    Walk("compute", (HALF, HALF), LOSS),
    Walk("context", (HALF, HALF), LOSS, by_context=True),
    Walk("edge_params", (FINER, 0.0), LOSS, edge=True),
    Walk("edge_tokens", (0.0, FINER), LOSS, edge=True),
    Walk("edge_compute", (FINER * HALF, FINER * HALF), LOSS, edge=True),
)
WALK_NAMES = tuple(walk.name for walk in WALKS)
LEARNT = tuple(i for i, walk in enumerate(WALKS) if not walk.edge)  # each has a scale
PLAIN = tuple(i for i, walk in enumerate(WALKS) if not walk.by_context)  # those of one context length
NUMBERS = np.arange(-KNOTS, KNOTS + 1)


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


def coordinates(log_params: Array, log_tokens: Array) -> Array:
    """Coordinates (..., walk) of relative ln params and ln tokens."""
    return np.stack([w.along[0] * log_params + w.along[1] * log_tokens for w in WALKS], axis=-1)


def origins(log_params: np.ndarray, log_tokens: np.ndarray) -> np.ndarray:
    """Coordinate (walk,) at which each walk starts, from an architecture's runs at relative logs."""
    largest = coordinates(log_params, log_tokens).reshape(-1, len(WALKS)).max(0)
    return np.where([walk.edge for walk in WALKS], largest, 0.0)


def in_context(weights: np.ndarray, context: float) -> np.ndarray:
    """Weights (..., plain walk, knot) at c, of all weights (..., walk, knot)."""
    found = weights[..., PLAIN, :]
    for i, walk in enumerate(WALKS):
        if walk.by_context:
            partner = [WALKS[j][1:3] for j in PLAIN].index(walk[1:3])
            found[..., partner, :] += np.asarray(context, found.dtype) * weights[..., i, :]
    return found


def knot_values(
    log_params: np.ndarray,
    log_tokens: np.ndarray,
    knots: np.ndarray,
    context: np.ndarray | float = 0.0,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """What a weight of 1 (of the slope, per root e-fold) at each knot adds to its walk.

    Parameters
    ----------
    log_params, log_tokens : ndarray (...)
        Relative to the centre.
    knots : ndarray of int (knot, 2)
        Walk and number of each; numbers count from where the walk starts.
    context : ndarray (...)
        c, which multiplies the walks that go by it.
    start : ndarray (walk,), optional
        `origins`; by default all start at the centre.

    Returns
    -------
    ndarray (..., knot)
    """
    walk, number = knots.T
    t = _from_start(log_params, log_tokens, start)[..., walk] / STEP
    value = _twice(t - number) - _twice(-number) - t * _once(-number)
    by_context = np.array([walk.by_context for walk in WALKS])[walk]
    factor = np.where(by_context, np.asarray(context)[..., None], 1.0)
    return np.asarray(STEP**1.5 * factor * value)  # a turn of 1 / sqrt(STEP), integrated twice over STEP


def _from_start(log_params: np.ndarray, log_tokens: np.ndarray, start: np.ndarray | None) -> np.ndarray:
    found = coordinates(log_params, log_tokens)
    return np.asarray(found if start is None else found - start)


def _once(t: np.ndarray) -> np.ndarray:
    """The integral up to t of a hat of height 1 from -1 to 1."""
    return 0.5 * (_above(t + 1) ** 2 - 2 * _above(t) ** 2 + _above(t - 1) ** 2)


def _twice(t: np.ndarray) -> np.ndarray:
    """The integral of that."""
    return (_above(t + 1) ** 3 - 2 * _above(t) ** 3 + _above(t - 1) ** 3) / 6


def _above(t: np.ndarray) -> np.ndarray:
    return np.maximum(t, 0.0)


def knots_reached(
    log_params: np.ndarray,
    log_tokens: np.ndarray,
    walks: Sequence[int],
    start: np.ndarray | None = None,
) -> np.ndarray:
    """The knots (knot, 2) of some walks that any of the points, at relative logs, sees."""
    x = _from_start(log_params, log_tokens, start).reshape(-1, len(WALKS))
    low = np.minimum(x.min(0), 0.0)
    high = np.maximum(x.max(0), 0.0)
    first = np.maximum(np.floor(low / STEP), -KNOTS).astype(int)
    last = np.minimum(np.ceil(high / STEP), KNOTS).astype(int)
    seen = [i for i in walks if high[i] > low[i]]
    return np.array([(i, k) for i in seen for k in range(first[i], last[i] + 1)], dtype=int).reshape(-1, 2)


def knot_scales(scales: np.ndarray) -> np.ndarray:
    """Prior standard deviations (..., walk, knot) of all weights, from the scales (..., learnt).

    Past an edge they are `EDGE`, in the coordinate of its walk; before it 0.
    """
    found = np.zeros((*scales.shape[:-1], len(WALKS), len(NUMBERS)))
    found[..., LEARNT, :] = scales[..., None]
    edges = [walk.edge for walk in WALKS]
    found[..., edges, :] = EDGE / FINER**1.5 * (NUMBERS > 0)
    return found


def all_knots(
    knots: np.ndarray, reached: np.ndarray, scales: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Weights (..., walk, knot) of all knots, from those reached; the others are the prior's.

    Parameters
    ----------
    knots : ndarray of int (knot, 2)
        Those reached.
    reached : ndarray (..., knot)
    scales : ndarray (..., learnt)
        Of the learnt walks; broadcasts with ``reached`` but for the last axis.
    """
    full = rng.standard_normal((*reached.shape[:-1], len(WALKS), len(NUMBERS))) * knot_scales(scales)
    walk, number = knots.T
    full[..., walk, number + KNOTS] = reached
    return full
