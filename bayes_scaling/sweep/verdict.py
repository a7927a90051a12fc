"""How the sweep's predictions did: its losses, times, optima, who won, and what the choice lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.calibration.judging import GROUP, Verdict, judged, quiet
from bayes_scaling.calibration.matching import time_of
from bayes_scaling.calibration.record import check_parts, read_record
from bayes_scaling.data.catalog import FOLDER
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import SweepError
from bayes_scaling.sweep.record_parts import SweepParts
from bayes_scaling.sweep.results import OK

RECORD = FOLDER / "preregistration.json"
USED = ("run_id", "budget", "loss", "training_s", "finished")
MOST = {"loss": 1e3, "training_s": 1e9, "budget": 1e40}  # nats, seconds, FLOPs


@dataclass(frozen=True, eq=False)
class SweepVerdict:
    """The sweep's predictions beside its results.

    Attributes
    ----------
    losses : Verdict
        Of `bayes_scaling.judge`.
    runs : DataFrame
        Its rows, and training_s, time_ratio (over the predicted median), time_inside_90.
    groups : DataFrame
        Its groups, and time_inside_90 (share), time_error (median of |ln ratio|).
    optima : DataFrame
        One row a group: predicted params_q05, params_median, params_q95 beside params_measured, the minimum
        of a parabola through the measured curve in ln N, and whether it is inside; NaN where the curve has
        no minimum between its sizes.
    decisions : DataFrame
        One row a context length: run chosen and best run measured, regret (nats) beside its predicted mean
        and 90% interval; probability that xLSTM wins, and whether it did.
    """

    losses: Verdict
    runs: pd.DataFrame
    groups: pd.DataFrame
    optima: pd.DataFrame
    decisions: pd.DataFrame


def judge_sweep(record: str | Path, frame: pd.DataFrame) -> SweepVerdict:
    """Compare a record of the sweep's predictions with its runs trained since.

    Parameters
    ----------
    record : str or Path
        A file of `preregister_sweep`.
    frame : DataFrame
        Rows of the sweep; those that diverged are left out.

    Raises
    ------
    SweepError
        The record is not of the sweep, or a run has a loss, time or budget that is not a positive number.
    RecordError
        As for `bayes_scaling.judge`.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> verdict = bs.sweep.judge_sweep(RECORD, bs.load_runs("measured").frame)
    >>> verdict.losses.created
    '2026-11-25T04:34:56+00:00'
    """
    content = read_record(Path(record))
    if "optima" not in content and "decisions" not in content:
        raise SweepError(f"{record}: not of the sweep. Remedy: judge it by `bayes-scaling judge`.")
    check_parts(content, SweepParts, record)
    _require_columns(frame)
    finished = frame[frame["status"] == OK]
    planned = [prediction["run_id"] for prediction in content["predictions"]]
    predicted = finished[finished["run_id"].isin(planned)]
    _require_numbers(predicted)
    _require_times(predicted)
    measured = quiet(finished).frame if len(finished) else finished
    losses = judged(content, measured, str(record))
    runs = _timed(losses.runs)
    return SweepVerdict(
        losses,
        runs,
        losses.groups.assign(**_times(runs)),
        _optima(runs, pd.DataFrame(content["optima"])),
        pd.DataFrame(_decided(decision, runs) for decision in content["decisions"]),
    )


def shipped_verdict(frame: pd.DataFrame | None = None) -> SweepVerdict:
    """The predictions that ship, beside the measured runs that ship.

    Parameters
    ----------
    frame : DataFrame, optional
        The measured runs, if they are read already.
    """
    if frame is None:
        frame = load_runs("measured").frame
    return judge_sweep(RECORD, frame)


def _require_columns(frame: pd.DataFrame) -> None:
    missing = [name for name in (*USED, "status") if name not in frame]
    if missing:
        raise SweepError(f"the results have no column {missing[0]!r}. Remedy: give what `sweep run` wrote.")


def _require_numbers(measured: pd.DataFrame) -> None:
    """Each run is there once, and its loss, its time and its budget are numbers that a run can have."""
    twice = measured["run_id"][measured["run_id"].duplicated()]
    if len(twice):
        raise SweepError(f"{twice.iloc[0]} is there twice among the results. Remedy: leave one of its rows.")
    for name, most in MOST.items():
        values = pd.to_numeric(measured[name], errors="coerce").to_numpy(dtype=float)
        bad = ~((values > 0) & (values <= most))
        if bad.any():
            row = measured.iloc[int(bad.argmax())]
            raise SweepError(f"{row['run_id']}: its {name} is {row[name]!s:.40}, not between 0 and {most:g}. "
                             "Remedy: train it again, or mark its status as diverged.")  # fmt: skip


def _require_times(measured: pd.DataFrame) -> None:
    """Every run says when it ended."""
    for row in measured.to_dict("records"):
        if time_of(row["finished"]) is None:
            raise SweepError(f"{row['run_id']}: finished {row['finished']!s:.40} is not a time. "
                             "Remedy: write it as 2026-01-31T12:00:00+00:00.")  # fmt: skip


def _timed(table: pd.DataFrame) -> pd.DataFrame:
    time = table["training_s"]
    return table.assign(
        time_ratio=time / table["training_s_q50"],
        time_inside_90=time.between(table["training_s_q05"], table["training_s_q95"]),
    )


def _times(runs: pd.DataFrame) -> dict[str, list[float]]:
    """Columns of the groups' table, in its order."""
    parts = [*(part for _, part in runs.groupby(GROUP)), runs]
    return {
        "time_inside_90": [part["time_inside_90"].mean() for part in parts],
        "time_error": [np.log(part["time_ratio"]).abs().median() for part in parts],
    }


