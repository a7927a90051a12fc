"""Runs out of Weights & Biases CSV exports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from bayes_scaling.data.loading import read_file
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsError
from bayes_scaling.runs.table import Runs

CHOICES = ("last", "best")


def import_wandb(
    path: str | Path,
    columns: Mapping[str, str] | None = None,
    *,
    history: str | Path | None = None,
    choose: str = "last",
) -> Runs:
    """Read the runs table that Weights & Biases exports, one row a run.

    Parameters
    ----------
    path : str or Path
        CSV of the runs table: config and summary columns, ``Name``, ``State``. Rows whose state is not
        ``finished`` are left out.
    columns : mapping of str to str, optional
        Canonical names to the export's, such as ``{"params": "model.num_params", "loss": "val/loss"}``;
        the usual aliases are recognised.
    history : str or Path, optional
        CSV of a chart: a column of steps, then one of each run, ``<Name> - <metric>``. Its last or best
        value becomes the loss of the run of that name.
    choose : {"last", "best"}
        For ``history``.

    Raises
    ------
    RunsError
        A file that cannot be read, no finished run, a chart without a run's column; and as for
        `load_runs`, with row numbers of the table of finished runs.

    Examples
    --------
    >>> runs = bs.data.import_wandb("export.csv", {"loss": "val/loss", "context_length": "ctx"})
    >>> len(runs)  # the run that crashed is left out
    2
    """
    if choose not in CHOICES:
        raise RunsError(f"choose {choose!r}: give one of {', '.join(CHOICES)}")
    frame = read_file(Path(path)).frame
    named = {str(name).lower(): str(name) for name in frame}
    if "state" in named:
        frame = frame[frame[named["state"]].astype(str).str.lower() == "finished"].reset_index(drop=True)
        if frame.empty:
            raise RunsError(f"{path}: no run is finished. Remedy: export the table again when some are.")
    if "name" not in named:
        raise RunsError(f"{path}: no column 'Name', so not a runs table. Remedy: export the table of runs.")
    frame = frame.rename(columns={named["name"]: "run_id"})
    mapping = dict(columns or {})
    if history is not None:
        loss = _losses(Path(history), frame["run_id"].astype(str).tolist(), choose)
        frame = frame.drop(columns=[c for c in ("loss",) if c in frame]).assign(loss=loss)
        mapping["loss"] = "loss"
    return load_runs(frame, columns=mapping or None)


def _losses(path: Path, names: list[str], choose: str) -> list[float]:
    table = read_file(path).frame
    return [_value(table[_column(table, name, path)], name, path, choose) for name in names]


def _column(table: pd.DataFrame, name: str, path: Path) -> str:
    """The chart's column of a run; those of its minimum and maximum are beside it."""
    pattern = re.compile(re.escape(name) + r" - (?!.*__(MIN|MAX)$).+")
    found = [column for column in table if pattern.fullmatch(str(column))]
    if len(found) != 1:
        raise RunsError(
            f"{path}: {len(found)} columns for run {name!r}, one '{name} - metric' is needed. "
            "Remedy: export a chart of one metric with all runs shown."
        )
    return str(found[0])


def _value(column: pd.Series, name: str, path: Path, choose: str) -> float:
    values = pd.to_numeric(column, errors="coerce").dropna()
    if values.empty:
        raise RunsError(f"{path}: run {name!r} has no values. Remedy: drop the run or export it again.")
    return float(values.min() if choose == "best" else values.iloc[-1])
