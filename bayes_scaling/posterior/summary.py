"""Posterior summaries as flat records, one a scalar quantity."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.draws import QUANTILES
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.posterior.posterior import Posterior

LABELS = ("variable", "architecture", "context_length", "coefficient")
_SAMPLE = ("chain", "draw")
_DIAGNOSTICS = ("ess_bulk", "ess_tail", "r_hat", "mcse_mean")


def summarise(
    fit: Posterior, variables: Sequence[str] | None = None, unobserved: bool = False
) -> pd.DataFrame:
    """Posterior summary, one row a scalar quantity.

    Parameters
    ----------
    fit : Fit
    variables : sequence of str, optional
        Posterior variables to keep; all by default.
    unobserved : bool
        Also rows for (architecture, context length) pairs that had no runs.

    Returns
    -------
    DataFrame
        variable, architecture, context_length, coefficient (empty or NA where they do not apply),
        mean, sd, the quantiles of `bayes_scaling.draws.QUANTILES`, ess_bulk, ess_tail, r_hat and
        mcse_mean. Values are in the unit of the variable (E and its like in nats per token).

    Raises
    ------
    BayesScalingError
        A variable the posterior does not have.

    See Also
    --------
    bayes_scaling.posterior.checks.run_checks : whether the draws can be trusted.

    References
    ----------
    Vehtari, Gelman, Simpson, Carpenter, Buerkner 2021, for R-hat and the two effective sample sizes.

    Examples
    --------
    >>> fit.summary().query("variable == 'E'")  # doctest: +SKIP
    """
    draws, labels = posterior_cells(fit, variables, unobserved)
    return pd.concat([labels, _moments(draws), diagnostics(draws)], axis=1)


def posterior_cells(
    fit: Posterior, variables: Sequence[str] | None = None, unobserved: bool = False
) -> tuple[xr.DataArray, pd.DataFrame]:
    """All scalar posterior quantities in one array, and what each is.

    Returns
    -------
    draws : DataArray (chain, draw, cell)
    labels : DataFrame
        One row a cell: variable, architecture, context_length, coefficient.

    Raises
    ------
    BayesScalingError
        A variable the posterior does not have.
    """
    posterior = fit.idata["posterior"].to_dataset()
    seen = None if unobserved else _observed(fit)
    return cells_of(posterior[_known(posterior, variables)], seen)


def cells_of(posterior: xr.Dataset, seen: xr.DataArray | None) -> tuple[xr.DataArray, pd.DataFrame]:
    """All scalars of a posterior as (chain, draw, cell) with labels; with ``seen`` only cells with runs."""
    parts = [stack_cells(array, seen) for array in posterior.values()]
    draws = xr.concat([p[0] for p in parts], dim="cell", join="override")
    return draws, pd.concat([p[1] for p in parts], ignore_index=True)


def stack_cells(array: xr.DataArray, seen: xr.DataArray | None = None) -> tuple[xr.DataArray, pd.DataFrame]:
    """One variable as (chain, draw, cell) with labels; with ``seen`` only the cells that have runs."""
    dims = [str(d) for d in array.dims if d not in _SAMPLE]
    labels = _labels(array, dims)
    stacked = array.transpose(*_SAMPLE, *dims).values.reshape(*(array.sizes[d] for d in _SAMPLE), -1)
    if seen is not None and set(seen.dims) <= set(dims):
        others = {d: array.sizes[d] for d in dims if d not in seen.dims}
        keep = np.flatnonzero(seen.expand_dims(others).transpose(*dims).values)
        stacked = stacked[..., keep]
        labels = labels.iloc[keep].reset_index(drop=True)
    return _draws_array(stacked, array), labels


def describe_cell(label: Any) -> str:
    """One row of labels in words, such as ``E [xlstm, 8192]``."""
    where = [label.architecture, label.context_length, label.coefficient]
    shown = [str(value) for value in where if not pd.isna(value) and value != ""]
    return f"{label.variable} [{', '.join(shown)}]" if shown else str(label.variable)


def diagnostics(draws: xr.DataArray) -> pd.DataFrame:
    """Effective sample sizes, R-hat and the Monte Carlo error of the mean, one row a cell.

    A cell that never moves, or is not finite, has NaN.
    """
    flat = draws.transpose(*_SAMPLE, "cell").values.reshape(-1, draws.sizes["cell"])
    keep = np.flatnonzero(np.isfinite(flat).all(0) & (flat.max(0) > flat.min(0)))
    table = pd.DataFrame(index=range(draws.sizes["cell"]), columns=list(_DIAGNOSTICS), dtype=float)
    if keep.size:
        for name, values in _arviz_diagnostics(draws.isel(cell=keep)).items():
            table.loc[keep, name] = values
    return table


def _arviz_diagnostics(draws: xr.DataArray) -> dict[str, Any]:
    import arviz_stats as az

    return {
        "ess_bulk": az.ess(draws, method="bulk").values,
        "ess_tail": az.ess(draws, method="tail").values,
        "r_hat": az.rhat(draws).values,
        "mcse_mean": az.mcse(draws, method="mean").values,
    }


def _moments(draws: xr.DataArray) -> pd.DataFrame:
    flat = draws.transpose("chain", "draw", "cell").values.reshape(-1, draws.sizes["cell"])
    table = pd.DataFrame({"mean": flat.mean(0), "sd": flat.std(0, ddof=1)})
    table[list(QUANTILES)] = np.quantile(flat, list(QUANTILES.values()), axis=0).T
    return table


def _known(posterior: xr.Dataset, variables: Sequence[str] | None) -> list[str]:
    names = [str(name) for name in posterior.data_vars]
    unknown = [name for name in variables or () if name not in names]
    if unknown:
        raise BayesScalingError(
            f"the posterior has no variable {', '.join(unknown)}; choose from {', '.join(names)}"
        )
    return names if variables is None else list(variables)


def _observed(fit: Posterior) -> xr.DataArray | None:
    return fit.idata["constant_data"].to_dataset().get("observed_group")


def _draws_array(values: Any, like: xr.DataArray) -> xr.DataArray:
    return xr.DataArray(values, dims=(*_SAMPLE, "cell"), coords={d: like[d].values for d in _SAMPLE})


def _labels(array: xr.DataArray, dims: list[str]) -> pd.DataFrame:
    """What each cell is, in C order of ``dims``; a dim of another name is written as coefficient."""
    index = [dict(zip(dims, keys, strict=True)) for keys in _product(array, dims)]
    other = [d for d in dims if d not in LABELS[1:3]]
    return pd.DataFrame(
        {
            "variable": [str(array.name)] * len(index),
            "architecture": [str(keys.get("architecture", "")) for keys in index],
            "context_length": pd.array([keys.get("context_length") for keys in index], dtype="Int64"),
            "coefficient": [", ".join(str(keys[d]) for d in other) for keys in index],
        }
    )


def _product(array: xr.DataArray, dims: list[str]) -> Any:
    return product(*(array[d].values.tolist() for d in dims))
