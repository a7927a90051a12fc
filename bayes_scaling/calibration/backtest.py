"""The back-test: each split forecast by the model and by baselines, in processes, kept as it goes."""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import Progress

from bayes_scaling.calibration.forecasters import FORECASTERS, Settings, names_for
from bayes_scaling.calibration.kept import Kept, read_kept, write_kept
from bayes_scaling.calibration.scores import binned, score, summarise
from bayes_scaling.calibration.splits import Split, chosen_runs, make_splits
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsError, RunsWarning
from bayes_scaling.faces.faced import Faced
from bayes_scaling.faces.shown import shown
from bayes_scaling.models.spec import Backend, ModelSpec
from bayes_scaling.parallel import workers
from bayes_scaling.runs.column_units import NATS
from bayes_scaling.runs.reach import decades_outside
from bayes_scaling.runs.table import Runs

COPIED = ("architecture", "context_length", "params", "tokens", "flops", "loss")


SHORT = ("split", "distance", "forecaster", "runs", "in_90", "mae", "bias", "width_90", "crps", "log_score")


@dataclass(frozen=True, eq=False, repr=False)
class Backtest(Faced, printer="calibration.print_backtest", figures={"backtest": "backtest.plot_backtest"}):
    """Scores of every prediction.

    Attributes
    ----------
    rows : DataFrame
        One row a split, forecaster and run left out: by, split, forecaster, converged, the run
        (architecture, context_length, params, tokens, flops, loss), decades (of flops from the fitted
        runs), and the scores of `bayes_scaling.calibration.scores.score`; NaN where there is no forecast.
    loss_unit : str
        The unit of the losses of the runs; kept forecasts that are loaded do not tell it.
    """

    rows: pd.DataFrame
    loss_unit: str = NATS

    def table(self, *by: str, full: bool = False) -> pd.DataFrame:
        """Coverage, error, width and scores for each forecaster and value of some columns.

        Parameters
        ----------
        *by : str
            Columns of ``rows``, or ``distance`` (decades in ranges). Default: split.
        full : bool
            All columns; else those that are read first, displayed as people read them.
        """
        rows = self.rows[self.rows["median"].notna()]
        rows = rows.assign(distance=binned(rows["decades"].to_numpy()))
        if "distance" in by:
            rows = rows.sort_values("decades", kind="stable")
        unknown = [name for name in by if name not in rows]
        if unknown:
            raise RunsError(f"no column {unknown[0]!r} to tabulate by; there are {', '.join(rows.columns)}")
        return shown(summarise(rows, [*(by or ("split",)), "forecaster"]), (*by, *SHORT), full)

    @property
    def pooled(self) -> pd.DataFrame:
        """One row a forecaster, over all splits."""
        return summarise(self.rows[self.rows["median"].notna()], ["forecaster"])


def backtest(
    runs: Any,
    by: str | Sequence[str] = "compute",
    cuts: Sequence[float] | None = None,
    spec: ModelSpec | None = None,
    *,
    backend: Backend = "numpyro",
    draws: int = 500,
    tune: int = 300,
    chains: int = 4,
    seed: int = 0,
    executor: Executor | None = None,
    folder: str | Path | None = None,
    progress: bool | None = None,
    forecasters: Sequence[str] | None = None,
) -> Backtest:
    """Refit on part of the runs, predict the rest, and score the predictions beside baselines.

    Parameters
    ----------
    runs : Runs, path, DataFrame or catalogue name
    by : str or sequence of str
        "compute", "params" or "tokens_per_param": fit up to each cut, predict what lies beyond. "group",
        "architecture" or "context": leave each out.
    cuts : sequence of float, optional
        For a single ``by``; see `bayes_scaling.calibration.splits.make_splits`.
    spec : ModelSpec, optional
        Default: that of `bayes_scaling.fit`.
    backend, draws, tune, chains, seed
        As for `bayes_scaling.fit`.
    executor : concurrent.futures.Executor, optional
        Where forecasts are made; Dask's and Ray's do as well. Default: a process for every two cores.
    folder : str or Path, optional
        Where each forecast's scores are kept: a back-test that was stopped goes on where it was.
    progress : bool, optional
        Default: where standard error is a terminal.
    forecasters : sequence of str, optional
        Of "model", "law alone", "huber", "conformal" and "isoflop line". Default: all.

    Returns
    -------
    Backtest

    Raises
    ------
    RunsError, SpecError
        As for `load_runs`, `make_splits` and `fit`; an unknown forecaster.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(1) as pool:
    ...     found = bs.backtest("runs.csv", cuts=[6e19], forecasters=["isoflop line"], executor=pool)
    >>> found.pooled["forecaster"].tolist()
    ['isoflop line']
    """
    runs = runs if isinstance(runs, Runs) else load_runs(runs)
    kinds = [by] if isinstance(by, str) else list(by)
    if cuts is not None and len(kinds) > 1:
        raise RunsError("cuts go with a single by")
    settings = Settings(spec or ModelSpec(), backend, draws, tune, chains, seed)
    splits = [split for kind in kinds for split in make_splits(runs, kind, cuts)]
    names = _chosen(forecasters, names_for(settings.spec))
    tasks = [_Task(runs, split, name, settings) for split in splits for name in names]
    found = _all(tasks, executor, None if folder is None else Path(folder), progress)

    return Backtest(pd.concat([found[i] for i in range(len(tasks))], ignore_index=True), runs.loss_unit)


