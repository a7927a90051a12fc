"""The parts of a record of predictions, as a schema: what is not of these types is refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0, lt=1e300)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Prediction(msgspec.Struct):
    """One run: its design and quantiles of its loss (nats); seconds where the sweep predicts them."""

    architecture: str
    context_length: int
    params: Positive
    tokens: Positive
    q05: Positive
    q25: Positive
    median: Positive
    q75: Positive
    q95: Positive
    run_id: str | None = None
    training_s_q05: Positive | None = None
    training_s_q50: Positive | None = None
    training_s_q95: Positive | None = None


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
    fit: dict[str, Any]
    predictions: Annotated[list[Prediction], msgspec.Meta(min_length=1)]
    levels: list[Positive] | None = None
    quantiles: list[list[Positive]] | None = None


class SweepParts(msgspec.Struct):
    """What a judge reads of a sweep's record beside."""

    optima: Annotated[list[Optimum], msgspec.Meta(min_length=1)]
    decisions: list[Decision]
