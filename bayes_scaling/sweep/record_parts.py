"""The parts that the sweep adds to a record of predictions, as a schema."""

from __future__ import annotations

from typing import Annotated

import msgspec

from bayes_scaling.calibration.record_parts import Positive


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


class SweepParts(msgspec.Struct):
    """What a judge reads of a sweep's record beside."""

    optima: Annotated[list[Optimum], msgspec.Meta(min_length=1)]
    decisions: list[Decision]
