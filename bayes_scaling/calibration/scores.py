"""Scores of predictive draws against what happened, a row a run."""

from __future__ import annotations

import numpy as np
import pandas as pd

LEVELS = (0.5, 0.8, 0.9, 0.95)
HIGHEST = 20.0  # nats; guessing evenly among a million tokens costs 14
DISTANCES = (0.0, 0.25, 0.5, 1.0, 1.5, np.inf)  # edges, decades


def score(draws: np.ndarray, loss: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of draws (draw, run) of the loss of each run; draws above 20 nats count as 20.

    Returns
    -------
    dict of str to ndarray (run,)
        median, error (median less loss, nats), pit (share of draws below), in_50 to in_95 (1 or 0), width_90
        (nats), crps (nats), log_score (ln density of the loss, kernel estimate from the draws).

    References
    ----------
    Gneiting and Raftery 2007 (CRPS, log score).
    """
    draws = np.minimum(draws, HIGHEST)
    median = np.median(draws, axis=0)
    found = {"median": median, "error": median - loss, "pit": (draws < loss).mean(0)}
    for level in LEVELS:
        low, high = np.quantile(draws, [0.5 - level / 2, 0.5 + level / 2], axis=0)
        found[f"in_{100 * level:g}"] = ((low <= loss) & (loss <= high)).astype(float)
        if level == 0.9:
            found["width_90"] = high - low
    return found | {"crps": _crps(draws, loss), "log_score": _log_score(draws, loss)}


def _crps(draws: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """E|X - y| - E|X - X'| / 2, the second from the order statistics."""
    count = len(draws)
    ranks = np.arange(1, count + 1)[:, None]
    spread = 2 * ((2 * ranks - count - 1) * np.sort(draws, axis=0)).sum(0) / (count * (count - 1))
    return np.asarray(np.abs(draws - loss).mean(0) - 0.5 * spread)


def crps_of_quantiles(levels: np.ndarray, quantiles: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """CRPS of forecasts that are known by some quantiles: twice the pinball loss, integrated over the levels.

    Parameters
    ----------
    levels : ndarray (level,)
        They rise, between 0 and 1. At 0 and 1 themselves the pinball loss is 0.
    quantiles : ndarray (run, level)
    loss : ndarray (run,)

    Returns
    -------
    ndarray (run,)
        In nats. With levels one percent apart it is exact to 1% for a normal forecast.

    References
    ----------
    Gneiting and Ranjan 2011, equation 9.
    """
    below = loss[:, None] < quantiles
    pinball = (below - levels) * (quantiles - loss[:, None])
    ends = np.zeros((len(loss), 1))
    full = np.concatenate([ends, pinball, ends], axis=1)
    return np.asarray(2 * np.trapezoid(full, np.concatenate([[0.0], levels, [1.0]]), axis=1))


def _log_score(draws: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """Normal kernels with Silverman's width, from the interquartile range: outliers leave it alone."""
    q25, q75 = np.quantile(draws, [0.25, 0.75], axis=0)
    width = 0.9 * np.maximum((q75 - q25) / 1.34, 1e-12) * len(draws) ** -0.2
    exponent = -0.5 * ((draws - loss) / width) ** 2
    top = exponent.max(0)
    total = np.log(np.exp(exponent - top).mean(0))
    return np.asarray(top + total - np.log(width * np.sqrt(2 * np.pi)))


def summarise(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Means over runs for each value of some columns.

    Columns: those, runs, in_50 to in_95 (shares), mae and bias (nats), width_90 (median, nats), crps,
    log_score (means).
    """
    grouped = rows.groupby(by, sort=False, observed=True)
    levels = [f"in_{100 * level:g}" for level in LEVELS]
    table = grouped[levels].mean()
    table.insert(0, "runs", grouped.size())
    table["mae"] = grouped["error"].agg(lambda error: error.abs().mean())
    table["bias"] = grouped["error"].mean()
    table["width_90"] = grouped["width_90"].median()
    return table.join(grouped[["crps", "log_score"]].mean()).reset_index()


def binned(decades: np.ndarray) -> np.ndarray:
    """Labels of distances from the fitted runs: ``within`` or a range of decades."""
    edges = np.array(DISTANCES[1:-1])
    labels = np.array(
        [
            "within",
            *(f"{a:g} to {b:g}" for a, b in zip(DISTANCES[:-2], edges, strict=True)),
            f"over {edges[-1]:g}",
        ]
    )
    return labels[np.where(decades <= 0, 0, 1 + np.searchsorted(edges, decades))]
