"""Costs: training FLOPs per token f(N, T), so that a budget is C = f(N, T) D."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from bayes_scaling.accounting.architecture import TRAINING_FACTOR, Architecture
from bayes_scaling.accounting.curves import LogCurve, spline_curve, straight
from bayes_scaling.accounting.families import ShapeFamily, fit_family
from bayes_scaling.accounting.registry import architectures, get_architecture, is_known
from bayes_scaling.accounting.shapes import (
    REQUIRED_SIZES,
    SIZE_NAMES,
    AccountingError,
    check_size,
    numbers,
    shape_from_columns,
)

Array = Any
Families = Mapping[str, ShapeFamily]
CurveBuilder = Callable[[str, float], LogCurve]
_REGISTERED: dict[str, CurveBuilder] = {}


@dataclass(frozen=True)
class Cost:
    """Training FLOPs per token as a smooth increasing function of params.

    Attributes
    ----------
    name : str
    build : callable(architecture, context_length) -> LogCurve
    unit : str
        What budgets are given in.
    flops_per_unit : float
        Training FLOPs that one unit buys.
    needs_context : bool
        False where f does not depend on architecture and context.
    """

    name: str
    build: CurveBuilder = field(repr=False)
    unit: str = "FLOPs"
    flops_per_unit: float = 1.0
    needs_context: bool = True

    def flops_per_token(
        self, xp: Any, ln_params: Array, context_length: float | None = None, architecture: str | None = None
    ) -> Array:
        """f in FLOPs at ln params, any shape, for one architecture and context."""
        return xp.exp(self.log_flops_per_token(xp, ln_params, context_length, architecture))

    def log_flops_per_token(
        self, xp: Any, ln_params: Array, context_length: float | None = None, architecture: str | None = None
    ) -> Array:
        """ln f at ln params."""
        return self.curve(context_length, architecture).value(xp, ln_params)

    def slope(
        self, xp: Any, ln_params: Array, context_length: float | None = None, architecture: str | None = None
    ) -> Array:
        """d ln f / d ln N at ln params, the exact derivative of `log_flops_per_token`."""
        return self.curve(context_length, architecture).slope(xp, ln_params)

    def curve(self, context_length: float | None = None, architecture: str | None = None) -> LogCurve:
        """The curve of one architecture and context, computed once.

        Raises
        ------
        AccountingError
            An unknown architecture, or a context that is not positive.
        """
        if not self.needs_context:
            return self.build("", 0.0)
        if architecture is None or context_length is None:
            raise AccountingError(f"cost {self.name!r} needs an architecture and a context_length")
        check_size("context_length", context_length)
        return self.build(architecture, float(context_length))

    def to_flops(self, amount: Array) -> Array:
        """Training FLOPs of a budget in this cost's unit."""
        return amount * self.flops_per_unit

    def from_flops(self, flops: Array) -> Array:
        """A budget in this cost's unit of that many training FLOPs."""
        return flops / self.flops_per_unit

    def in_unit(self, unit: str, flops_per_unit: float) -> Cost:
        """The same cost with budgets in seconds, dollars or anything that buys FLOPs at a fixed rate."""
        check_size("flops_per_unit", flops_per_unit)
        return replace(self, unit=unit, flops_per_unit=float(flops_per_unit))


def get_cost(cost: str | Cost = "6ND", families: Families | None = None, mode: str | None = None) -> Cost:
    """The cost of that name.

    Parameters
    ----------
    cost : str or Cost
        ``"6ND"``: f = 6 N. ``"accounted"``: the architecture's own count over its shape family, or its
        table. ``"table"``: its table only. Or a name given to `register_cost`.
    families : mapping of str to ShapeFamily, optional
        By architecture; others use the architecture's default. See `fit_families`.
    mode : str, optional
        How architectures count, such as ``"chinchilla"``; those without that mode keep their default.

    Raises
    ------
    AccountingError
        No such cost or mode.
    """
    if isinstance(cost, Cost):
        return cost
    if cost == "6ND":
        return Cost("6ND", lambda architecture, context_length: SIX_N, needs_context=False)
    if cost == "accounted":
        return Cost("accounted", _accounted(families or {}, mode))
    if cost == "table":
        return Cost("table", _table_curve)
    if cost in _REGISTERED:
        return Cost(cost, _REGISTERED[cost])
    known = ", ".join(["6ND", "accounted", "table", *sorted(_REGISTERED)])
    raise AccountingError(f"unknown cost {cost!r}: choose one of {known}, or add yours with register_cost")