def _chosen(wanted: Sequence[str] | None, known: tuple[str, ...]) -> tuple[str, ...]:
    if wanted is None:
        return known
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        raise RunsError(f"no forecaster {unknown[0] if unknown else ''!r}; there are {', '.join(known)}")
    return tuple(dict.fromkeys(wanted))


def load_backtest(folder: str | Path) -> Backtest:
    """The forecasts kept in a folder.

    Raises
    ------
    RunsError
        None there; a file that is not of a back-test or was changed; more than one back-test.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(1) as pool:
    ...     made = bs.backtest(
    ...         "runs.csv", cuts=[6e19], forecasters=["isoflop line"], executor=pool, folder="kept"
    ...     )
    >>> len(bs.load_backtest("kept").rows) == len(made.rows)
    True
    """
    paths = sorted(Path(folder).glob("*.csv")) if Path(folder).is_dir() else []
    if not paths:
        raise RunsError(
            f"{folder}: no back-test there. Remedy: bayes-scaling backtest FILE --folder {folder}"
        )
    parts = [read_kept(path) for path in paths]
    for path, part in zip(paths, parts, strict=True):
        if part.study != parts[0].study:
            raise RunsError(
                f"{folder}: holds more than one back-test, {path.name} is of other runs or settings than "
                f"{paths[0].name}. Remedy: give each back-test its own folder."
            )
    return Backtest(pd.concat([part.rows for part in parts], ignore_index=True))


@dataclass(frozen=True, eq=False)
class _Task:
    runs: Runs
    split: Split
    forecaster: str
    settings: Settings

    @property
    def study(self) -> str:
        """A hash of the runs and the settings: all forecasts of a back-test share it."""
        frame = self.runs.frame[list(COPIED)].to_csv(index=False)
        settings = vars(self.settings) | {"spec": self.settings.spec.to_json()}
        return _hash([settings, frame])

    @property
    def key(self) -> str:
        """Of the kept file: a hash of all that the scores depend on."""
        return _hash([self.study, self.split.name, self.split.fitted.tolist(), self.forecaster])


def _hash(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]


def _all(
    tasks: list[_Task], executor: Executor | None, folder: Path | None, progress: bool | None
) -> dict[int, pd.DataFrame]:
    found = {i: kept for i, task in enumerate(tasks) if (kept := _kept(task, folder)) is not None}
    left = [i for i in range(len(tasks)) if i not in found]
    if not left:
        return found
    with workers(executor, cores_each=2) as pool, _progress(progress) as bar:
        shown = bar.add_task("forecasts", total=len(tasks), completed=len(found))
        futures = {pool.submit(_forecast, tasks[i]): i for i in left}
        try:
            for future in as_completed(futures):
                i = futures[future]
                found[i] = future.result()
                _keep(found[i], tasks[i], folder)
                bar.advance(shown)
        finally:
            for future in futures:
                future.cancel()
    return found


def _forecast(task: _Task) -> pd.DataFrame:
    """One split by one forecaster, in whatever process."""
    past = chosen_runs(task.runs, task.split.fitted)
    future = chosen_runs(task.runs, task.split.predicted)
    draws, converged = FORECASTERS[task.forecaster](past, future, task.settings)
    frame = future.frame
    loss = frame["loss"].to_numpy(dtype=float)
    known = ~np.isnan(draws).any(0)
    scores = pd.DataFrame(score(draws[:, known], loss[known]), index=np.flatnonzero(known))
    copied = frame[list(COPIED)].reset_index(drop=True)
    labels = {"by": task.split.by, "split": task.split.name, "forecaster": task.forecaster}
    flops = past.frame["flops"].to_numpy(dtype=float)
    decades = decades_outside(copied["flops"].to_numpy(dtype=float), flops)
    return copied.assign(**labels, converged=converged, decades=decades).join(scores)


def _path(task: _Task, folder: Path) -> Path:
    return folder / f"{task.key}.csv"


def _kept(task: _Task, folder: Path | None) -> pd.DataFrame | None:
    if folder is None or not _path(task, folder).is_file():
        return None

    path = _path(task, folder)
    try:
        kept = read_kept(path)
    except RunsError as error:
        warnings.warn(f"{error}. It is computed anew", RunsWarning, stacklevel=2)
        return None
    return kept.rows if (kept.study, kept.key) == (task.study, task.key) else None


def _keep(rows: pd.DataFrame, task: _Task, folder: Path | None) -> None:
    """Whole or not at all."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_kept(_path(task, folder), Kept(task.study, task.key, rows))


def _progress(progress: bool | None) -> Progress:
    shown = sys.stderr.isatty() if progress is None else progress
    return Progress(console=Console(stderr=True), disable=not shown, transient=True)
