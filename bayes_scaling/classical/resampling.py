"""Bootstrap: how often each run is drawn, and resampled answers as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

QUANTITIES = ("params", "tokens", "loss")


def resample_counts(strata: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """How often each run stands in each resample, drawn with replacement within its stratum.

    Parameters
    ----------
    strata : ndarray of int (run,)
    resamples : int
    seed : int

    Returns
    -------
    ndarray (resample, run)
    """
    rng = np.random.default_rng(seed)
    counts = np.zeros((resamples, len(strata)))
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        counts[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=resamples)
    return counts


def groups_of(frame: pd.DataFrame) -> Iterator[tuple[tuple[str, int], np.ndarray]]:
    """Each (architecture, context_length) in order with its row numbers."""
    keys = list(zip(frame["architecture"].astype(str), frame["context_length"].astype(int), strict=True))
    for key in sorted(set(keys)):
        yield key, np.array([i for i, other in enumerate(keys) if other == key])


def run_weights(frame: pd.DataFrame) -> np.ndarray:
    """The column ``weight``, or ones."""
    return frame["weight"].to_numpy(dtype=float) if "weight" in frame else np.ones(len(frame))


def frontier_table(
    cells: Mapping[tuple[str, int], Mapping[str, np.ndarray]], compute: np.ndarray, estimator: str, cost: str
) -> pd.DataFrame:
    """Columns of `bayes_scaling.Frontier.table` from resampled params, tokens and loss (resample, compute).

    ``median`` and the quantiles are those of the resamples; ``*_estimate`` is the fit of all runs,
    which is row 0 of each array.
    """
    import pandas as pd
    import xarray as xr

    from bayes_scaling.tables import summarise_draws

    parts = []
    for (architecture, context_length), values in cells.items():
        names = {"architecture": architecture, "context_length": context_length, "compute": compute}
        part = pd.DataFrame(names | {"cost": cost, "estimator": estimator})
        for name in QUANTITIES:
            array = np.atleast_2d(values[name])
            resampled = array[1:] if len(array) > 1 else array
            draws = xr.DataArray(resampled[None], dims=("chain", "draw", "compute"))
            part[f"{name}_estimate"] = array[0]
            part = part.join(summarise_draws(draws, name).reset_index(drop=True))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def spread_columns(name: str, values: np.ndarray) -> dict[str, Any]:
    """Bootstrap standard error and 95% interval of a number, NaN without resamples; row 0 is the estimate."""
    resampled = values[1:] if len(values) > 1 else np.full(1, np.nan)
    low, high = np.nanquantile(resampled, [0.025, 0.975]) if np.isfinite(resampled).any() else (np.nan,) * 2
    se = np.nanstd(resampled) if np.isfinite(resampled).any() else np.nan
    return {name: values[0], f"{name}_se": se, f"{name}_q025": low, f"{name}_q975": high}
