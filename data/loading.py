"""Open a table, whatever it is in: a file, a DataFrame or its like, or the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bayes_scaling.data.catalog import NAMES
from bayes_scaling.data.fetching import fetch
from bayes_scaling.data.reading import Table, plain, read_file
from bayes_scaling.data.tabular import KINDS, as_frame, is_tabular
from bayes_scaling.errors import RunsError


def open_source(source: Any) -> Table:
    """The table of a file, a DataFrame or its like, or a catalogue name; a Table as it is.

    A str that is a catalogue name means the data set; write ``./name`` for a file of that name.

    Raises
    ------
    RunsError
        With the source, the reason and the remedy.
    """
    if isinstance(source, Table):
        return source
    if is_tabular(source):
        frame, kind = as_frame(source)
        return Table(plain(frame), kind)
    if isinstance(source, str) and source in NAMES:
        return Table(read_file(fetch(source)).frame, source)
    if isinstance(source, str | Path) and str(source).strip():
        return read_file(Path(source))
    kind = f"{type(source).__module__}.{type(source).__name__}".removeprefix("builtins.")
    raise RunsError(
        f"cannot read runs from a {kind} ({source!r:.60}). Remedy: give {KINDS}, or the name of a data set."
    )
