"""`load_runs`: a table from anywhere, read, validated and told of."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_scaling.data.loading import Table, open_source
from bayes_scaling.errors import RunsWarning
from bayes_scaling.runs.columns import CANONICAL, REQUIRED, recognise
from bayes_scaling.runs.faults import Fault, invalid_runs, show
from bayes_scaling.runs.findings import Finding, find
from bayes_scaling.runs.table import Runs
from bayes_scaling.runs.validation import check_cells, check_size


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
        `bayes_scaling.data.datasets`.
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
    findings = find(frame, not need_loss, mapping, table.lines)
    told = [Finding("as read", "warning", note, "check that it is so") for note in table.notes]
    notes = (*told, *_reading_notes(mapping), *findings)
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
