"""Totals of training and serving along the runs that reach a loss, and the least of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_scaling.accounting import AccountingError, get_architecture
from bayes_scaling.accounting.architecture import TRAINING_FACTOR
from bayes_scaling.accounting.curves import spline_curve
from bayes_scaling.decisions.device_time import DeviceTime, device_seconds
from bayes_scaling.decisions.needed import SMALLER, Contour
from bayes_scaling.errors import DecisionError
from bayes_scaling.frontier import shape_families
from bayes_scaling.posterior import Fit

FINER = 0.03  # e-folds of params, of the second look at the cheapest
QUANTITIES = ("params", "tokens", "total", "overtraining", "saving")
PerToken = Callable[[np.ndarray], np.ndarray]


def serving_cost(
    fit: Fit,
    architecture: str,
    curve: Any,
    lengths: tuple[float, float] | None,
    serving: Callable[[str, np.ndarray], np.ndarray] | DeviceTime | None,
) -> PerToken:
    """FLOPs of a served token as a function of ln params."""
    if isinstance(serving, DeviceTime):
        sizes = fit.posterior.sizes
        seconds = device_seconds(
            serving.latency, architecture, serving.requests, sizes["chain"] * sizes["draw"]
        )
        return lambda x: serving.flops_per_second * seconds(x)
    if serving is not None:
        return lambda x: np.asarray(serving(architecture, np.exp(x)), dtype=float)
    if lengths is None:
        return lambda x: np.asarray(np.exp(curve.value(np, x)) / TRAINING_FACTOR)
    counted = _counted(fit, architecture, lengths)
    return lambda x: np.asarray(np.exp(counted.value(np, x)))


def _counted(fit: Fit, architecture: str, lengths: tuple[float, float]) -> Any:
    """ln FLOPs of a served token by the architecture's accounting, over its shape family."""
    prompt, answer = lengths
    try:
        value = get_architecture(architecture)
    except AccountingError as error:
        raise DecisionError(f"prefill and generated need accounting: {error}") from None
    family = shape_families(fit).get(architecture, value.family)

    def log_flops(x: np.ndarray) -> np.ndarray:
        shape = family.shape(value.params, np.exp(x))
        flops = value.prefill(shape, 1, prompt).flops if prompt else 0.0
        if answer:
            flops = flops + answer * value.generation(shape, 1, prompt, answer).flops
        return np.asarray(np.log(flops / (prompt + answer)))

    return spline_curve(f"serving {architecture}", log_flops)


@dataclass(frozen=True, eq=False)
class Priced:
    """Runs of a loss with what training costs and what a served token costs, FLOPs (draw, point)."""

    runs: Contour
    training: np.ndarray
    per_token: np.ndarray

    @classmethod
    def of(cls, runs: Contour, curve: Any, per_token: PerToken) -> Priced:
        """Of a contour, under a cost curve and a price of served tokens."""
        x, reached = np.nan_to_num(runs.log_params), np.isfinite(runs.log_tokens)
        training = np.exp(np.where(reached, curve.value(np, x) + runs.log_tokens, np.inf))
        return cls(runs, training, per_token(x))

    def total(self, served: float) -> np.ndarray:
        """FLOPs (draw, point) of training and serving; infinite where the loss is out of reach."""
        return self.training + served * self.per_token

    def vertex(self, served: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Least total, by the parabola through its log's lowest three: ln params, total, ln tokens near."""
        total = self.total(served)
        rows, at = np.arange(len(total)), total.argmin(-1)
        inner = np.clip(at, 1, total.shape[1] - 2)
        with np.errstate(invalid="ignore"):
            left, middle, right = (np.log(total[rows, inner + i]) for i in (-1, 0, 1))
            bend = left - 2 * middle + right
        usable = (at == inner) & np.isfinite(bend) & (bend > 0)
        left, middle, right, bend = (np.where(usable, part, 1.0) for part in (left, middle, right, bend))
        shift = np.where(usable, 0.5 * (left - right) / bend, 0.0)
        least = np.where(usable, np.exp(middle - (right - left) ** 2 / (8 * bend)), total[rows, at])
        x = self.runs.log_params
        return x[rows, at] + (x[:, 1] - x[:, 0]) * shift, least, self.runs.log_tokens[rows, at]


def cheapest(priced: Priced, again: Callable[[Contour], Priced], served: np.ndarray) -> dict[str, np.ndarray]:
    """Each quantity (draw, served)."""
    parts = [_at(priced, again, float(tokens)) for tokens in served]
    return {name: np.stack([part[name] for part in parts], axis=-1) for name in parts[0]}


def _at(priced: Priced, again: Callable[[Contour], Priced], served: float) -> dict[str, np.ndarray]:
    """Each quantity (draw,): the cheapest on the contour, then looked at more closely."""
    runs, total = priced.runs, priced.total(served)
    x, _, start = priced.vertex(served)
    x, least, start = again(runs.around(x, start, FINER)).vertex(served)
    needed = runs.tokens_at(x, start)
    reached = np.isfinite(needed)
    x, needed, least = (np.where(reached, part, np.nan) for part in (x, needed, least))
    ratio = runs.cheapest_tokens - runs.cheapest
    values = (np.exp(x), np.exp(needed), least, np.exp(needed - x - ratio), total[:, SMALLER] / least)
    return dict(zip(QUANTITIES, values, strict=True)) | {"lost": (total.argmin(-1) == 0) & reached}
