"""Tables that are no file: DataFrames, columns by name, and whatever hands its columns on by Arrow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from bayes_scaling.errors import RunsError

KINDS = "a file, a DataFrame, a table of Arrow (polars, DuckDB, pyarrow), columns by name"


def is_tabular(source: Any) -> bool:
    """Whether a value is a table that `as_frame` reads."""
    return isinstance(source, pd.DataFrame | Mapping) or hasattr(source, "__arrow_c_stream__")


def as_frame(source: Any) -> tuple[pd.DataFrame, str]:
    """A table as a DataFrame, and what it was.

    Parameters
    ----------
    source : DataFrame, mapping of str to sequence, or object with ``__arrow_c_stream__``

    Raises
    ------
    RunsError
        Columns of unequal length, or a table that Arrow cannot read.
    """
    if isinstance(source, pd.DataFrame):
        return source, "DataFrame"
    if isinstance(source, Mapping):
        return _of_columns(source), "columns by name"
    kind = f"{type(source).__module__.split('.')[0]} {type(source).__name__}"
    try:
        frame: pd.DataFrame = pa.table(source).to_pandas(ignore_metadata=True)
    except (pa.ArrowException, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RunsError(f"{kind}: Arrow cannot read it ({reason}). Remedy: give a DataFrame.") from error
    return frame, kind


def _of_columns(columns: Mapping[Any, Any]) -> pd.DataFrame:
    """A DataFrame of columns by name; a single value stands in every row."""
    lengths = {
        str(name): len(cells)
        for name, cells in columns.items()
        if not isinstance(cells, str) and hasattr(cells, "__len__")
    }
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r} has {length}" for name, length in list(lengths.items())[:8])
        raise RunsError(f"columns by name: unequal lengths: {shown}. Remedy: give each as many cells.")
    try:
        return pd.DataFrame(dict(columns), index=None if lengths else range(len(columns) and 1))
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RunsError(f"columns by name: no table ({reason}). Remedy: give lists of cells.") from error
