"""The unit of losses in what is printed: written as nats per token, told in the unit of the runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from bayes_scaling.runs.column_units import NATS, loss_unit

_UNIT: ContextVar[str] = ContextVar("unit", default=NATS)
_IN_NATS = re.compile(r"\bnats(/token| per token)?(?![\w^])")


def tell_losses_of(mapping: Mapping[str, str]) -> None:
    """From here on losses are told in the unit of runs; the mapping is canonical name to column."""
    _UNIT.set(loss_unit(mapping))


@contextmanager
def own_unit() -> Iterator[None]:
    """What is told inside of the unit holds inside alone."""
    token = _UNIT.set(NATS)
    try:
        yield
    finally:
        _UNIT.reset(token)


def in_loss_unit(text: str) -> str:
    """A text that speaks of nats per token, in the unit of the runs."""
    unit = _UNIT.get()
    if unit == NATS:
        return text
    return _IN_NATS.sub(lambda found: unit.replace("/", " per ") if " per " in found[0] else unit, text)
