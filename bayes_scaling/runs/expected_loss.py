"""A quick robust fit of a law to some runs, to see which of them stand apart. No answer is read from it."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd

MOST_ROWS = 1000
EXPONENTS = (0.15, 0.25, 0.35, 0.5)
ROUNDS = 8
CORE = 4.0  # robust standard deviations from the median: where the fit starts
SUBSETS = tuple(chosen for size in (1, 2, 3) for chosen in combinations(range(3), size))


def expected_loss(frame: pd.DataFrame, among: np.ndarray | None = None) -> np.ndarray:
    """Losses by the law E + A N^-alpha + B D^-beta, fitted so that single rows have no say.

    Parameters
    ----------
    frame : DataFrame
        params, tokens and loss (nats) of runs that one law may describe.
    among : array of bool, shape (row,), optional
        The rows to fit; all of them by default.

    Returns
    -------
    array, shape (row,)
        In nats. Exponents come from a coarse grid, amplitudes are 0 or more; at most `MOST_ROWS` rows,
        evenly chosen, are fitted.
    """
    logs = np.log(frame[["params", "tokens", "loss"]].to_numpy(dtype=float))
    known = np.arange(len(logs)) if among is None else np.flatnonzero(among)
    centred = logs[:, :2] - np.median(logs[known, :2], axis=0)
    chosen = known[np.unique(np.linspace(0, len(known) - 1, min(len(known), MOST_ROWS)).astype(int))]
    start = _core(logs[chosen])
    fits = [
        _fit(_terms(centred[chosen], pair), logs[chosen, 2], start) for pair in product(EXPONENTS, EXPONENTS)
    ]
    best = min(range(len(fits)), key=lambda i: fits[i][0])
    pair = list(product(EXPONENTS, EXPONENTS))[best]
    return np.asarray(_terms(centred, pair) @ fits[best][1])


def _core(logs: np.ndarray) -> np.ndarray:
    """Weights of the start: rows near the middle in params, tokens and loss."""
    middle = np.median(logs, axis=0)
    spread = 1.4826 * np.median(np.abs(logs - middle), axis=0)
    near = np.abs(logs - middle) <= CORE * np.maximum(spread, 0.05)
    return np.asarray(near.all(axis=1), dtype=float)


def _terms(centred: np.ndarray, exponents: tuple[float, float]) -> np.ndarray:
    """Constant, params term and tokens term, 1 at the median sizes."""
    with np.errstate(over="ignore"):
        powers = np.exp(np.minimum(-centred * np.array(exponents), 50.0))
    return np.column_stack([np.ones(len(centred)), powers])


def _fit(terms: np.ndarray, log_loss: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """A bounded cost and the amplitudes: least squares, then weights that fall with the distance."""
    loss = np.exp(log_loss)
    scaled = terms / loss[:, None]
    amplitudes = _non_negative(scaled, weights)
    off = np.zeros_like(loss)
    for _ in range(ROUNDS):
        off = np.log(np.maximum(terms @ amplitudes, 1e-300)) - log_loss
        spread = max(1.4826 * float(np.median(np.abs(off))), 0.003)
        amplitudes = _non_negative(scaled, 1 / (1 + (off / (3 * spread)) ** 2) ** 2)
    off = np.log(np.maximum(terms @ amplitudes, 1e-300)) - log_loss
    return float(np.minimum(np.abs(off), 0.3).mean()), amplitudes


def _non_negative(scaled: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Amplitudes of 0 or more that bring ``scaled @ amplitudes`` closest to 1."""
    gram = scaled.T @ (scaled * weights[:, None])
    right = scaled.T @ weights
    best = np.zeros(3)
    lowest = np.inf
    for subset in SUBSETS:
        chosen = list(subset)
        part = gram[np.ix_(chosen, chosen)] + 1e-12 * np.eye(len(chosen)) * np.trace(gram)
        solution = (
            np.linalg.solve(part, right[chosen]) if np.all(np.isfinite(part)) else np.full(len(chosen), -1.0)
        )
        cost = float(solution @ gram[np.ix_(chosen, chosen)] @ solution - 2 * solution @ right[chosen])
        if (solution >= 0).all() and cost < lowest:
            lowest = cost
            best = np.zeros(3)
            best[chosen] = solution
    return best
