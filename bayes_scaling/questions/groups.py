"""The groups of a question: draws of their coefficients, an answer of each, and the answers side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import xarray as xr

from bayes_scaling.posterior.coefficients import draws_of
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.questions.query import Query
from bayes_scaling.runs.reach import decades_outside, nearest_runs

GROUP_DIMS = ("chain", "draw", "architecture", "context_length")


def coefficients_of(fit: Fit, query: Query) -> xr.Dataset:
    """Draws of the coefficients of all groups asked about."""
    return draws_of(fit, list(query.architecture), list(query.context_length))


def each_group[Result](query: Query, call: Callable[[str, int], Result]) -> dict[tuple[str, int], Result]:
    """What a call gives for each architecture and context length, all at once on the machine's cores."""
    groups = list(product(query.architecture, query.context_length))
    with ThreadPoolExecutor(min(len(groups), os.cpu_count() or 1)) as pool:
        found = pool.map(lambda group: call(*group), groups)
        return dict(zip(groups, found, strict=True))


def on_groups(
    found: Mapping[tuple[str, int], Mapping[str, np.ndarray]], theta: xr.Dataset, dim: str, values: np.ndarray
) -> xr.Dataset:
    """Results by group, each (chain, draw, value), as one Dataset with ``dim`` last.

    Parameters
    ----------
    found : mapping of (architecture, context length) to mapping of str to ndarray
    theta : Dataset
        Of `coefficients_of`, for the groups and the draws.
    dim : str
    values : ndarray (value,)
        Of the dim.
    """
    names = theta["architecture"].to_numpy()
    lengths = theta["context_length"].to_numpy()
    dims = ("architecture", "context_length", "chain", "draw", dim)
    data = {
        name: (dims, np.array([[found[str(a), int(t)][name] for t in lengths] for a in names]))
        for name in next(iter(found.values()))
    }
    coords = {name: theta[name].to_numpy() for name in dims[:-1]} | {dim: values}
    return xr.Dataset(data, coords=coords).transpose(*GROUP_DIMS, dim)


def decades_from_runs(fit: Fit, query: Query, values: xr.DataArray, column: str) -> xr.DataArray:
    """Decades by which values (architecture, context_length, ...) lie beyond a column of the group's runs."""
    far = values.copy()
    for architecture, length in product(query.architecture, query.context_length):
        group = {"architecture": architecture, "context_length": length}
        known = nearest_runs(fit.runs, column, architecture, length)
        far.loc[group] = decades_outside(values.loc[group].to_numpy(), known)
    return far
