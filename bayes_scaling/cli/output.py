"""Results for programs: flat JSON records on standard output."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bayes_scaling.cli.verdict import fields
from bayes_scaling.printing.visible import visible_json

if TYPE_CHECKING:
    import pandas as pd


def print_json(records: pd.DataFrame | Iterable[dict[str, Any]]) -> None:
    """One JSON array of flat records; what is missing or not finite becomes null.

    Answers of a fit carry its status; see `bayes_scaling.cli.verdict`.
    """
    rows: Any = records.to_dict("records") if hasattr(records, "to_dict") else records
    statuses = fields()
    plain = [statuses | {str(name): _plain(value) for name, value in row.items()} for row in rows]
    text = json.dumps(plain, indent=1, allow_nan=False, ensure_ascii=False)
    sys.stdout.write(visible_json(text) + "\n")


def _plain(value: Any) -> Any:
    """A value JSON can hold."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return None if str(value) in ("<NA>", "NaT") else str(value)
