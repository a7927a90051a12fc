"""`load_runs`: a table from anywhere, read, validated and told of."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.data.loading import open_source
from bayes_scaling.data.reading import Table
from bayes_scaling.data.selection import chosen, taken, with_constants
from bayes_scaling.errors import RunsError, RunsWarning
from bayes_scaling.runs.columns import CANONICAL, REQUIRED, recognise
from bayes_scaling.runs.faults import Fault, invalid_runs, show
from bayes_scaling.runs.findings import Finding, find
from bayes_scaling.runs.six_nd import flops_per_token, in_words
from bayes_scaling.runs.table import Runs
from bayes_scaling.runs.validation import check_cells, check_size, check_totals

UNNEEDED = ("loss", "loss_sd", "weight", "flops")  # of planned runs


def load_runs(
    source: Any,
    columns: Mapping[str, str] | None = None,
    *,
    need_loss: bool = True,
    constants: Mapping[str, Any] | None = None,
    where: str | None = None,
    take: str | None = None,
    within: Sequence[str] | None = None,
) -> Runs:
    """Read and validate a table of training runs.

    Parameters
    ----------
    source : str, Path, DataFrame, Runs, or another table
        A file (.csv, .tsv, .jsonl, .parquet, .feather), a table (a DataFrame; anything that hands its
        columns on by Arrow, such as polars, DuckDB and pyarrow; columns by name), or the name of a data set
        listed by `bayes_scaling.data.datasets`.
    columns : mapping of str to str, optional
        Canonical name to the table's column, such as ``{"architecture": "train_set"}``. Usual aliases
        (N, num_params, D, n_tokens, compute, val_loss, ctx, arch, ...) need none. Another column that
        bears the canonical name is kept as ``<name>_original``.
    need_loss : bool
        False for planned runs, whose loss is not known yet: faults in loss, loss_sd, weight and flops
        are no hindrance then.
    constants : mapping of str to value, optional
        Columns that hold one value for all runs, such as ``{"context_length": 2048}``.
    where : str, optional
        Rows to read, such as ``"outlier == False and params > 1e8"``, in the table's own names; see
        `bayes_scaling.data.row_filter.rows_where`.
    take : {"last", "best"}, optional
        Of the rows of one training the last, or of one design the one of the lowest loss.
    within : sequence of str, optional
        For ``take``: the columns whose values make rows one; architecture and context length always do.

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
    shaped = bool(constants or where or take)
    if isinstance(source, Runs):
        if not columns and not shaped and (not need_loss or "loss" in source.frame):
            return source
        source = source.frame
    if within and take is None:
        raise RunsError('within says which rows are one: give take="last" or take="best" with it')
    table, mapped = with_constants(open_source(source), columns, constants)
    if where is not None:
        table = chosen(table, where, mapped)
    runs = _validated(table, mapped, need_loss, take, within)
    _warn(runs)
    return runs


def _validated(
    table: Table,
    columns: Mapping[str, str] | None,
    need_loss: bool,
    take: str | None,
    within: Sequence[str] | None,
) -> Runs:
    """Runs out of a table as read."""
    unneeded = () if need_loss else UNNEEDED
    required = [name for name in REQUIRED if name not in unneeded]
    mapping, faults = recognise([str(name) for name in table.frame], columns, required, unneeded)
    notes = list(table.notes)
    cells: dict[str, pd.Series] = {}
    if not any(fault.code == "doubled column" for fault in faults):
        cells, found = check_cells(table.frame, mapping)
        found, aside = _set_aside(found, mapping, unneeded)
        cells = {name: column for name, column in cells.items() if name in mapping}
        notes += aside
        faults = check_size(table.frame) + faults + found
    faults, derived = _with_tokens(cells, faults)
    notes += derived
    if not faults:
        faults = check_totals(table.frame, mapping, cells)
    if not faults and "flops" not in cells:
        cells["flops"], faults = _six_nd(cells)
    if faults:
        raise invalid_runs(table.source, faults, table.lines)
    frame = _canonical(table.frame, cells, mapping)
    lines = table.lines
    if take is not None:
        frame, lines, note = taken(frame, lines, take, within)
        notes.append(note)
    findings = find(frame, not need_loss, mapping, lines)
    return Runs(frame, mapping, (*notes, *_reading_notes(mapping), *findings), table.source)


def _set_aside(
    faults: list[Fault], mapping: dict[str, str], unneeded: Sequence[str]
) -> tuple[list[Fault], list[Finding]]:
    """Faults without those of columns that are not needed, which leave the mapping, and a note of each."""
    of_column = {mapping[name]: name for name in unneeded if name in mapping}
    broken = [fault for fault in faults if fault.column in of_column]
    notes = []
    for column in dict.fromkeys(fault.column for fault in broken):
        count = sum(len(fault.rows) for fault in broken if fault.column == column)
        message = f"column {column!r} is not needed here and not read: {count} of its cells are no values"
        notes.append(Finding("not read", "note", message, "nothing; the answer does not hang on it"))
        del mapping[of_column[column]]
    return [fault for fault in faults if fault not in broken], notes


def _with_tokens(cells: dict[str, pd.Series], faults: list[Fault]) -> tuple[list[Fault], list[Finding]]:
    """Tokens out of flops and params, where the table has both and lacks tokens alone of its numbers."""
    lacking = [fault for fault in faults if fault.code == "missing column" and fault.column == "tokens"]
    valid = not any(fault.rows for fault in faults)
    if not lacking or not valid or "flops" not in cells or "params" not in cells:
        return faults, []
    cells["tokens"] = (cells["flops"] / flops_per_token(cells)).rename("tokens")
    message = f"no tokens given: flops / ({in_words(cells, 'params')}) is used"
    advice = "add a column 'tokens' if attention or recomputation matters"
    note = Finding("tokens assumed", "note", message, advice)
    return [fault for fault in faults if fault not in lacking], [note]


def _six_nd(cells: Mapping[str, pd.Series]) -> tuple[pd.Series, list[Fault]]:
    """Training FLOPs where none are given."""
    with np.errstate(over="ignore", under="ignore"):
        flops = (flops_per_token(cells) * cells["tokens"]).rename("flops")
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
        message = f"no flops given: {in_words(mapping, 'params', 'tokens')} is used"
        notes.append(Finding("flops assumed", "note", message, advice))
    return notes


def _warn(runs: Runs) -> None:
    """One warning for all findings that ask for one."""
    serious = [f"{note.message} ({note.advice})" for note in runs.notes if note.severity == "warning"]
    if serious:
        warnings.warn(f"{runs.source}: " + "; ".join(serious), RunsWarning, stacklevel=3)
