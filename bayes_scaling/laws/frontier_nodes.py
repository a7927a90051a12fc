"""Optima at many budgets from those at some, the nodes, where the law drifts.

Along the frontier ln N* is smooth in ln C, with a known slope, until another minimum becomes the lowest: then
it jumps. Between nodes it is the minimum next to the cubic through both, unless the nodes' slopes do not
explain the way from one to the other: then it is searched for, as at the nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import scipy

from bayes_scaling.laws.drift_line import Line

GAP = 0.6  # of ln compute between nodes, half of that between the drift's knots
JUMP = 0.02  # of ln params beyond what the slopes at both nodes explain
WITHIN = 0.3  # of ln params: how far a minimum may lie from where it is looked for
Values = Mapping[str, Any]
Search = Callable[[Values, np.ndarray, Any], np.ndarray]
"""Values, ln compute (budget,) and a cost curve to ln N* (chain, draw, budget)."""


def nodes(log_compute: np.ndarray) -> np.ndarray:
    """Which of the budgets (budget,) are nodes, ascending: each within `GAP` of the next if it can be."""
    order = np.argsort(log_compute, kind="stable")
    ascending = log_compute[order]
    found = [0]
    while found[-1] < len(order) - 1:
        farthest = int(np.searchsorted(ascending, ascending[found[-1]] + GAP, side="right")) - 1
        found.append(max(farthest, found[-1] + 1))
    return np.asarray(order[found])


def follow(
    values: Values, log_compute: np.ndarray, curve: Any, node: np.ndarray, search: Search
) -> np.ndarray:
    """ln N* (chain, draw, budget) at all budgets.

    Parameters
    ----------
    values, log_compute, curve
        As for `drifting_optimum.optimal_log_params`.
    node : ndarray of int (node,)
        See `nodes`.
    search : callable
        For each budget by itself.
    """
    line = Line(values, curve)
    x = log_compute[node]
    at_nodes = search(values, x, curve)
    slope = line.along(at_nodes, x).exponent
    rest = np.setdiff1d(np.arange(len(log_compute)), node)
    wanted = log_compute[rest]
    cubic = scipy.interpolate.CubicHermiteSpline(x, at_nodes, slope, axis=-1)(wanted)
    index = line.index(cubic.shape).ravel()
    compute = np.broadcast_to(wanted, cubic.shape).ravel()
    near = line.lowest(cubic.ravel(), index, compute, WITHIN).reshape(cubic.shape)

    explained = 0.5 * (slope[..., 1:] + slope[..., :-1]) * np.diff(x)
    jumps = ~(np.abs(np.diff(at_nodes, axis=-1) - explained) < JUMP)
    interval = np.clip(np.searchsorted(x, wanted, side="right") - 1, 0, len(x) - 2)
    for i in np.unique(interval):
        inside = np.flatnonzero(interval == i)
        chain, draw = np.nonzero(jumps[..., i])
        if len(draw):
            found = search(_some(values, chain, draw), wanted[inside], curve)
            near[chain[:, None], draw[:, None], inside] = found[0]
    found = np.empty((*at_nodes.shape[:-1], len(log_compute)))
    found[..., node] = at_nodes
    found[..., rest] = near
    return found


def _some(values: Values, chain: np.ndarray, draw: np.ndarray) -> dict[str, Any]:
    """The values of some draws, as of one chain."""
    drift = values["drift"]
    chosen = {
        name: v[chain, draw][None] if np.ndim(v) else v for name, v in values.items() if name != "drift"
    }
    return chosen | {"drift": replace(drift, weights=drift.weights[chain, draw][None])}
