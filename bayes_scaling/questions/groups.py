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
from bayes_scaling.runs.reach import COLUMNS, column_of, decades_from_group, group_size, reach_columns

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


def reach_of(fit: Fit, query: Query, asked: Mapping[str, xr.DataArray]) -> xr.Dataset:
    """How far what is asked lies from the runs of each group.

    Parameters
    ----------
    fit : Fit
    query : Query
    asked : mapping of str to DataArray
        Any of compute (FLOPs), params and tokens; dims architecture, context_length and another.

    Returns
    -------
    Dataset
        Decades of the same and of context, by the names of their columns, of the same dims; group_runs, how
        many runs the group has.
    """
    first = next(iter(asked.values()))
    names = [column_of(name) for name in (*asked, "context")]
    found = xr.Dataset({name: xr.zeros_like(first, dtype=float) for name in names})
    found["group_runs"] = xr.zeros_like(first, dtype=int)
    for architecture, length in product(query.architecture, query.context_length):
        group = {"architecture": architecture, "context_length": length}
        values = {name: array.loc[group].to_numpy() for name, array in asked.items()}
        for name, far in decades_from_group(fit.runs, architecture, length, values).items():
            found[column_of(name)].loc[group] = far
        found["group_runs"].loc[group] = group_size(fit.runs, architecture, length)
    return found


def columns_of(reach: xr.Dataset) -> dict[str, np.ndarray]:
    """`reach_of` as columns of a table: with group_runs and, where it is known, lost_share."""
    far = reach_columns({name: reach[column_of(name)].to_numpy() for name in COLUMNS})
    more = [name for name in ("group_runs", "lost_share") if name in reach]
    return far | {name: reach[name].to_numpy().ravel() for name in more}


def farther(reach: xr.Dataset, dim: str) -> xr.Dataset:
    """The farthest along a dim, and the fewest runs."""
    far = reach.max(dim)
    return far.assign(group_runs=reach["group_runs"].min(dim))
