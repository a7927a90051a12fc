"""How the columns of a result's short table are displayed, by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from bayes_scaling.printing.numbers import count, factor, loss, plain, power, probability
from bayes_scaling.printing.run_comparison import seeds

_ENDS = ("_median", "_mean", "_min", "_max", "_q05", "_q25", "_q75", "_q95", "_low", "_high")
_FORMS: dict[str, Callable[[float], str]] = {
    "compute": power,
    "flops": power,
    "price": power,
    "total": power,
    "params": count,
    "tokens": count,
    "served_tokens": count,
    "tokens_per_param": count,
    "crossing": power,
    "loss": loss,
    "difference": loss,
    "regret": loss,
    "overall_regret": loss,
    "nats": loss,
    "noise": loss,
    "further_seeds": seeds,
    "multiplier": factor,
    "overtraining": factor,
    "saving": factor,
    "flat": count,
    "probability": probability,
    "best_probability": probability,
}


def formatters(table: pd.DataFrame) -> dict[str, Callable[[Any], str]]:
    """A form for each column of numbers; text, whole numbers and truths stay as they are."""
    return {name: _form(name) for name in table if isinstance(name, str) and _is_float(table[name])}


def _is_float(column: pd.Series) -> bool:
    return bool(pd.api.types.is_float_dtype(column.dtype))


def _form(name: str) -> Callable[[Any], str]:
    for end in _ENDS:
        name = name.removesuffix(end)
    return _FORMS.get(name, plain)
