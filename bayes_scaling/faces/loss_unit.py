"""The unit of losses in what is shown: written as nats per token, told in the unit of the runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

WRITTEN = "nats/token"
_UNIT: ContextVar[str] = ContextVar("unit", default=WRITTEN)
_TOLD = r"(/| per )(byte|character)\b"  # figures are told each time they are drawn
_IN_NATS = re.compile(rf"\bnats(/token| per token)?(?![\w^$]|{_TOLD})")


def tell_losses_in(unit: str) -> None:
    """From here on losses are told in a unit; see `bayes_scaling.runs.column_units.loss_unit`."""
    _UNIT.set(unit)


def told_unit() -> str:
    """The unit in which losses are told now."""
    return _UNIT.get()


@contextmanager
def own_unit(unit: str) -> Iterator[None]:
    """Losses are told in a unit, and what is told inside holds inside alone."""
    token = _UNIT.set(unit)
    try:
        yield
    finally:
        _UNIT.reset(token)


def unit_of(result: Any) -> str:
    """The unit of the losses of a result that is, or has, runs or a fit; else that in which they are told."""
    return str(getattr(getattr(result, "fit", result), "loss_unit", told_unit()))


def in_loss_unit(text: str) -> str:
    """A text that speaks of nats per token, in the unit that was told."""
    unit = _UNIT.get()
    if unit == WRITTEN:
        return text
    return _IN_NATS.sub(lambda found: unit.replace("/", " per ") if " per " in found[0] else unit, text)
