"""A file of predictions that shows when it was written and that nothing in it changed since."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec

from bayes_scaling.errors import SweepError
from bayes_scaling.files.small import read_json
from bayes_scaling.files.whole import write_text

KIND = "bayes_scaling preregistration"
VERSION = 1
REMEDY = "name a file that `bayes-scaling sweep preregister` wrote"

Positive = Annotated[float, msgspec.Meta(gt=0, lt=1e300)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Prediction(msgspec.Struct):
    """One run: quantiles of its loss (nats) and of its seconds."""

    run_id: str
    architecture: str
    context_length: int
    params: Positive
    q05: Positive
    q25: Positive
    median: Positive
    q75: Positive
    q95: Positive
    training_s_q05: Positive
    training_s_q50: Positive
    training_s_q95: Positive


class Optimum(msgspec.Struct):
    """The optimal size of a group at a budget."""

    architecture: str
    context_length: int
    compute: Positive
    params_q05: Positive
    params_median: Positive
    params_q95: Positive
    loss_median: Positive


class Decision(msgspec.Struct):
    """What was chosen for a context length, and what it was thought to lose."""

    context_length: int
    budget: Positive
    run_id: str
    regret_mean: float
    regret_q05: float
    regret_q95: float
    xlstm_wins: float


class Record(msgspec.Struct):
    """What a judge reads of a record; there may be more."""

    created: Moment
    predictions: Annotated[list[Prediction], msgspec.Meta(min_length=1)]
    optima: Annotated[list[Optimum], msgspec.Meta(min_length=1)]
    decisions: list[Decision]


def write_record(path: Path, content: dict[str, Any]) -> str:
    """Write a new record and give its SHA-256.

    Raises
    ------
    SweepError
        There is such a file, for predictions are written once; or it cannot be written.
    """
    body = {"kind": KIND, "version": VERSION, **content}
    digest = _digest(body)
    text = json.dumps({**body, "sha256": digest}, indent=1) + "\n"
    write_text(path, text, once=True, error=SweepError, remedy="name a new file")
    return digest


def read_record(path: Path) -> dict[str, Any]:
    """A record, after a check of its SHA-256 and of what it holds.

    Raises
    ------
    SweepError
        No such file, another kind of file, one that was changed, or one that lacks a part.
    """
    return read_json(
        path,
        lambda content: _checked(content, path),
        "a record",
        error=SweepError,
        remedy=f"Remedy: {REMEDY}",
    )


def _checked(content: Any, path: Path) -> dict[str, Any]:
    if not isinstance(content, dict) or content.get("kind") != KIND or content.get("version") != VERSION:
        raise SweepError(f"{path}: holds no predictions. Remedy: {REMEDY}.")
    known = content.pop("sha256", None)
    found = _digest(content)
    if found != known:
        raise SweepError(f"{path}: changed since it was written (SHA-256 {found}, in the file {known}).")
    try:
        msgspec.convert(content, Record)
    except msgspec.ValidationError as error:
        raise SweepError(f"{path}: not a record of this version ({error}). Remedy: {REMEDY}.") from error
    return {**content, "sha256": found}


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
