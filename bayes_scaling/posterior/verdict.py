"""The verdict that travels with a fit: its checks, stored beside the draws they are of."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling.posterior.criteria import Check

RULES = 3  # version of the checks' rules: rows of others are computed anew
ATTRIBUTE = "checks"
GROUPS = ("posterior", "sample_stats")


def store(tree: xr.DataTree, rows: Iterable[Check], part: str = "all") -> None:
    """Write checks into the attributes of the tree whose draws they judge.

    Parameters
    ----------
    tree : DataTree
    rows : iterable of Check
    part : str
        Which checks: "all", or "gate" for those of the sampler alone.
    """
    kept = {"rules": RULES, "draws": _digest(tree), "part": part, "rows": [_plain(row) for row in rows]}
    tree.attrs[ATTRIBUTE] = json.dumps(kept)


def stored(tree: xr.DataTree, part: str = "all") -> tuple[Check, ...] | None:
    """The checks in a tree; None where there are none of that part, or of other rules or other draws."""
    text = tree.attrs.get(ATTRIBUTE)
    try:
        kept = json.loads(str(text))
        if (kept["rules"], kept["part"]) != (RULES, part) or kept["draws"] != _digest(tree):
            return None
        return tuple(_check(row) for row in kept["rows"])
    except (ValueError, KeyError, TypeError):
        return None


def forget(tree: xr.DataTree) -> None:
    """Let the checks of a tree be made anew, for what they hang on has changed."""
    tree.attrs.pop(ATTRIBUTE, None)


def _digest(tree: xr.DataTree) -> str:
    """Of the draws and the sampler's statistics, whatever their types on disk."""
    digest = hashlib.sha256()
    for group in GROUPS:
        for name, array in sorted(tree[group].data_vars.items(), key=lambda item: str(item[0])):
            digest.update(f"{group}/{name}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array.to_numpy(), dtype=float).tobytes())
    return digest.hexdigest()


def _plain(row: Check) -> dict[str, Any]:
    """As JSON can hold it."""
    values = asdict(row)
    return values | {"value": row.value if math.isfinite(row.value) else None}


def _check(values: dict[str, Any]) -> Check:
    value = math.nan if values["value"] is None else float(values["value"])
    return Check(**(values | {"value": value}))
