"""Timings: the validated table of measured inference times, and how it is loaded."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.accounting import Shape
from bayes_scaling.data.loading import open_source
from bayes_scaling.errors import RunsError, TimingsError, TimingsWarning
from bayes_scaling.latency.column_names import with_usual_names
from bayes_scaling.latency.conditions import CONDITIONS
from bayes_scaling.latency.plausible import implausible
from bayes_scaling.latency.row_shapes import SHAPE, row_shapes
from bayes_scaling.latency.validation import check_table

TIMES = ("ttft_ms", "step_time_ms")
CANONICAL = ("architecture", "params", "batch_size", "prefill", *TIMES, *SHAPE, "measured", "reserved_bytes",
             *CONDITIONS)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Timings:
    """A validated table of timings, made by `load_timings`.

    Attributes
    ----------
    frame : DataFrame
        One row a query, indexed from 0: architecture, params, batch_size (sequences), prefill (tokens of
        each prompt), ttft_ms and step_time_ms (milliseconds, NaN where not measured), columns of the shape,
        measured (True where the first token came, False where memory did not suffice, missing where
        unknown), reserved_bytes (peak of the memory reserved up to the first token, NaN where unknown), and
        device, mode and dtype where the table has them.
    source : str
    notes : tuple of str
        What is implausible.

    Examples
    --------
    >>> timings = bs.latency.load_timings("timings.csv")
    >>> len(timings), timings.architectures
    (36, ('transformer', 'xlstm'))
    """

    frame: pd.DataFrame
    source: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        return f"Timings({len(self)} queries of {', '.join(self.architectures)}; source {self.source!r})"

    @property
    def architectures(self) -> tuple[str, ...]:
        """Names of the architectures, sorted."""
        return tuple(sorted(str(name) for name in self.frame["architecture"].unique()))

    @property
    def data_hash(self) -> str:
        """SHA-256 of the canonical columns in row order."""
        text = self.frame[[name for name in CANONICAL if name in self.frame]].to_csv(index=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def subset(self, mask: Any) -> Timings:
        """The rows where ``mask`` is true.

        Raises
        ------
        TimingsError
            The mask has another length or type, or leaves no row.
        """
        chosen = np.asarray(mask)
        if chosen.dtype != bool or chosen.shape != (len(self),):
            raise TimingsError(f"{self.source}: subset needs {len(self)} true or false values")
        if not chosen.any():
            raise TimingsError(f"{self.source}: the subset holds no row. Remedy: choose at least one.")
        return Timings(self.frame.loc[chosen].reset_index(drop=True), f"{self.source} (subset)")

    def shapes(self) -> Shape:
        """Shapes of all rows, from the columns of the shape or else the architecture's family."""
        return row_shapes(self.frame)


def load_timings(
    source: str | Path | pd.DataFrame | Timings,
    columns: Mapping[str, str] | None = None,
    *,
    need_times: bool = True,
) -> Timings:
    """Read and validate a table of timings.

    Parameters
    ----------
    source : str, Path, DataFrame or Timings
        A file (.csv, .tsv, .jsonl, .parquet, .feather) or a table. Columns: architecture, batch_size,
        prefill, params or the shape (embedding_dim, num_blocks, num_heads, ffn_dim, ...), ttft_ms,
        step_time_ms, and optionally measured (False: out of memory), reserved_bytes (or
        memory_reserved_gl1_bytes), and device, mode and dtype, one of each. Usual names (TTFT (ms), batch,
        prompt_len, gpu, ...) are known.
    columns : mapping of str to str, optional
        Those names to the table's own, such as ``{"prefill": "isl"}``.
    need_times : bool
        False for queries whose times are not known yet.

    Returns
    -------
    Timings

    Raises
    ------
    TimingsError
        The source cannot be read, or the table has faults; all are listed with rows, columns and remedies.

    Warns
    -----
    TimingsWarning
        Times that no device could reach, or of another unit.

    Examples
    --------
    >>> timings = bs.latency.load_timings("timings.csv")
    >>> timings.frame["prefill"].unique().tolist()
    [0.0, 2048.0]
    """
    if isinstance(source, Timings):
        return source
    try:
        table = open_source(source)
    except RunsError as error:
        raise TimingsError(str(error).replace("for each run", "for each query")) from None
    named = replace(table, frame=with_usual_names(table.frame, columns, table.source))
    frame = check_table(named, need_times)
    notes = implausible(frame, row_shapes(frame))
    if notes:
        warnings.warn(f"{table.source}: " + "; ".join(notes), TimingsWarning, stacklevel=2)
    return Timings(frame, table.source, tuple(notes))
