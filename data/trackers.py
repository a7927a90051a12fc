"""Runs out of experiment trackers, by their own Python interfaces: MLflow, Weights & Biases, trackio."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.data.last_values import check_choice
from bayes_scaling.data.reading import Table
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.data.selection import LEFT_OUT
from bayes_scaling.data.tracked_runs import DONE, Tracked, library, of_mlflow, of_trackio, of_wandb
from bayes_scaling.errors import RunsError
from bayes_scaling.runs.columns import recognise
from bayes_scaling.runs.finding import Finding, listed
from bayes_scaling.runs.table import Runs


def import_mlflow(
    experiment: str,
    columns: Mapping[str, str] | None = None,
    *,
    tracking_uri: str | None = None,
    choose: str = "last",
    constants: Mapping[str, object] | None = None,
    where: str | None = None,
) -> Runs:
    """Read the runs of an MLflow experiment, one row a run (extra ``mlflow``).

    Parameters
    ----------
    experiment : str
        Its name.
    columns : mapping of str to str, optional
        Canonical names to the tracker's params and metrics, such as ``{"loss": "val/loss"}``; the usual
        aliases are recognised.
    tracking_uri : str, optional
        Default: MLflow's own setting.
    choose : {"last", "best"}
        The last value of the loss, or the lowest of its history.
    constants, where
        As for `load_runs`.

    Raises
    ------
    RunsError
        MLflow is not installed or knows no such experiment, no run is finished or has a loss; and as for
        `load_runs`.

    Notes
    -----
    Runs that are not finished, have no loss, or end in a loss that is no finite number are left out, with a
    note of which.

    Examples
    --------
    >>> bs.data.import_mlflow("sweep", {"loss": "val/loss"})  # doctest: +SKIP
    """
    found = of_mlflow(library("mlflow"), experiment, tracking_uri)
    return _runs(found, f"mlflow:{experiment}", columns, choose, constants, where)


def import_wandb_project(
    project: str,
    columns: Mapping[str, str] | None = None,
    *,
    choose: str = "last",
    constants: Mapping[str, object] | None = None,
    where: str | None = None,
) -> Runs:
    """Read the runs of a Weights & Biases project, one row a run (extra ``wandb``).

    Parameters
    ----------
    project : str
        "entity/project".
    columns, choose, constants, where
        As for `import_mlflow`; a config's nested names are joined by dots.

    Raises
    ------
    RunsError
        As for `import_mlflow`.

    See Also
    --------
    import_wandb : from the CSV files that the site exports.

    Examples
    --------
    >>> bs.data.import_wandb_project("lab/sweep", {"loss": "val/loss"})  # doctest: +SKIP
    """
    found = of_wandb(library("wandb"), project)
    return _runs(found, f"wandb:{project}", columns, choose, constants, where)


def import_trackio(
    project: str,
    columns: Mapping[str, str] | None = None,
    *,
    choose: str = "last",
    constants: Mapping[str, object] | None = None,
    where: str | None = None,
) -> Runs:
    """Read the runs of a local trackio project, one row a run (extra ``trackio``).

    Parameters
    ----------
    project : str
    columns, choose, constants, where
        As for `import_mlflow`. trackio keeps no states: every run counts as finished.

    Raises
    ------
    RunsError
        As for `import_mlflow`.

    Examples
    --------
    >>> bs.data.import_trackio("sweep", {"loss": "val/loss"})  # doctest: +SKIP
    """
    found = of_trackio(library("trackio"), project)
    return _runs(found, f"trackio:{project}", columns, choose, constants, where)


def _runs(
    found: Iterable[Tracked],
    source: str,
    columns: Mapping[str, str] | None,
    choose: str,
    constants: Mapping[str, object] | None,
    where: str | None,
) -> Runs:
    check_choice(choose)
    tracked = list(found)
    loss = _loss_name(tracked, source, columns)
    notes: list[Finding] = []
    kept = _left(tracked, lambda run: run.state.casefold() == DONE, "are not finished", source, notes)
    kept = _left(kept, lambda run: loss in run.metrics, f"have no {loss!r}", source, notes)
    kept = _left(kept, lambda run: _ended(run, loss), f"end in a {loss!r} that is no number", source, notes)
    frame = pd.DataFrame([_row(run, loss, choose) for run in kept])
    table = Table(frame.apply(_as_numbers), source, None, tuple(notes))
    mapping = {"run_id": "run_id", "loss": loss} | dict(columns or {})
    return load_runs(table, mapping, constants=constants, where=where)


def _loss_name(tracked: Sequence[Tracked], source: str, columns: Mapping[str, str] | None) -> str:
    """The metric that is the loss: the one named, or the one that the usual aliases name."""
    if not tracked:
        raise RunsError(f"{source}: no runs. Remedy: check the name.")
    if columns and "loss" in columns:
        return columns["loss"]
    known = sorted({name for run in tracked for name in run.metrics})
    mapping, faults = recognise(known, None, ("loss",))
    if faults:
        raise RunsError(
            f"{source}: {faults[0].message}. Remedy: name it by columns={{'loss': ...}}; the metrics are "
            f"{listed(known)}"
        )
    return mapping["loss"]


def _left(
    runs: Sequence[Tracked], good: Callable[[Tracked], bool], why: str, source: str, notes: list[Finding]
) -> list[Tracked]:
    """The good runs, with a note of the others."""
    kept = [run for run in runs if good(run)]
    others = [run.name for run in runs if not good(run)]
    if not kept:
        raise RunsError(f"{source}: all {len(runs)} runs {why}. Remedy: check the project and its metrics.")
    if others:
        message = f"left out: {len(others)} of {len(runs)} runs {why}: {listed(others)}"
        notes.append(Finding(LEFT_OUT, "warning", message, "check that these are not wanted"))
    return kept


def _ended(run: Tracked, loss: str) -> bool:
    try:
        return math.isfinite(float(run.metrics[loss]))
    except (TypeError, ValueError):
        return False


def _row(run: Tracked, loss: str, choose: str) -> dict[str, Any]:
    """A run's cells; a metric stands before a config of its name."""
    cells = {"name": run.name, **run.config, **run.metrics, "run_id": run.run_id}
    if choose == "best":
        values = np.asarray(run.history(loss), dtype=float)
        cells[loss] = float(values[np.isfinite(values)].min())
    return cells


def _as_numbers(column: pd.Series) -> pd.Series:
    """Numbers where every value is one: MLflow keeps params as text."""
    try:
        return pd.to_numeric(column)
    except (TypeError, ValueError):
        return column
