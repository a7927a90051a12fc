"""The unit of losses in what is printed: written as nats per token, told in the unit of the runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

WRITTEN = "nats/token"
_UNIT: ContextVar[str] = ContextVar("unit", default=WRITTEN)
_IN_NATS = re.compile(r"\bnats(/token| per token)?(?![\w^])")


def tell_losses_in(unit: str) -> None:
    """From here on losses are told in a unit; see `bayes_scaling.runs.column_units.loss_unit`."""
    _UNIT.set(unit)


@contextmanager
def own_unit() -> Iterator[None]:
    """What is told inside of the unit holds inside alone."""
    token = _UNIT.set(WRITTEN)
    try:
        yield
    finally:
        _UNIT.reset(token)


def in_loss_unit(text: str) -> str:
    """A text that speaks of nats per token, in the unit that was told."""
    unit = _UNIT.get()
    if unit == WRITTEN:
        return text
    return _IN_NATS.sub(lambda found: unit.replace("/", " per ") if " per " in found[0] else unit, text)
