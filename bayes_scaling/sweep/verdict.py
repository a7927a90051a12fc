"""What came of predictions that were written down: coverage, bias, who won, and what the choice lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.data.catalog import FOLDER
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import SweepError
from bayes_scaling.sweep.record import read_record
from bayes_scaling.sweep.results import OK

RECORD = FOLDER / "preregistration.json"
USED = ("run_id", "budget", "loss", "training_s", "finished")
MOST = {"loss": 1e3, "training_s": 1e9, "budget": 1e40}  # nats, seconds, FLOPs


@dataclass(frozen=True, eq=False)
class Verdict:
    """Predictions beside results.

    Attributes
    ----------
    runs : DataFrame
        One row a run: the predictions of the record, then loss, error (loss less the predicted median,
        nats), inside_50 and inside_90 (the loss in the predictive intervals), training_s, time_ratio (over
        the predicted median), time_inside_90.
    groups : DataFrame
        One row for each architecture and context length, and one for all: runs, inside_50, inside_90
        (shares), bias and mae (nats), time_inside_90 (share), time_error (median of |ln ratio|).
    optima : DataFrame
        One row a group: predicted params_q05, params_median, params_q95 beside params_measured, the minimum
        of a parabola through the measured curve in ln N, and whether it is inside; NaN where the curve has
        no minimum between its sizes.
    decisions : DataFrame
        One row a context length: run chosen and best run measured, regret (nats) beside its predicted mean
        and 90% interval; probability that xLSTM wins, and whether it did.
    sha256, created : str
        Of the record.
    """

    runs: pd.DataFrame
    groups: pd.DataFrame
    optima: pd.DataFrame
    decisions: pd.DataFrame
    sha256: str
    created: str


def judge(record: str | Path, frame: pd.DataFrame) -> Verdict:
    """Compare a record of predictions with runs trained since.

    Parameters
    ----------
    record : str or Path
        A file of `preregister`.
    frame : DataFrame
        Rows of the sweep; the predicted runs are found by ``run_id``.

    Raises
    ------
    SweepError
        The record was changed, none of its runs is there, one is there twice, one was begun before it was
        written, or has a loss, time or budget that is not a positive number.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> verdict = bs.sweep.judge(RECORD, bs.load_runs("measured").frame)
    >>> verdict.created
    '2026-11-25T04:34:56+00:00'
    """
    content = read_record(Path(record))
    predictions = pd.DataFrame(content["predictions"])
    _require_columns(frame)
    measured = frame[frame["run_id"].isin(predictions["run_id"]) & (frame["status"] == OK)]
    if measured.empty:
        raise SweepError(f"{record}: none of its {len(predictions)} runs is among the results. "
                         "Remedy: train them first.")  # fmt: skip
    _require_numbers(measured)
    _require_later(measured, content["created"])
    runs = _scored(predictions.merge(measured[list(USED)], on="run_id"))
    return Verdict(
        runs,
        _groups(runs),
        _optima(runs, pd.DataFrame(content["optima"])),
        pd.DataFrame(_decided(decision, runs) for decision in content["decisions"]),
        content["sha256"],
        content["created"],
    )


def shipped_verdict(frame: pd.DataFrame | None = None) -> Verdict:
    """The predictions that ship, beside the measured runs that ship.

    Parameters
    ----------
    frame : DataFrame, optional
        The measured runs, if they are read already.
    """
    if frame is None:
        frame = load_runs("measured").frame
    return judge(RECORD, frame)


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


def _require_later(measured: pd.DataFrame, created: str) -> None:
    """Every run began after the predictions were written."""
    limit = datetime.fromisoformat(created)
    for row in measured.to_dict("records"):
        began = _finished(row) - timedelta(seconds=float(row["training_s"]))
        if began < limit:
            raise SweepError(f"{row['run_id']} began at {began}, before the predictions were written "
                             f"({created}): it is no test of them.")  # fmt: skip


def _finished(row: Mapping[Any, Any]) -> datetime:
    """When a run ended; a time without a zone is that of UTC."""
    try:
        found = datetime.fromisoformat(str(row["finished"]))
    except ValueError as error:
        raise SweepError(f"{row['run_id']}: finished {row['finished']!s:.40} is not a time. "
                         "Remedy: write it as 2026-01-31T12:00:00+00:00.") from error  # fmt: skip
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _scored(table: pd.DataFrame) -> pd.DataFrame:
    loss = table["loss"]
    time = table["training_s"]
    return table.assign(
        error=loss - table["median"],
        inside_50=loss.between(table["q25"], table["q75"]),
        inside_90=loss.between(table["q05"], table["q95"]),
        time_ratio=time / table["training_s_q50"],
        time_inside_90=time.between(table["training_s_q05"], table["training_s_q95"]),
    )


def _groups(runs: pd.DataFrame) -> pd.DataFrame:
    keys = ["architecture", "context_length"]
    parts: list[tuple[Any, pd.DataFrame]] = [*runs.groupby(keys), (("all", "all"), runs)]
    return pd.DataFrame(
        {
            **dict(zip(keys, key, strict=True)),
            "runs": len(part),
            "inside_50": part["inside_50"].mean(),
            "inside_90": part["inside_90"].mean(),
            "bias": part["error"].mean(),
            "mae": part["error"].abs().mean(),
            "time_inside_90": part["time_inside_90"].mean(),
            "time_error": np.log(part["time_ratio"]).abs().median(),
        }
        for key, part in parts
    )


def _optima(runs: pd.DataFrame, predicted: pd.DataFrame) -> pd.DataFrame:
    keys = ["architecture", "context_length"]
    found = [
        {
            **dict(zip(keys, key, strict=True)),
            "params_measured": lowest_of_curve(part["params"], part["loss"]),
        }
        for key, part in runs.groupby(keys)
    ]
    names = [*keys, "compute", "params_q05", "params_median", "params_q95", "loss_median"]
    table = predicted[names].merge(pd.DataFrame(found), on=keys)
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
