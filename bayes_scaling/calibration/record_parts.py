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


class Record(msgspec.Struct):
    """What a judge reads of a record; there may be more."""

    created: Moment
    fit: dict[str, Any]
    predictions: Annotated[list[Prediction], msgspec.Meta(min_length=1)]
    levels: list[Positive] | None = None
    quantiles: list[list[Positive]] | None = None
