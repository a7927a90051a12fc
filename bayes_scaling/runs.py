"""Runs: the validated table of training runs, and how it is loaded."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.columns import CANONICAL, COUNTS, REQUIRED, TEXT, recognise
from bayes_scaling.errors import RunsError, RunsWarning
from bayes_scaling.faults import Fault, invalid_runs, show
from bayes_scaling.findings import Finding, find
from bayes_scaling.validation import check_cells, check_size

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.data.loading import Table

__all__ = ["Finding", "Runs", "load_runs"]


@dataclass(frozen=True, eq=False)
class Runs:
    """A validated table of training runs, made by `load_runs`.

    Attributes
    ----------
    frame : DataFrame
        One row a run, in the order given, indexed from 0. First the canonical columns: run_id (optional),
        architecture, context_length (tokens), params, tokens, flops (total of the training), loss (nats
        per token), loss_sd (optional, nats), weight (optional), group (optional), unique_tokens (optional,
        those that the run could draw from); then all other columns.
    mapping : dict of str to str
        Canonical name to the column it was read from.
    notes : tuple of Finding
        What is odd about the runs, and what was assumed.
    source : str
        File, data set or kind of object the runs came from.

    Examples
    --------
    >>> runs = bs.load_runs("simulated")
    >>> len(runs), runs.architectures, runs.context_lengths
    (300, ('transformer', 'xlstm'), (2048, 8192, 16384))
    >>> long = runs.subset((runs.frame["context_length"] == 16384).to_numpy())
    >>> len(long)
    100
    """

    frame: pd.DataFrame
    mapping: dict[str, str]
    notes: tuple[Finding, ...]
    source: str

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        names = ", ".join(self.architectures)
        return f"Runs({len(self)} runs of {names}; {len(self.groups)} groups; source {self.source!r})"

    @property
    def architectures(self) -> tuple[str, ...]:
        """Names of the architectures, sorted."""
        return tuple(sorted(str(name) for name in self.frame["architecture"].unique()))

    @property
    def context_lengths(self) -> tuple[int, ...]:
        """Context lengths in tokens, sorted."""
        return tuple(sorted(int(length) for length in self.frame["context_length"].unique()))

    @property
    def groups(self) -> pd.DataFrame:
        """Pairs of architecture and context_length that have runs, sorted, with their number ``n``."""
        return self.frame.groupby(["architecture", "context_length"]).size().rename("n").reset_index()

    @property
    def data_hash(self) -> str:
        """SHA-256 of the canonical columns in row order, whatever the source and the other columns."""
        digest = hashlib.sha256()
        for name in (name for name in CANONICAL if name in self.frame):
            digest.update(f"{name}:{len(self)};".encode())
            digest.update(_bytes(name, self.frame[name]))
        return digest.hexdigest()

    def describe(self) -> pd.DataFrame:
        """Size and ranges of every group.

        Returns
        -------
        DataFrame
            One row a group: architecture, context_length, n, then the smallest and largest params, tokens,
            flops, tokens_per_param and loss (``params_min``, ``params_max``, ...), in the units of `frame`.
        """
        frame = self.frame.assign(tokens_per_param=self.frame["tokens"] / self.frame["params"])
        names = ("params", "tokens", "flops", "tokens_per_param", "loss")
        ranges = {f"{name}_{end}": (name, end) for name in names if name in frame for end in ("min", "max")}
        groups = frame.groupby(["architecture", "context_length"])
        return groups.agg(n=("params", "size"), **ranges).reset_index()

    def subset(self, mask: Any) -> Runs:
        """The runs where ``mask`` is true, in the same order; findings are looked for anew.

        Parameters
        ----------
        mask : array of bool, shape (run,)

        Raises
        ------
        RunsError
            The mask has another length or type, or leaves no run.
        """
        chosen = np.asarray(mask)
        if chosen.dtype != bool or chosen.shape != (len(self),):
            raise RunsError(f"{self.source}: subset needs {len(self)} true or false values, one for each run")
        if not chosen.any():
            raise RunsError(f"{self.source}: the subset holds no run. Remedy: choose at least one.")
        frame = self.frame.loc[chosen].reset_index(drop=True)
        return Runs(frame, dict(self.mapping), find(frame, "loss" not in frame), f"{self.source} (subset)")


def load_runs(
    source: str | Path | pd.DataFrame | Runs | Table,
    columns: Mapping[str, str] | None = None,
    *,
    need_loss: bool = True,
) -> Runs:
    """Read and validate a table of training runs.

    Parameters
    ----------
    source : str, Path, DataFrame or Runs
        A file (.csv, .tsv, .jsonl, .parquet, .feather), a table, or the name of a data set listed by
        `bayes_scaling.datasets`.
    columns : mapping of str to str, optional
        Canonical name to the table's column, such as ``{"architecture": "train_set"}``. Usual aliases
        (N, num_params, D, n_tokens, compute, val_loss, ctx, arch, ...) need none. Another column that
        bears the canonical name is kept as ``<name>_original``.
    need_loss : bool
        False for planned runs, whose loss is not known yet.

    Returns
    -------
    Runs

    Raises
    ------
    RunsError
        The source cannot be read, or the table has faults. All faults are listed at once, with rows
        (from 0), lines of the file (from 1), columns, values and remedies; the error's ``faults`` holds
        them as a DataFrame.

    Warns
    -----
    RunsWarning
        Once, when the runs are valid but odd; `Runs.notes` holds the findings.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> runs = bs.load_runs("simulated")
    >>> runs.architectures
    ('transformer', 'xlstm')
    """
    from bayes_scaling.data.loading import open_source

    if isinstance(source, Runs):
        if not columns and (not need_loss or "loss" in source.frame):
            return source
        source = source.frame
    table = open_source(source)
    runs = _validated(table, columns, need_loss)
    _warn(runs)
    return runs


def _validated(table: Table, columns: Mapping[str, str] | None, need_loss: bool) -> Runs:
    """Runs out of a table as read."""
    required = [name for name in REQUIRED if need_loss or name != "loss"]
    mapping, faults = recognise([str(name) for name in table.frame], columns, required)
    if not any(fault.code == "doubled column" for fault in faults):
        cells, found = check_cells(table.frame, mapping)
        faults = check_size(table.frame) + faults + found
    if not faults and "flops" not in cells:
        cells["flops"], faults = _six_nd(cells)
    if faults:
        raise invalid_runs(table.source, faults, table.lines)
    frame = _canonical(table.frame, cells, mapping)
    notes = (*_reading_notes(mapping), *find(frame, designs_only=not need_loss))
    return Runs(frame, mapping, notes, table.source)


def _six_nd(cells: Mapping[str, pd.Series]) -> tuple[pd.Series, list[Fault]]:
    """Training FLOPs where none are given."""
    with np.errstate(over="ignore", under="ignore"):
        flops = (6.0 * cells["params"] * cells["tokens"]).rename("flops")
    values = flops.to_numpy()
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if not bad.size:
        return flops, []
    rows = tuple(int(row) for row in bad)
    remedy = "give params and tokens as counts, or add a column 'flops'"
    message = "6 * params * tokens is no finite number above 0"
    return flops, [Fault("flops", "", message, remedy, rows, tuple(show(flops[row]) for row in rows))]


def _canonical(
    table: pd.DataFrame, cells: Mapping[str, pd.Series], mapping: Mapping[str, str]
) -> pd.DataFrame:
    """Canonical columns first, then the others; an extra that bears a canonical name is renamed."""
    import pandas as pd

    columns = {name: cells[name] for name in CANONICAL if name in cells}
    used = set(mapping.values())
    names = [str(name) for name in table]
    taken = {*CANONICAL, *names}
    for name in (name for name in names if name not in used):
        new = name
        while new in CANONICAL or (new != name and new in taken):
            new += "_original"
        taken.add(new)
        columns[new] = table[name].reset_index(drop=True)
    return pd.DataFrame(columns)


def _reading_notes(mapping: Mapping[str, str]) -> list[Finding]:
    notes = []
    renamed = [f"{name} from {original!r}" for name, original in mapping.items() if name != original]
    if renamed:
        advice = "if one is wrong, name the right column with columns={...}"
        notes.append(Finding("columns", "note", f"read {', '.join(renamed)}", advice))
    if "flops" not in mapping:
        advice = "add a column 'flops' if attention or recomputation matters"
        notes.append(Finding("flops assumed", "note", "no flops given: 6 * params * tokens is used", advice))
    return notes


def _warn(runs: Runs) -> None:
    """One warning for all findings that ask for one."""
    serious = [f"{note.message} ({note.advice})" for note in runs.notes if note.severity == "warning"]
    if serious:
        warnings.warn(f"{runs.source}: " + "; ".join(serious), RunsWarning, stacklevel=3)


def _bytes(name: str, column: pd.Series) -> bytes:
    """A column as bytes that are the same on every machine."""
    if name in TEXT:
        return json.dumps(column.tolist()).encode()
    dtype = "<i8" if name == COUNTS[0] else "<f8"
    return column.to_numpy().astype(dtype).tobytes()
