"""Results for programs: flat JSON records on standard output."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from typing import Any

import pandas as pd

from bayes_scaling.cli.verdict import asked
from bayes_scaling.posterior.statuses import PASS, worst
from bayes_scaling.printing.visible import visible_json


def print_json(records: pd.DataFrame | Iterable[dict[str, Any]]) -> None:
    """One JSON array of flat records; what is missing or not finite becomes null.

    Answers of a fit carry its status; see `bayes_scaling.cli.verdict`.
    """
    rows: Any = records.to_dict("records") if hasattr(records, "to_dict") else records
    statuses = _statuses()
    plain = [statuses | {str(name): _plain(value) for name, value in row.items()} for row in rows]
    text = json.dumps(plain, indent=1, allow_nan=False, ensure_ascii=False)
    sys.stdout.write(visible_json(text) + "\n")


def _statuses() -> dict[str, str]:
    """The statuses of all fits that the running command asked: columns of its JSON records."""
    found: dict[str, str] = {}
    for verdict in asked():
        found[verdict.field] = worst((found.get(verdict.field, PASS), verdict.checks.status))
    return found


def _plain(value: Any) -> Any:
    """A value JSON can hold."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return None if str(value) in ("<NA>", "NaT") else str(value)