def _optima(runs: pd.DataFrame, predicted: pd.DataFrame) -> pd.DataFrame:
    found = [
        {
            **dict(zip(GROUP, key, strict=True)),
            "params_measured": lowest_of_curve(part["params"], part["loss"]),
        }
        for key, part in runs.groupby(GROUP)
    ]
    names = [*GROUP, "compute", "params_q05", "params_median", "params_q95", "loss_median"]
    table = predicted[names].merge(pd.DataFrame(found), on=GROUP)
    inside = table["params_measured"].between(table["params_q05"], table["params_q95"])
    return table.assign(inside_90=inside.where(table["params_measured"].notna()))


def lowest_of_curve(params: Any, loss: Any) -> float:
    """Params at the minimum of a parabola of the loss in ln N; NaN unless it lies between the sizes."""
    x = np.log(np.asarray(params, dtype=float))
    y = np.asarray(loss, dtype=float)
    if len(x) < 4:
        return float("nan")
    middle = x.mean()
    a, b, _ = np.polyfit(x - middle, y, 2)
    place = middle - b / (2 * a) if a > 0 else np.inf
    return float(np.exp(place)) if x.min() <= place <= x.max() else float("nan")


def _decided(decision: Mapping[str, Any], runs: pd.DataFrame) -> dict[str, Any]:
    """One decision of the record beside what was measured."""
    here = runs[
        (runs["context_length"] == decision["context_length"]) & (runs["budget"] == decision["budget"])
    ]
    best = here.loc[here["loss"].idxmin()]
    chosen = here[here["run_id"] == decision["run_id"]]
    lowest = here.groupby("architecture")["loss"].min()
    both = {"transformer", "xlstm"} <= set(lowest.index)
    return {
        **decision,
        "best": best["run_id"],
        "regret": float(chosen["loss"].iloc[0] - best["loss"]) if len(chosen) else float("nan"),
        "xlstm_won": bool(lowest["xlstm"] < lowest["transformer"]) if both else None,
        "difference": float(lowest["xlstm"] - lowest["transformer"]) if both else float("nan"),
    }
