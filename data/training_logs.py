"""Runs out of a folder of training logs, one CSV a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_scaling.data.delimited import read_cells, read_text
from bayes_scaling.data.last_values import check_choice, chosen_point
from bayes_scaling.data.reading import Table, read_file
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.data.selection import LEFT_OUT
from bayes_scaling.errors import RunsError
from bayes_scaling.runs.columns import recognise
from bayes_scaling.runs.finding import Finding, listed
from bayes_scaling.runs.table import Runs

DESIGN = "runs.csv"


def import_training_logs(
    folder: str | Path, columns: Mapping[str, str] | None = None, *, choose: str = "last"
) -> Runs:
    """Read one point of each log in a folder.

    Parameters
    ----------
    folder : str or Path
        One CSV a run with a row a point: tokens (or flops) and loss, the file's name the run's id. What a
        log has no column for (architecture, context_length, params) comes from ``runs.csv`` in the same
        folder, whose column ``run_id`` names the logs.
    columns : mapping of str to str, optional
        Canonical names to the logs'.
    choose : {"last", "best"}
        The last point that has a loss, or that of the lowest. A log whose last loss is no finite number is
        of a run that diverged: it is left out, with a note.

    Raises
    ------
    RunsError
        No logs, a log without a loss or not named in ``runs.csv``; and as for `load_runs`.

    Examples
    --------
    >>> runs = bs.data.import_training_logs("logs")
    >>> runs.frame["loss"].tolist()
    [3.21, 2.95]
    """
    check_choice(choose)
    place = Path(folder).expanduser()
    logs = sorted(path for path in place.glob("*.csv") if path.name != DESIGN) if place.is_dir() else []
    if not logs:
        raise RunsError(
            f"{folder}: no folder of logs (*.csv). Remedy: give the folder that holds one CSV a run."
        )

    design = _design(place / DESIGN)
    points = {path: _point(path, columns, choose) for path in logs}
    rows = [point | _of(design, path) for path, point in points.items() if point is not None]
    diverged = [path.name for path, point in points.items() if point is None]
    if not rows:
        raise RunsError(f"{folder}: every log ends in a loss that is no number. Remedy: give finished runs.")
    notes: tuple[Finding, ...] = ()
    if diverged:
        message = f"{len(diverged)} of {len(logs)} logs end in a loss that is no number: {listed(diverged)}"
        notes = (Finding(LEFT_OUT, "warning", f"left out: {message}", "check that these runs diverged"),)
    return load_runs(Table(pd.DataFrame(rows), str(folder), None, notes))


def _design(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    table = read_file(path).frame
    if "run_id" not in table:
        raise RunsError(f"{path}: no column 'run_id'. Remedy: name the log of each row in it.")
    return table.set_index(table["run_id"].astype(str))


def _of(design: pd.DataFrame | None, path: Path) -> dict[str, Any]:
    if design is None:
        return {}
    if path.stem not in design.index:
        raise RunsError(
            f"{path}: {DESIGN} has no run_id {path.stem!r}. Remedy: add its row, or move the log."
        )
    row = design.loc[[path.stem]]
    if len(row) > 1:
        raise RunsError(
            f"{path.with_name(DESIGN)}: run_id {path.stem!r} has {len(row)} rows. Remedy: keep one."
        )
    return {str(name): value for name, value in row.iloc[0].items()}


def _point(path: Path, columns: Mapping[str, str] | None, choose: str) -> dict[str, Any] | None:
    """Canonical columns of the chosen point; None where the log ends in no finite loss."""
    table = read_file(path).frame
    mapping, faults = recognise([str(name) for name in table], columns, ("loss",))
    if faults:
        raise RunsError(f"{path}: {faults[0].message}. Remedy: {faults[0].remedy}.")
    cells = read_cells(read_text(path), str(path), path.suffix.lower())
    column = cells.column(mapping["loss"])
    at = chosen_point(column, cells.lines, str(path), choose)
    if at is None:
        return None
    table = table.rename(columns={original: name for name, original in mapping.items()})
    return {"run_id": path.stem} | {str(name): value for name, value in table.iloc[at].items()}
