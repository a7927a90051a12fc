"""A table of runs as JSON text and back, exactly."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.runs.findings import Finding
from bayes_scaling.runs.table import Runs


def runs_to_text(runs: Runs) -> str:
    """Columns with their types, the column mapping, notes and source as JSON text."""
    document = {
        "columns": [_column(runs.frame[name]) for name in runs.frame],
        "mapping": dict(runs.mapping),
        "notes": [asdict(note) for note in runs.notes],
        "source": runs.source,
    }
    return json.dumps(document)


def runs_from_text(text: str) -> Runs:
    """The runs before `runs_to_text`.

    Raises
    ------
    ValueError, LookupError, TypeError
        The text is not such a document.
    """
    document = json.loads(text)
    frame = pd.DataFrame({c["name"]: pd.Series(c["values"], dtype=c["dtype"]) for c in document["columns"]})
    notes = tuple(Finding(**(note | {"rows": tuple(note["rows"])})) for note in document["notes"])
    return Runs(frame=frame, mapping=document["mapping"], notes=notes, source=document["source"])


def _column(series: pd.Series) -> dict[str, Any]:
    """Name, dtype and JSON values; a type JSON cannot rebuild becomes text."""
    values = [_plain(value) for value in series.tolist()]
    dtype = str(series.dtype)
    if not _same(values, series):
        dtype = "object"
        values = [value if value is None else str(value) for value in values]
    return {"name": str(series.name), "dtype": dtype, "values": values}


def _same(values: list[Any], series: pd.Series) -> bool:
    """Whether the values and the dtype's name give the column again."""
    try:
        return pd.Series(values, dtype=str(series.dtype), index=series.index).equals(series)
    except (TypeError, ValueError):
        return False


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):  # an object column may hold NumPy scalars
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return None if value is pd.NA or value is pd.NaT else str(value)
