"""Covariates: what else of a run changes how much its params are worth, by a factor that hangs on no size.

    ln N' = ln N + shift(value, coefficient)

The term A N'^-alpha is then (A e^(-alpha shift)) N^-alpha: at one value of a covariate the law is the one
without it, with another A. So the optimum, the drift and all that stands on N and D need to know nothing of
covariates; `folded` gives them that A. A value of 1 is neutral: there the shift is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_scaling.errors import SpecError

Array = Any
NEUTRAL_VALUE = 1.0
REFERENCE = "_reference"  # after a covariate's name: the value at which A is told


@dataclass(frozen=True)
class Covariate:
    """One covariate and the coefficient that says what it is worth.

    Attributes
    ----------
    name : str
        Of its value, as `Fit.at` takes it.
    column : str
        The runs have this column.
    over : str
        The value is the column over this one; the column itself where empty.
    coefficient : str
    shift : callable(xp, value, coefficient) -> array
        Of ln params; 0 at the value 1.
    compute : bool
        Whether training and serving cost as many times the FLOPs as the value says.
    meaning, neutral : str
        What the column holds; what a run is whose value is 1.
    """

    name: str
    column: str
    over: str
    coefficient: str
    shift: Callable[[Any, Array, Array], Array]
    compute: bool
    meaning: str
    neutral: str

    def of_runs(self, columns: Any) -> np.ndarray:
        """The value of each run (run,), from a DataFrame or a mapping of columns."""
        values = np.asarray(columns[self.column], dtype=float)
        return values / np.asarray(columns[self.over], dtype=float) if self.over else values


EXPERTS = Covariate(
    name="params_total_ratio",
    column="params_total",
    over="params",
    coefficient="expert_worth",
    shift=lambda xp, value, worth: worth * xp.log(value),
    compute=False,
    meaning="all params of the model, idle experts too (those of params where it is dense)",
    neutral="a dense model",
)
STREAMS = Covariate(
    name="parallel_streams",
    column="parallel_streams",
    over="",
    coefficient="stream_worth",
    shift=lambda xp, value, worth: xp.log1p(worth * xp.log(value)),
    compute=True,
    meaning="how many parallel streams share the params (1 for an ordinary model)",
    neutral="one stream",
)
COVARIATES = (EXPERTS, STREAMS)


def covariates_of(names: Collection[str]) -> tuple[Covariate, ...]:
    """The covariates whose coefficients are among some names."""
    return tuple(covariate for covariate in COVARIATES if covariate.coefficient in names)


def shift_at(xp: Any, theta: Mapping[str, Array], suffix: str = "") -> Array:
    """What the covariates add to ln params, at the values in theta; at the references for `REFERENCE`."""
    total = 0.0
    for one in covariates_of(theta):
        total = total + one.shift(xp, theta[one.name + suffix], theta[one.coefficient])
    return total


def folded(xp: Any, theta: Mapping[str, Array]) -> dict[str, Array]:
    """Arguments of `laws.law.log_loss` without covariates, which have gone into ``log_A``.

    Parameters
    ----------
    xp : module
        Array namespace.
    theta : mapping
        With ``log_A``, ``alpha``, the coefficients of covariates, their values by name and, where ``log_A``
        is told at other values than 1, these with the suffix `REFERENCE`.
    """
    known = covariates_of(theta)
    if not known:
        return dict(theta)
    shift = shift_at(xp, theta)
    if known[0].name + REFERENCE in theta:
        shift = shift - shift_at(xp, theta, REFERENCE)
    own = {name for one in known for name in (one.coefficient, one.name, one.name + REFERENCE)}
    rest = {name: value for name, value in theta.items() if name not in own}
    return rest | {"log_A": theta["log_A"] - theta["alpha"] * shift}


def checked_values(law: str, known: Collection[Covariate], values: Mapping[str, Any]) -> dict[str, float]:
    """Values of covariates by name, as numbers.

    Parameters
    ----------
    law : str
        Its name, for messages.
    known : collection of Covariate
        Those that it knows.
    values : mapping of str to float

    Raises
    ------
    SpecError
        A covariate that the law does not know, or a value that is no number of at least 1.
    """
    names = [one.name for one in known]
    for name, value in values.items():
        if name not in names:
            there = f"it knows {', '.join(names)}" if names else "it knows no covariates"
            raise SpecError(f"law {law!r} knows no {name!r}: {there}")
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not number or not NEUTRAL_VALUE <= value < np.inf:
            raise SpecError(f"{name} {value!r}: give a number of at least 1, such as 8")
    return {name: float(value) for name, value in values.items()}


def told(values: Mapping[str, float]) -> str:
    """Values in words, such as ``at params_total_ratio 8``; empty where there are none."""
    parts = []
    for one in (one for one in COVARIATES if one.name in values):
        neutral = f" ({one.neutral})" if values[one.name] == NEUTRAL_VALUE else ""
        parts.append(f"{one.name} {values[one.name]:g}{neutral}")
    return f"at {', '.join(parts)}" if parts else ""


def compute_factor(values: Mapping[str, float]) -> float:
    """How many times the FLOPs of a model of as many params and tokens, at values by name."""
    return float(np.prod([values[one.name] for one in COVARIATES if one.compute and one.name in values]))
