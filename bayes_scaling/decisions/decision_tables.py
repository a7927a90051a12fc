"""The tables and draws of a decision, from what was solved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.accounting import Cost
from bayes_scaling.decisions.group_decision import Solved, curve, priced_limits, spread
from bayes_scaling.decisions.group_problem import Group, GroupProblem
from bayes_scaling.decisions.preference import Preference
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.questions.query import Query, shape_families
from bayes_scaling.runs.reach import group_columns

DIMS = ("architecture", "context_length", "compute", "chain", "draw")
VARIABLES = ("loss", "regret", "optimum_loss", "optimum_params")
Key = tuple[str, int, float]
SURE = 0.8  # P(best) from which a choice is clear
SMALL = 0.1  # of the loss's 90% interval: a mean regret that does not blur it


def draws_of(solved: Mapping[Key, Solved | None], theta: xr.Dataset) -> xr.Dataset:
    """`Decision.draws`."""
    coords: dict[str, Any] = {name: theta[name].to_numpy() for name in DIMS if name != "compute"}
    coords["compute"] = sorted({key[2] for key in solved})
    shape = tuple(len(coords[name]) for name in DIMS)
    data = {name: np.full(shape, np.nan) for name in VARIABLES}
    for key, found in solved.items():
        if found is None:
            continue
        at = tuple(list(coords[dim]).index(part) for dim, part in zip(DIMS, key, strict=False))
        values = (found.loss, found.regret, found.optimum_loss, np.exp(found.optimum))
        for name, value in zip(VARIABLES, values, strict=True):
            data[name][at] = value.reshape(shape[3:])
    return xr.Dataset({name: (DIMS, value) for name, value in data.items()}, coords=coords)


def actions_of(
    fit: Fit,
    query: Query,
    solved: Mapping[Key, Solved | None],
    draws: xr.Dataset,
    preference: Preference,
) -> pd.DataFrame:
    """`Decision.actions`, all but binding."""
    cost = query.cost
    families = shape_families(fit)
    exact = cost.name == "accounted"
    lowest = draws["optimum_loss"].min("architecture")
    rows = []
    for key, found in solved.items():
        where = {"architecture": key[0], "context_length": key[1], "compute": key[2]}
        row: dict[str, Any] = where | {"cost": query.cost_name, "feasible": found is not None}
        if found is not None:
            best = lowest.sel({k: v for k, v in where.items() if k != "architecture"}).to_numpy().reshape(-1)
            row |= found.row(families.get(key[0]), exact) | _overall(found, best, preference.tolerance)
            row["spent"] = cost.from_flops(row["spent"])
            row |= _reach(fit, found.problem.group, row, cost)
        rows.append(row)
    return _chosen(pd.DataFrame(rows), preference.tolerance)


def _overall(found: Solved, lowest: np.ndarray, tolerance: float) -> dict[str, Any]:
    regret = found.loss - lowest
    return {
        "best_probability": float((found.optimum_loss <= lowest).mean()),
        **spread("overall_regret", regret),
        "overall_regret_probability": float((regret < tolerance).mean()),
    }


def _reach(fit: Fit, group: Group, row: Mapping[str, Any], cost: Cost) -> dict[str, Any]:
    """How far the action lies from the group's runs, as columns."""
    asked = {"compute": cost.to_flops(row["spent"]), "params": row["params"], "tokens": row["tokens"]}
    where = (group.architecture, group.context_length)
    points = {name: np.array([value]) for name, value in asked.items()}
    return {name: values.item() for name, values in group_columns(fit.runs, *where, points).items()}


def _chosen(table: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """Marks the architecture with the best objective at each context length and budget, and clear choices."""
    if "objective" not in table:
        return table.assign(chosen=False, clear=False)
    best = table.groupby(["context_length", "compute"])["objective"].transform("min")
    first = ["architecture", "context_length", "compute", "cost", "feasible", "chosen", "clear"]
    first.append("best_probability")
    chosen = table["objective"] == best
    table = table.assign(chosen=chosen, clear=chosen & _clear(table, tolerance))
    return table[first + [name for name in table if name not in first]]


def _clear(table: pd.DataFrame, tolerance: float) -> pd.Series:
    """Whether evidence bears a row out: likely the best, its regret little or small beside the interval."""
    width = table["loss_q95"] - table["loss_q05"]
    small = table["overall_regret_mean"] <= np.maximum(tolerance, SMALL * width)
    return small & (table["best_probability"] >= SURE)


def limits_of(
    problems: Mapping[Key, GroupProblem], solved: Mapping[Key, Solved | None], preference: Preference
) -> pd.DataFrame:
    """`Decision.limits`."""
    rows = [
        {"architecture": key[0], "context_length": key[1], "compute": key[2], **limit}
        for key, problem in problems.items()
        for limit in priced_limits(problem, preference, solved[key])
    ]
    names = ["architecture", "context_length", "compute", "name", "limit", "params_low", "params_high"]
    return pd.DataFrame(rows, columns=[*names, "feasible_without", "price", "binds"])


def binding_of(priced: pd.DataFrame, key: Key) -> str:
    """Names of the limits that bind, the dearest first."""
    here = priced["binds"] & (priced["architecture"] == key[0])
    here &= (priced["context_length"] == key[1]) & (priced["compute"] == key[2])
    return ", ".join(priced[here].sort_values("price", ascending=False, kind="stable")["name"])


def curves_of(solved: Mapping[Key, Solved | None]) -> pd.DataFrame:
    """`Decision.curves`."""
    parts = [
        pd.DataFrame({"architecture": key[0], "context_length": key[1], "compute": key[2], **curve(found)})
        for key, found in solved.items()
        if found is not None
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
