"""Bootstrap: how often each run is drawn, in a random stream of its own for each group and curve."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

from bayes_scaling.errors import RunsError, RunsWarning

Key = tuple[str, int]  # architecture, context_length
SHOWN = 8  # reasons in one warning


def check_bootstrap(resamples: int, seed: int) -> None:
    """Refuse what no bootstrap can do.

    Raises
    ------
    RunsError
        A negative number of resamples, a negative seed.
    """
    if resamples < 0 or seed < 0:
        raise RunsError(
            f"resamples {resamples} and seed {seed}: a bootstrap needs both >= 0 (0 resamples for none)"
        )


def resample_counts(units: int, resamples: int, seed: int, *stream: Any) -> np.ndarray:
    """How often each unit stands in each resample, drawn with replacement.

    Parameters
    ----------
    units : int
        Number of runs or of training curves.
    resamples : int
    seed : int
    *stream
        Name of what is resampled, such as architecture, context length and budget. Each name has its own
        random stream, so that the errors of two curves of the same size are independent.

    Returns
    -------
    ndarray (resample, unit)
    """
    rng = np.random.default_rng([seed, crc32(repr(stream).encode())])
    return rng.multinomial(units, np.full(units, 1 / units), size=resamples).astype(float)


def groups_of(frame: pd.DataFrame) -> Iterator[tuple[Key, np.ndarray]]:
    """Each (architecture, context_length) in order with its row numbers."""
    keys = list(zip(frame["architecture"].astype(str), frame["context_length"].astype(int), strict=True))
    for key in sorted(set(keys)):
        yield key, np.array([i for i, other in enumerate(keys) if other == key])


def run_weights(frame: pd.DataFrame) -> np.ndarray:
    """The column ``weight``, or ones."""
    return frame["weight"].to_numpy(dtype=float) if "weight" in frame else np.ones(len(frame))


def group_name(key: Key) -> str:
    """How messages call a group."""
    return f"{key[0]} at context length {key[1]}"


def warn_left_out(reasons: list[str]) -> None:
    """One warning for all that was not used."""
    if reasons:
        more = [f"{len(reasons) - SHOWN} more"] if len(reasons) > SHOWN else []
        shown = "; ".join(reasons[:SHOWN] + more)
        warnings.warn(f"left out: {shown}", RunsWarning, stacklevel=3)
