"""A verdict on predictions in plain words."""

from __future__ import annotations

import numpy as np
import pandas as pd

LEVEL = 90  # of the interval that the verdict is about
FEW = 10  # runs below which a share says little


def in_words(total: pd.Series, distances: pd.DataFrame) -> list[str]:
    """Sentences on all runs, then on the far ones.

    Parameters
    ----------
    total : Series
        The last row of a table of `bayes_scaling.calibration.judging.tabulate`.
    distances : DataFrame
        That table by ``distance``.
    """
    return [_cover(total), _held(total), _bias(total), _sharpness(total), *_far(distances)]


def held(row: pd.Series, level: int = LEVEL) -> str:
    """``held``, ``too narrow`` or ``too wide``: whether chance alone explains the share inside."""
    if row[f"inside_{level}_high"] < level / 100:
        return "too narrow"
    return "too wide" if row[f"inside_{level}_low"] > level / 100 else "held"


def _cover(row: pd.Series) -> str:
    name = f"inside_{LEVEL}"
    count = round(row[name] * row["runs"])
    between = f"{row[f'{name}_low']:.0%} to {row[f'{name}_high']:.0%}"
    return (
        f"{count} of {row['runs']:.0f} losses lie in their {LEVEL}% intervals: {row[name]:.0%}, "
        f"and with chance {between}."
    )


def _held(row: pd.Series) -> str:
    verdict = held(row)
    if verdict == "held" and row["runs"] < FEW:
        return f"So few runs cannot tell whether the intervals hold: {row['runs']:.0f} is below {FEW}."
    told = {
        "held": "The intervals held: chance alone explains the difference from 90%.",
        "too narrow": "The intervals were too narrow: chance alone does not explain so many misses.",
        "too wide": "The intervals were too wide: chance alone does not explain so few misses.",
    }
    return (
        f"{told[verdict]} Errors of runs near each other go together, so that chance moves the share more "
        "than the binomial says."
    )


def _bias(row: pd.Series) -> str:
    side = "above" if row["bias"] > 0 else "below"
    return (
        f"The losses came out {abs(row['bias']):.4f} nats {side} the predicted medians on average; the mean "
        f"error is {row['mae']:.4f} nats."
    )


def _sharpness(row: pd.Series) -> str:
    if np.isnan(row["crps"]):
        return "The record holds too few quantiles for a CRPS."
    ratio = row["crps"] / row["crps_expected"]
    told = "about what" if 0.75 <= ratio <= 1.33 else "more than" if ratio > 1 else "less than"
    return (
        f"The CRPS is {row['crps']:.4f} nats, {told} right predictions of this width would have "
        f"({row['crps_expected']:.4f})."
    )


def _far(distances: pd.DataFrame) -> list[str]:
    """The farthest range of distances that holds some runs, if there is more than one range."""
    ranges = distances.iloc[:-1]
    if len(ranges) < 2:
        return []
    last = ranges.iloc[-1]
    count = round(last[f"inside_{LEVEL}"] * last["runs"])
    where = f"{last['distance']} decades outside the fitted runs"
    return [f"Farthest out, {where}, {count} of {last['runs']:.0f} lie in their {LEVEL}% intervals."]