SIX_N = straight(1.0, float(np.log(6.0)))


def register_cost(name: str, flops_per_token: Callable[[Array, float, str], Array]) -> Cost:
    """Make a cost known by name.

    Parameters
    ----------
    name : str
    flops_per_token : callable(params, context_length, architecture)
        Training FLOPs per token of an array of params: smooth, increasing, defined from 1e3 to 1e18.
    """
    if name in ("6ND", "accounted", "table"):
        raise AccountingError(f"cost {name!r} is built in: choose another name")

    @lru_cache(maxsize=256)
    def build(architecture: str, context_length: float) -> LogCurve:
        def log_flops(x: np.ndarray) -> np.ndarray:
            return np.asarray(np.log(flops_per_token(np.exp(x), context_length, architecture)))

        return spline_curve(f"cost {name!r}", log_flops)

    _REGISTERED[name] = build
    return get_cost(name)


def fit_families(columns: Mapping[str, Any], **given: Any) -> dict[str, ShapeFamily]:
    """Shape families of each architecture in a table of runs that has shape columns.

    Parameters
    ----------
    columns : mapping of str to array
        ``architecture``, ``params`` and the sizes of `Shape` by name. Architectures whose rows have no
        sizes are left out, so that their default family serves.
    **given
        Sizes the table has no column for, such as ``vocab_size=32000``.
    """
    if any(name not in columns for name in REQUIRED_SIZES):
        return {}
    labels = np.asarray(columns["architecture"]).astype(str)
    known = {k: numbers(k, columns[k]).astype(float) for k in (*SIZE_NAMES, "params") if k in columns}
    sized = np.all([np.isfinite(known[name]) for name in REQUIRED_SIZES], axis=0)
    return {
        label: _fit_rows(label, known, sized & (labels == label), given)
        for label in dict.fromkeys(labels[sized].tolist())
    }


def _fit_rows(
    label: str, known: dict[str, np.ndarray], rows: np.ndarray, given: dict[str, Any]
) -> ShapeFamily:
    part = {name: column[rows] for name, column in known.items() if np.isfinite(column[rows]).all()}
    try:
        return fit_family(shape_from_columns(part, **given), part["params"])
    except AccountingError as error:
        raise AccountingError(f"among the {rows.sum()} rows of {label!r}: {error}") from error


def _accounted(families: Families, mode: str | None) -> CurveBuilder:
    if mode is not None and not any(mode in get_architecture(name).modes for name in architectures()):
        raise AccountingError(f"no architecture counts in mode {mode!r}: leave it out, or correct it")
    by_architecture = {get_architecture(name): families[name] for name in families if is_known(name)}

    @lru_cache(maxsize=256)
    def build(architecture: str, context_length: float) -> LogCurve:
        value = get_architecture(architecture)
        if value.table is not None:
            return value.table.curve(context_length)
        family = by_architecture.get(value, value.family)
        own_mode = mode if mode in value.modes else None
        return spline_curve(value.name, _log_flops(value, family, context_length, own_mode))

    return build


def _log_flops(
    value: Architecture, family: ShapeFamily, context_length: float, mode: str | None
) -> Callable[[np.ndarray], np.ndarray]:
    def log_flops(log_params: np.ndarray) -> np.ndarray:
        shape = family.shape(value.params, np.exp(log_params))
        forward = value.forward_flops(shape, context_length, mode)
        return np.asarray(np.log(TRAINING_FACTOR * forward / context_length))

    return log_flops


def _table_curve(architecture: str, context_length: float) -> LogCurve:
    value = get_architecture(architecture)
    if value.table is None:
        raise AccountingError(
            f'architecture {value.name!r} has no table of FLOPs: use cost="accounted", or register one'
        )
    return value.table.curve(context_length)
