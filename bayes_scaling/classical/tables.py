"""Resampled answers as tables with the columns of `bayes_scaling.Frontier.table`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.classical.power_law import PowerLaw, fit_power_law
from bayes_scaling.classical.resampling import Key
from bayes_scaling.draws import summarise_draws
from bayes_scaling.runs.reach import COLUMNS, decades_outside, reach_columns

QUANTITIES = ("params", "tokens", "loss", "tokens_per_param", "params_exponent", "tokens_exponent")
REACH = ("compute", "params", "tokens")
Ranges = dict[str, tuple[float, float]]


def ranges_of(group: pd.DataFrame) -> Ranges:
    """Smallest and largest flops, params and tokens of a group's runs."""
    columns = [COLUMNS[name] for name in REACH]
    return {column: (float(group[column].min()), float(group[column].max())) for column in columns}


def frontier_table(
    cells: Mapping[Key, Mapping[str, np.ndarray]],
    ranges: Mapping[Key, Ranges],
    compute: np.ndarray,
    flops: np.ndarray,
    names: Mapping[str, str],
) -> pd.DataFrame:
    """Columns of `bayes_scaling.Frontier.table`, with the estimates.

    ``median`` and the quantiles are those of the resamples that have an optimum, ``missing`` is the share
    that has none; ``*_estimate`` is the fit of all runs. Without resamples the median is the estimate and
    the rest is NaN.

    Parameters
    ----------
    cells : mapping
        For each group params, tokens, loss, params_exponent, tokens_exponent, each (1 + resample, compute);
        row 0 is the fit of all runs.
    ranges : mapping
        For each group the reach of its runs.
    compute, flops : ndarray (compute,)
        Budgets in the cost's unit and in FLOPs.
    names : mapping
        Columns ``cost`` and ``estimator``.
    """
    parts = []
    for key, values in cells.items():
        part: dict[str, Any] = {"architecture": key[0], "context_length": key[1], "compute": compute, **names}
        full = {**values, "tokens_per_param": values["tokens"] / values["params"]}
        for name in QUANTITIES:
            columns = spread_columns(name, full[name])
            part |= {f"{name}_estimate": columns.pop(name), **columns}
        part["missing"] = missing(values["params"], values["tokens"])
        asked = {"compute": flops, "params": part["params_median"], "tokens": part["tokens_median"]}
        known = {name: np.array(ranges[key][COLUMNS[name]]) for name in REACH}
        part |= reach_columns({name: decades_outside(asked[name], known[name]) for name in REACH})
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def law_cell(
    compute: np.ndarray, values: Mapping[str, np.ndarray], budgets: np.ndarray
) -> dict[str, np.ndarray]:
    """A cell of `frontier_table`: power laws through params, tokens, loss, each (1 + resample, point)."""
    laws = {name: fit_power_law(compute, values[name]) for name in ("params", "tokens", "loss")}
    return at_budgets(laws, budgets)


def at_budgets(laws: Mapping[str, PowerLaw], budgets: np.ndarray) -> dict[str, np.ndarray]:
    """A cell of `frontier_table` from power laws of params, tokens and loss."""
    cell = {name: law.at(budgets) for name, law in laws.items()}
    for name in ("params", "tokens"):
        cell[f"{name}_exponent"] = np.broadcast_to(laws[name].exponent[:, None], cell[name].shape)
    return cell


def spread_columns(name: str, values: np.ndarray) -> dict[str, Any]:
    """Estimate ``name``, bootstrap standard error ``name_se`` and the quantiles every table has.

    Parameters
    ----------
    values : ndarray (1 + resample, ...)
        Row 0 is the estimate; resamples that are NaN are left out.
    """
    resampled = values[1:] if len(values) > 1 else np.full_like(values[:1], np.nan)
    cells = np.reshape(resampled, (1, len(resampled), -1))
    table = summarise_draws(xr.DataArray(cells, dims=("chain", "draw", "cell")), name)
    columns = {str(n): column.to_numpy().reshape(values.shape[1:])[()] for n, column in table.items()}
    if len(values) == 1:
        columns[f"{name}_median"] = values[0]
    return {name: values[0], f"{name}_se": columns[f"{name}_sd"], **columns}


def missing(*values: np.ndarray) -> np.ndarray:
    """Share of resamples in which any of the values is NaN; NaN without resamples."""
    resampled = np.any([~np.isfinite(v[1:]) for v in values], axis=0)
    shape = resampled.shape[1:]
    return resampled.mean(axis=0) if len(resampled) else np.full(shape, np.nan)
