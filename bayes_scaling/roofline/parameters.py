"""Coefficients of the latency formulas: what each means, its bounds, and the datasheet prior.

Each coefficient is a function of one real number ``u`` with a normal prior: efficiencies and shares are
sigmoid(u), so that a datasheet's constant is an upper bound; times and factors are exp(u); sharpness is
1 + exp(u).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import log
from typing import Any

from bayes_scaling.roofline.workload import ATTENTION, RECURRENT

Array = Any
STEP, PREFILL = "step", "prefill"
PHASES = (STEP, PREFILL)


@dataclass(frozen=True)
class Parameter:
    """One coefficient.

    Attributes
    ----------
    name : str
    kind : {"efficiency", "share", "positive", "sharpness", "real"}
    center, sd : float
        Of the normal prior of ``u``.
    unit : str
    meaning : str
    """

    name: str
    kind: str
    center: float
    sd: float
    unit: str
    meaning: str

    def value(self, xp: Any, u: Array) -> Array:
        """The coefficient at ``u``."""
        return _VALUES[self.kind](xp, u)

    @property
    def of_device(self) -> bool:
        """Whether it is an efficiency or a time, and not a form of the formula."""
        return self.kind == "efficiency" or self.unit == "s"

    def with_prior(self, center: float, sd: float) -> Parameter:
        """The same coefficient with another prior."""
        return replace(self, center=float(center), sd=float(sd))


_VALUES: Mapping[str, Callable[[Any, Array], Array]] = {
    "efficiency": lambda xp, u: 1 / (1 + xp.exp(-u)),
    "share": lambda xp, u: 1 / (1 + xp.exp(-u)),
    "positive": lambda xp, u: xp.exp(u),
    "sharpness": lambda xp, u: 1 + xp.exp(u),
    "real": lambda xp, u: 1.0 * u,
}


def efficiency(name: str, share: float, sd: float, meaning: str) -> Parameter:
    """A share of a datasheet constant; ``share`` is the prior median."""
    return Parameter(name, "efficiency", log(share / (1 - share)), sd, "1", meaning)


def positive(name: str, median: float, sd: float, unit: str, meaning: str) -> Parameter:
    """A positive coefficient; ``sd`` is that of its logarithm."""
    return Parameter(name, "positive", log(median), sd, unit, meaning)


_BANDWIDTH = efficiency("bandwidth", 0.8, 0.7, "bandwidth at which weights are read")
_CORNER = Parameter("corner", "sharpness", log(3.0), 1.0, "1", "sharpness of the roofline's corner")
_ACTIVATIONS = efficiency(
    "activations", 0.5, 0.7, "bandwidth of norms, sums, gates, copies, and of logits kept"
)
_HOST = positive("host_time", 1e-4, 0.8, "s", "what a query takes beside its kernels")
_LAUNCHES = (
    positive("product_launch", 4e-6, 0.5, "s", "launch of a matrix product"),
    positive("mixer_launch", 5e-6, 0.6, "s", "launch of a sequence mixer"),
    positive("small_launch", 2e-6, 0.5, "s", "launch of a norm, sum, gate or copy"),
    positive("single_launch", 1.0, 0.2, "1", "launches with one sequence, relative to a batch"),
)

_STEP = (
    _BANDWIDTH,
    efficiency("matmul", 0.4, 1.0, "FLOP/s of the matrix products of a step"),
    _CORNER,
    _ACTIVATIONS,
    efficiency("logits", 0.15, 0.8, "bandwidth of logits and of choosing the next token"),
    _HOST,
    positive("first_host", 1.0, 0.3, "1", "the same for a first token without a prompt, relative"),
    *_LAUNCHES,
    positive("single_bandwidth", 1.0, 0.15, "1", "bandwidth with one sequence, relative to a batch"),
    positive("prompt_time", 1e-5, 1.5, "s", "what a long prompt adds to each step after it"),
)
_PREFILL = (
    _BANDWIDTH,
    efficiency("matmul", 0.6, 0.5, "FLOP/s of the matrix products of a prefill"),
    _CORNER,
    _ACTIVATIONS,
    _HOST,
    *_LAUNCHES,
    Parameter(
        "overlap", "sharpness", log(0.3), 0.7, "1", "1: launches and work take turns; more: they overlap"
    ),
)
_MIXERS = {
    (STEP, ATTENTION): (
        efficiency("key_bandwidth", 0.7, 0.7, "bandwidth at which keys and values are read"),
        Parameter(
            "key_width", "real", 0.3, 0.3, "1", "power of the padded head dimension where heads are whole"
        ),
        Parameter(
            "whole_heads",
            "share",
            log(0.05 / 0.95),
            1.5,
            "1",
            "0: keys of a head are split over the device; 1: not",
        ),
    ),
    (STEP, RECURRENT): (
        efficiency("state_bandwidth", 0.7, 0.5, "bandwidth at which states are read and written"),
    ),
    (PREFILL, ATTENTION): (
        efficiency("score_matmul", 0.5, 0.6, "FLOP/s of scores and values of heads 128 wide"),
        Parameter("score_width", "real", 0.7, 0.2, "1", "power of the head dimension"),
        positive("long_passes", 1.0, 1.5, "1", "passes over the outputs once the context is long"),
        Parameter("long_start", "real", log(16.0), 0.5, "1", "ln of context over head dimension, half on"),
        positive("long_spread", 0.4, 0.3, "1", "width of that switch, in logs"),
    ),
    (PREFILL, RECURRENT): (
        efficiency("state_bandwidth", 0.4, 0.7, "bandwidth of the streams and states of the chunks"),
        positive("serial_time", 4e-8, 0.7, "s", "walk along the chunks, per block and token of a sequence"),
    ),
}


_PARALLEL = (
    positive("reduce_launch", 1e-5, 0.6, "s", "a sum over the devices that share a model, whatever its size"),
    positive("link_bandwidth", 3e11, 0.6, "B/s", "bandwidth between devices that share a model"),
)


def parameters(phase: str, mixer: str, parallel: int = 1) -> tuple[Parameter, ...]:
    """Coefficients of a phase ("step", "prefill") and a mixer ("attention", "recurrent").

    ``parallel`` devices share the model; on more than one their sums have coefficients of their own.
    """
    shared = _PARALLEL if parallel > 1 else ()
    return (_STEP if phase == STEP else _PREFILL) + _MIXERS[phase, mixer] + shared


def values(xp: Any, chosen: tuple[Parameter, ...], u: Array) -> dict[str, Array]:
    """Coefficients (..., 1) by name, out of ``u`` (..., coefficient)."""
    return {p.name: p.value(xp, u[..., i])[..., None] for i, p in enumerate(chosen)}
