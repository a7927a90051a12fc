"""Draws as columns: numpy's quantiles, and what becomes of NaN and infinity."""

from __future__ import annotations

import numpy as np
import xarray as xr

from bayes_scaling.draws import QUANTILES, summarise_draws


def as_draws(values: np.ndarray) -> xr.DataArray:
    dims = ("chain", "draw", "architecture")
    return xr.DataArray(values, dims=dims, coords={"architecture": ["a", "b"]})


def test_quantiles_and_moments(rng) -> None:
    values = rng.lognormal(size=(4, 250, 2))
    table = summarise_draws(as_draws(values), "params")
    flat = values.reshape(-1, 2)
    for name, q in QUANTILES.items():
        np.testing.assert_allclose(table[f"params_{name}"], np.quantile(flat, q, axis=0))
    np.testing.assert_allclose(table["params_mean"], flat.mean(0))
    np.testing.assert_allclose(table["params_sd"], flat.std(0))
    assert list(table.index.get_level_values("architecture")) == ["a", "b"]


def test_dims_may_come_in_any_order(rng) -> None:
    draws = as_draws(rng.normal(size=(2, 50, 2)))
    assert summarise_draws(draws.transpose("architecture", "draw", "chain")).equals(summarise_draws(draws))


def test_nan_draws_are_left_out_and_infinite_ones_are_counted(rng) -> None:
    values = rng.normal(size=(2, 50, 2))
    values[0, :10, 0] = np.nan
    values[:, :, 1] = np.nan
    table = summarise_draws(as_draws(values))
    assert table.loc["a", "median"].item() in values[..., 0]
    assert np.isnan(table.loc["b"].to_numpy()).all()
    values[:, :, 0] = np.arange(100).reshape(2, 50)
    values[0, :10, 0] = np.inf
    row = summarise_draws(as_draws(values)).loc["a"]
    assert np.isinf(row["q95"].item()) and np.isinf(row["mean"].item())
    assert row["q05"].item() == 14.0
