"""Which result belongs to which prediction, and which results are no test of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.errors import RecordError
from bayes_scaling.laws.coefficients import COLUMNS

SAME = 0.01  # of ln params and ln tokens: a run as trained is that little off its plan
SIZES = ("params", "tokens", *COLUMNS)
MEASURED = ("architecture", "context_length", "params", "tokens", "loss")
TRAINED = ("loss", "budget", "training_s", "finished")  # of a result; a prediction has the rest


def match(content: Mapping[str, Any], results: pd.DataFrame, source: str) -> pd.DataFrame:
    """Predictions beside the results that are of their runs.

    Parameters
    ----------
    content : mapping
        Of `bayes_scaling.calibration.record.read_record`.
    results : DataFrame
        The ``frame`` of runs.
    source : str
        What messages call the record.

    Returns
    -------
    DataFrame
        One row a result: the columns of its prediction, ``prediction`` (that row's number), then loss and
        what else is known of the training.

    Raises
    ------
    RecordError
        No result is of a predicted run; one was trained otherwise than predicted, was among the runs of the
        fit, or began before the predictions were written.
    """
    predictions = pd.DataFrame(content["predictions"])
    place = _places(predictions, results)
    found = results[place >= 0].reset_index(drop=True)
    if found.empty:
        raise RecordError(
            f"{source}: none of its {len(predictions)} runs is among the results. Remedy: train them first, "
            "and keep their run_id, or their architecture, context_length, params and tokens."
        )
    paired = predictions.iloc[place[place >= 0]].reset_index(drop=True)
    _require_as_planned(paired, found)
    _require_unseen(content["fit"], found)
    _require_later(found, content["created"])
    known = [name for name in TRAINED if name in found]
    return paired.assign(prediction=place[place >= 0], **{name: found[name] for name in known})


def fingerprints(frame: pd.DataFrame) -> list[str]:
    """One hash a run, of its group, its sizes and its loss: it tells the run and not the loss."""
    rows = frame[list(MEASURED)].itertuples(index=False)
    return [hashlib.sha256(_text(row).encode()).hexdigest()[:16] for row in rows]


def _text(row: Any) -> str:
    name, context_length, *numbers = row
    return ";".join([str(name), str(int(context_length)), *(f"{float(value):.10g}" for value in numbers)])


def same_design(design: Mapping[Any, Any], frame: pd.DataFrame, tolerance: float) -> np.ndarray:
    """Rows of the design's group whose sizes agree with it in their logs: bool (row,)."""
    names = (frame["architecture"].astype(str) == str(design["architecture"])).to_numpy()
    found = names & (frame["context_length"] == design["context_length"]).to_numpy()
    return np.asarray(found & (_distance(design, frame) <= tolerance))


def _distance(design: Mapping[Any, Any], frame: pd.DataFrame) -> np.ndarray:
    """The largest difference of ln sizes: (row,)."""
    sizes = [name for name in SIZES if name in frame and design.get(name) is not None]
    logs = [np.log(frame[name].to_numpy(dtype=float) / float(design[name])) for name in sizes]
    return np.asarray(np.abs(logs).max(axis=0))


def _places(predictions: pd.DataFrame, results: pd.DataFrame) -> np.ndarray:
    """For each result the row of its prediction, -1 where there is none."""
    if "run_id" in predictions and "run_id" in results:
        rows = {str(name): row for row, name in enumerate(predictions["run_id"])}
        places = np.array([rows.get(str(name), -1) for name in results["run_id"]], dtype=int)
        if (places >= 0).any():
            return places
    return _by_design(predictions, results)


def _by_design(predictions: pd.DataFrame, results: pd.DataFrame) -> np.ndarray:
    """The nearest prediction of the design, one that no result has taken before others."""
    taken: set[int] = set()
    places = np.full(len(results), -1)
    for row, design in enumerate(results.to_dict("records")):
        candidates = np.flatnonzero(same_design(design, predictions, SAME))
        if candidates.size:
            distance = _distance(design, predictions.iloc[candidates])
            order = sorted(
                zip(candidates.tolist(), distance, strict=True), key=lambda x: (x[0] in taken, x[1])
            )
            places[row] = order[0][0]
            taken.add(order[0][0])
    return places


def _require_as_planned(predictions: pd.DataFrame, results: pd.DataFrame) -> None:
    """A result found by its name is of the design that was predicted."""
    rows = zip(predictions.to_dict("records"), results.to_dict("records"), strict=True)
    for planned, trained in rows:
        if same_design(planned, pd.DataFrame([trained]), SAME).all():
            continue
        names = ("architecture", "context_length", *(name for name in SIZES if name in trained))
        told = ", ".join(
            f"{name} {planned[name]:.6g}, {trained[name]:.6g}"
            if name in SIZES
            else f"{name} {planned[name]}, {trained[name]}"
            for name in names
            if planned.get(name) is not None
        )
        raise RecordError(
            f"{_named(trained)} was not trained as it was predicted ({told}). Remedy: leave it out, for its "
            "prediction is of another run; sizes may differ by 1%."
        )


def _require_unseen(fit: Mapping[str, Any], results: pd.DataFrame) -> None:
    """No result was among the runs of the fit."""
    names = set(fit.get("run_ids", ()))
    seen = set(fit.get("seen", ()))
    for row, print_ in zip(results.to_dict("records"), fingerprints(results), strict=True):
        if print_ in seen or str(row.get("run_id")) in names:
            raise RecordError(
                f"{_named(row)} was among the runs of the fit: it is no test of the predictions. "
                "Remedy: leave it out."
            )


def _require_later(results: pd.DataFrame, created: str) -> None:
    """Every run whose time is known began after the predictions were written."""
    limit = datetime.fromisoformat(created)
    for row, began in zip(results.to_dict("records"), beginnings(results), strict=True):
        if began is not None and began < limit:
            raise RecordError(f"{_named(row)} began at {began}, before the predictions were written "
                              f"({created}): it is no test of them. Remedy: leave it out.")  # fmt: skip


def beginnings(results: pd.DataFrame) -> list[datetime | None]:
    """When each run began: ``finished`` (ISO 8601, UTC) less ``training_s`` if known; None if unknown."""
    if "finished" not in results:
        return [None] * len(results)
    ended = [time_of(value) for value in results["finished"]]
    known = results["training_s"] if "training_s" in results else [0.0] * len(results)
    seconds = pd.to_numeric(pd.Series(known), errors="coerce").fillna(0.0).to_numpy(dtype=float)
    return [
        None if end is None else end - pd.Timedelta(seconds=float(length)).to_pytimedelta()
        for end, length in zip(ended, seconds, strict=True)
    ]


def time_of(value: Any) -> datetime | None:
    """A time in ISO 8601, UTC unless it says otherwise; None for anything else."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:  # a flag such as True, or another form
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _named(row: Mapping[Any, Any]) -> str:
    """What messages call a run."""
    if row.get("run_id") is not None:
        return str(row["run_id"])
    return (
        f"the {row['architecture']} of {row['params']:.4g} params and {row['tokens']:.4g} tokens "
        f"at context {row['context_length']}"
    )
