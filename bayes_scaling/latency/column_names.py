"""Which column of a table of timings is which: the usual names, and those that a user gives."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

import pandas as pd

from bayes_scaling.errors import TimingsError
from bayes_scaling.runs.columns import normalise

_USUAL = {
    "architecture": ("arch", "model type", "model architecture"),
    "params": ("n params", "num params", "parameters", "model size"),
    "batch_size": ("batch", "batchsize", "bs", "num sequences"),
    "prefill": ("prompt len", "prompt length", "prompt tokens", "prefill len", "prefill tokens"),
    "ttft_ms": ("ttft (ms)", "mean ttft ms", "median ttft ms", "time to first token ms"),
    "step_time_ms": ("step time (ms)", "step ms", "decode step ms", "mean step time ms"),
    "device": ("gpu", "gpu name", "device name"),
}
NAMES = {name: frozenset(map(normalise, (name, *usual))) for name, usual in _USUAL.items()}


def with_usual_names(frame: pd.DataFrame, columns: Mapping[str, str] | None, source: str) -> pd.DataFrame:
    """A table whose columns bear the names that timings are known by.

    Parameters
    ----------
    frame : DataFrame
    columns : mapping of str to str or None
        Name here to the table's column; a column of the name itself makes way as ``<name>_original``.
    source : str
        For messages.

    Raises
    ------
    TimingsError
        ``columns`` names a column that the table lacks, or two columns may be one.
    """
    names = [str(name) for name in frame]
    given = dict(columns or {})
    for name, column in given.items():
        if column not in names:
            near = get_close_matches(column, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the table has {', '.join(names[:12])}"
            raise TimingsError(f"{source}: no column {column!r} for {name!r}. Remedy: {hint}")
    new = {column: name for name, column in given.items()}
    new |= {name: f"{name}_original" for name in given if name in names and name not in new}
    for name, usual in NAMES.items():
        if name in names or name in given:
            continue
        found = [other for other in names if other not in new and normalise(other) in usual]
        if len(found) > 1:
            raise TimingsError(
                f"{source}: columns {' and '.join(map(repr, found))} may each be {name!r}. "
                f'Remedy: choose one with columns={{"{name}": "{found[-1]}"}}.'
            )
        new |= dict.fromkeys(found, name)
    return frame.rename(columns=new)
