"""What a served token costs in device time, from a latency fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from bayes_scaling.errors import DecisionError
from bayes_scaling.latency.fit import LatencyFit
from bayes_scaling.latency.prediction import predict
from bayes_scaling.latency.queries import query
from bayes_scaling.streams import Stream

GRID = np.linspace(np.log(1e6), np.log(1e13), 65)  # ln params, a quarter of an e-fold apart
BEND = 4  # degree in ln params of what sets one draw of the latency apart from the median


@dataclass(frozen=True)
class Requests:
    """What is served, and where.

    Attributes
    ----------
    prefill, generated : float
        Tokens of each prompt and answer.
    batch_size : float
        Requests served side by side.
    """

    prefill: float
    generated: float
    batch_size: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.batch_size < np.inf:
            raise DecisionError(f"batch_size {self.batch_size!r}: give sequences served together, 1 or more")


@dataclass(frozen=True, eq=False)
class DeviceTime:
    """A latency fit as the price of serving.

    Attributes
    ----------
    latency : LatencyFit
    requests : Requests
    flops_per_second : float
        That one device reaches in training: what turns its seconds into training FLOPs.
    """

    latency: LatencyFit
    requests: Requests
    flops_per_second: float


def device_time(
    latency: LatencyFit,
    lengths: tuple[float, float] | None,
    batch_size: float,
    flops_per_second: float | None,
) -> DeviceTime:
    """The price of serving on the device of a latency fit.

    Raises
    ------
    DecisionError
        No lengths of prompt and answer, no training FLOP/s, or values that cannot be.
    """
    if lengths is None:
        raise DecisionError(
            "serving by a latency fit needs prefill and generated: tokens of prompt and answer"
        )
    if flops_per_second is None:
        raise DecisionError(
            "serving by a latency fit needs flops_per_second, what one device reaches in training: it turns "
            "device time into training FLOPs"
        )
    if not 0 < flops_per_second < np.inf:
        raise DecisionError(f"flops_per_second {flops_per_second!r}: give a positive number such as 4e14")
    return DeviceTime(latency, Requests(*lengths, batch_size), float(flops_per_second))


def device_seconds(
    latency: LatencyFit, architecture: str, requests: Requests, draws: int, seed: int = 0
) -> Callable[[np.ndarray], np.ndarray]:
    """Seconds of one device that a served token takes, a function of ln params (draw, point).

    A request takes the time to its first token and a step for each further one, at the context in the middle
    of the answer; a batch shares them. Each of ``draws`` is paired with a draw of the latency. A draw's curve
    is the median over draws, moved by a polynomial in ln params: smooth, since the cheapest size is looked
    for along it.

    Raises
    ------
    DecisionError
        No timings of steps, or of first tokens where there are prompts.
    LatencyError
        The architecture was not timed.
    """
    log_seconds = _log_seconds(latency, architecture, requests, seed)
    median = np.median(log_seconds, axis=0)
    scaled = (GRID - GRID.mean()) / (GRID[-1] - GRID.mean())
    bends = np.polynomial.polynomial.polyfit(scaled, (log_seconds - median).T, BEND)
    rng = np.random.default_rng([seed, Stream.LATENCY_SIZES, *architecture.encode()])
    bends = bends[:, rng.permutation(np.arange(draws) % len(log_seconds))]
    curve = PchipInterpolator(GRID, median)

    def seconds(x: np.ndarray) -> np.ndarray:
        at = np.clip(x, GRID[0], GRID[-1])
        middle = curve(at) + (x - at)  # beyond the grid in proportion to params
        place = (at - GRID.mean()) / (GRID[-1] - GRID.mean())
        moved = sum(bends[i][:, None] * place**i for i in range(BEND + 1))
        return np.asarray(np.exp(middle + moved))

    return seconds


def _log_seconds(latency: LatencyFit, architecture: str, requests: Requests, seed: int) -> np.ndarray:
    """ln seconds of a served token (draw, grid), whatever the memory."""
    params = np.exp(GRID)
    batch = requests.batch_size
    later = max(requests.generated - latency.settings.generated, 0.0) / 2
    first = predict(latency, query(architecture, params, batch, requests.prefill), "mean", seed)["ttft_ms"]
    total = first.to_numpy().reshape(-1, len(GRID))
    if requests.generated > 1:
        at = round(requests.prefill + later)
        step = predict(latency, query(architecture, params, batch, at), "mean", seed)["step_time_ms"]
        total = total + (requests.generated - 1) * step.to_numpy().reshape(-1, len(GRID))
    if not np.isfinite(total).all():
        what = "first tokens" if not np.isfinite(first).all() else "steps"
        raise DecisionError(
            f"the latency fit has no timings of {what} of {architecture}: time some, or leave latency out"
        )
    return np.asarray(np.log(1e-3 * total / (batch * (requests.prefill + requests.generated))))
