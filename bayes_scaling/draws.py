"""Draws as columns of a table: the quantiles every table shares."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import xarray as xr

QUANTILES = {
    "q025": 0.025,
    "q05": 0.05,
    "q10": 0.1,
    "q25": 0.25,
    "median": 0.5,
    "q75": 0.75,
    "q90": 0.9,
    "q95": 0.95,
    "q975": 0.975,
}


def summarise_draws(draws: xr.DataArray, name: str | None = None) -> pd.DataFrame:
    """Quantiles, mean and sd over chain and draw; NaN draws are left out, all NaN gives NaN.

    Parameters
    ----------
    draws : DataArray
        Dims chain, draw and any others.
    name : str, optional
        Prefix of the columns, such as ``params`` for ``params_median``.

    Returns
    -------
    DataFrame
        One row for each cell of the other dims, indexed by them in the order they have.
    """
    rest = [dim for dim in draws.dims if dim not in ("chain", "draw")]
    values = draws.transpose("chain", "draw", *rest).to_numpy()
    values = values.reshape(-1, *values.shape[2:])
    columns = dict(zip(QUANTILES, _quantiles(values), strict=True))
    columns |= _moments(values)
    prefix = f"{name}_" if name else ""
    index = pd.MultiIndex.from_product([draws[dim].to_numpy() for dim in rest], names=rest)
    return pd.DataFrame({prefix + key: np.ravel(value) for key, value in columns.items()}, index=index)


def _quantiles(values: np.ndarray) -> np.ndarray:
    """Over the first axis; the nearest draw where draws are infinite, as an interpolation is not."""
    finite = bool(np.isfinite(values).all())
    function: Callable[..., np.ndarray] = np.quantile if finite else np.nanquantile
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice encountered", RuntimeWarning)
        method = "linear" if finite else "inverted_cdf"
        return np.asarray(function(values, list(QUANTILES.values()), axis=0, method=method))


def _moments(values: np.ndarray) -> dict[str, np.ndarray]:
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        return {"mean": np.nanmean(values, axis=0), "sd": np.nanstd(values, axis=0)}
