"""Runs out of Weights & Biases CSV exports. Names are labels there, which may repeat; IDs are identities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_scaling.data.last_values import CHOICES, check_choice
from bayes_scaling.data.reading import Table, read_file
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.data.selection import LEFT_OUT, left_out
from bayes_scaling.data.wandb_chart import read_chart
from bayes_scaling.errors import RunsError
from bayes_scaling.runs.columns import ALIASES, normalise
from bayes_scaling.runs.finding import Finding, listed
from bayes_scaling.runs.table import Runs

__all__ = ["CHOICES", "import_wandb"]

IDS = frozenset({"id", *ALIASES["run_id"]})


def import_wandb(
    path: str | Path,
    columns: Mapping[str, str] | None = None,
    *,
    history: str | Path | None = None,
    choose: str = "last",
    constants: Mapping[str, object] | None = None,
    where: str | None = None,
) -> Runs:
    """Read the runs table that Weights & Biases exports, one row a run.

    Parameters
    ----------
    path : str or Path
        CSV of the runs table: config and summary columns, ``Name``, ``ID`` if any, ``State``. Rows whose
        state is not ``finished`` are left out, with a note of how many and which. IDs become run_id; without
        them the names do, numbered where they repeat.
    columns : mapping of str to str, optional
        Canonical names to the export's, such as ``{"params": "model.num_params", "loss": "val/loss"}``;
        the usual aliases are recognised.
    history : str or Path, optional
        CSV of a chart: a column of steps, then one of each run, ``<Name> - <metric>``, where the longest
        name that fits is meant. Its last or best value becomes the loss of the run. Empty cells are skipped;
        a run whose last cell is no finite number diverged, and is left out with a note.
    choose : {"last", "best"}
        For ``history``.
    constants, where
        As for `load_runs`.

    Raises
    ------
    RunsError
        A file that cannot be read, no finished run, a chart without a run's column or grouped; and as for
        `load_runs`, with the lines of the file.

    Examples
    --------
    >>> runs = bs.data.import_wandb("export.csv", {"loss": "val/loss", "context_length": "ctx"})
    >>> len(runs)  # the run that crashed is left out
    2
    """
    check_choice(choose)
    table = read_file(Path(path))
    named = {str(name).casefold(): str(name) for name in table.frame}
    if "name" not in named:
        raise RunsError(f"{path}: no column 'Name', so not a runs table. Remedy: export the table of runs.")
    mapping = dict(columns or {})
    labels = table.frame[named["name"]].astype(str)
    table = _identified(table, named["name"], mapping)
    if history is not None:
        table = _with_losses(table, labels, Path(history), choose)
        mapping["loss"] = "loss"
    table = _finished(table, named.get("state"))
    return load_runs(table, mapping or None, constants=constants, where=where)


def _identified(table: Table, name: str, mapping: dict[str, str]) -> Table:
    """The table with a column run_id: the export's IDs, or its names, numbered where they repeat."""
    found = [str(column) for column in table.frame if normalise(str(column)) in IDS]
    if "run_id" in mapping or found:
        mapping.setdefault("run_id", next(iter(found), ""))
        return table
    mapping["run_id"] = "run_id"
    labels = table.frame[name].astype(str)
    again = labels.groupby(labels).cumcount()
    frame = table.frame.assign(run_id=labels.where(again == 0, labels + "#" + (again + 1).astype(str)))
    if not (again > 0).any():
        return replace(table, frame=frame)
    twice = sorted(set(labels[again > 0]))
    message = f"names of several runs: {listed(twice)}; the table has no ID, so they are numbered"
    note = Finding("repeated names", "note", message, "export the column ID too")
    return replace(table, frame=frame, notes=(*table.notes, note))


def _finished(table: Table, state: str | None) -> Table:
    """The rows of finished runs, with a note of the others."""
    if state is None:
        return table
    words = table.frame[state].astype(str).str.strip().str.casefold()
    kept = (words == "finished").to_numpy(dtype=bool)
    if not kept.any():
        raise RunsError(f"{table.source}: no run is finished. Remedy: export the table again when some are.")
    if kept.all():
        return table
    counts = ", ".join(f"{word} {count}" for word, count in words[~kept].value_counts().items())
    return _without(table, kept, f"{int((~kept).sum())} of {len(kept)} rows are not finished ({counts})")


def _with_losses(table: Table, labels: pd.Series, path: Path, choose: str) -> Table:
    """The table with losses out of a chart, without the runs whose curve ends in no number."""
    chart = read_chart(path)
    rows = _finished_rows(table)
    losses = chart.losses(labels.tolist(), _ids(table), rows, choose)
    frame = table.frame.drop(columns=[c for c in ("loss",) if c in table.frame]).assign(loss=losses)
    diverged = rows & np.isnan(losses)
    with_loss = replace(table, frame=frame)
    if not diverged.any():
        return with_loss
    names = listed([str(label) for label in labels[diverged]])
    return _without(with_loss, ~diverged, f"{path}: the curve of {names} ends in no finite number")


def _finished_rows(table: Table) -> np.ndarray:
    """Runs that are finished: the others need no column in the chart."""
    state = next((name for name in table.frame if str(name).casefold() == "state"), None)
    if state is None:
        return np.ones(len(table.frame), dtype=bool)
    words = table.frame[state].astype(str).str.strip().str.casefold()
    return np.asarray(words == "finished", dtype=bool)


def _ids(table: Table) -> list[str]:
    """The identity of each run, by which a chart may name it too."""
    found = next((name for name in table.frame if normalise(str(name)) in IDS), "run_id")
    return [str(value) for value in table.frame[found]]


def _without(table: Table, kept: np.ndarray, why: str) -> Table:
    """The kept rows, and a warning that names the others."""
    note = replace(left_out(kept, table.lines, why), severity="warning", code=LEFT_OUT)
    lines = None if table.lines is None else tuple(int(line) for line in np.asarray(table.lines)[kept])
    frame = table.frame.loc[kept].reset_index(drop=True)
    return replace(table, frame=frame, lines=lines, notes=(*table.notes, note))
