"""Totals of training and serving along the runs that reach a loss, and the least of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_scaling.accounting import AccountingError, get_architecture
from bayes_scaling.accounting.architecture import TRAINING_FACTOR
from bayes_scaling.accounting.curves import spline_curve
from bayes_scaling.decisions.lifetime.device_cost import DeviceTime, device_seconds
from bayes_scaling.decisions.lifetime.loss_contour import FEWER, Contour
from bayes_scaling.errors import DecisionError
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.questions.query import shape_families

FINER = [step * np.arange(-2, 3) for step in (0.05, 0.005)]  # e-folds of tokens, of closer and closer looks
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
    counted = _counted(fit, architecture, lengths).times(fit.compute_factor)
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
        reached = np.isfinite(runs.log_params)
        x = np.where(reached, runs.log_params, 0.0)
        training = np.exp(np.where(reached, curve.value(np, x) + runs.log_tokens, np.inf))
        return cls(runs, training, per_token(x))

    def total(self, served: float) -> np.ndarray:
        """FLOPs (draw, point) of training and serving; infinite where the loss is out of reach."""
        return self.training + served * self.per_token

    def vertex(self, served: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Least total: ln tokens, total, ln params near.

        The place is the vertex of the parabola through the log's lowest three; the total there is
        that of training and serving, each a cubic between four points: the parabola's error counts squared.
        """
        total = self.total(served)
        rows = np.arange(len(total))
        at = total.argmin(-1)
        inner = np.clip(at, 1, total.shape[1] - 3)
        with np.errstate(invalid="ignore"):
            left = np.log(total[rows, inner - 1])
            middle = np.log(total[rows, inner])
            right = np.log(total[rows, inner + 1])
            bend = left - 2 * middle + right
        usable = (at == inner) & np.isfinite(bend) & (bend > 0) & np.isfinite(self.training[rows, inner + 2])
        left = np.where(usable, left, 1.0)
        right = np.where(usable, right, 1.0)
        bend = np.where(usable, bend, 1.0)
        shift = np.where(usable, 0.5 * (left - right) / bend, 0.0)
        there = [_between(part, rows, inner, shift, usable) for part in (self.training, self.per_token)]
        least = np.where(usable, there[0] + served * there[1], total[rows, at])
        d = self.runs.log_tokens
        return d[rows, at] + (d[:, 1] - d[:, 0]) * shift, least, self.runs.log_params[rows, at]


def _between(
    values: np.ndarray, rows: np.ndarray, at: np.ndarray, shift: np.ndarray, usable: np.ndarray
) -> np.ndarray:
    """Positive values (draw, point) ``shift`` steps beyond the point ``at``: a cubic of their logs."""

    def log_at(step: int) -> np.ndarray:
        return np.asarray(np.log(np.where(usable, values[rows, at + step], 1.0)))

    before = log_at(-1)
    here = log_at(0)
    after = log_at(1)
    second = log_at(2)
    left = shift + 1
    right = shift - 1
    far = shift - 2
    cubic = (
        -before * shift * right * far / 6
        + here * left * right * far / 2
        - after * left * shift * far / 2
        + second * left * shift * right / 6
    )
    return np.asarray(np.exp(cubic))


def cheapest(priced: Priced, again: Callable[[Contour], Priced], served: np.ndarray) -> dict[str, np.ndarray]:
    """Each quantity (draw, served)."""
    parts = [_at(priced, again, float(tokens)) for tokens in served]
    return {name: np.stack([part[name] for part in parts], axis=-1) for name in parts[0]}


def _at(priced: Priced, again: Callable[[Contour], Priced], served: float) -> dict[str, np.ndarray]:
    """Each quantity (draw,): the cheapest on the contour, then looked at more and more closely."""
    runs = priced.runs
    total = priced.total(served)
    d, _, start = priced.vertex(served)
    for offsets in FINER:
        d, _, start = again(runs.around(d, start, offsets)).vertex(served)
    found = again(runs.around(d, start, np.zeros(1)))
    x = found.runs.log_params[:, 0]
    least = found.total(served)[:, 0]
    reached = np.isfinite(x)
    x = np.where(reached, x, np.nan)
    d = np.where(reached, d, np.nan)
    least = np.where(reached, least, np.nan)
    ratio = runs.cheapest_tokens - runs.cheapest
    values = (np.exp(x), np.exp(d), least, np.exp(d - x - ratio), total[:, FEWER] / least)
    lost = (total.argmin(-1) == total.shape[1] - 1) & reached
    return dict(zip(QUANTITIES, values, strict=True)) | {"lost": lost}
