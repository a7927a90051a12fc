"""Coefficients of the latency formulas: what each means, its bounds, and the datasheet prior.

Each coefficient is a function of one real number ``u`` with a normal prior: efficiencies are sigmoid(u), so
that a datasheet's constant is an upper bound; times and factors are exp(u); sharpness is 1 + exp(u).
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
    kind : {"efficiency", "positive", "sharpness", "real"}
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
_CORNER = Parameter("corner", "sharpness", log(1.0), 1.0, "1", "sharpness of the roofline's corner")
_HOST = positive("host_time", 2e-4, 0.4, "s", "host time of a query")
_STATE = efficiency("state_bandwidth", 0.7, 0.5, "bandwidth of states and streams of recurrent mixers")

_STEP = (
    _BANDWIDTH,
    efficiency("matmul", 0.3, 1.5, "FLOP/s of the matrix products of a step"),
    _CORNER,
    efficiency("logits", 0.15, 0.8, "bandwidth of logits and of choosing the next token"),
    _HOST,
    positive("first_host", 1.0, 0.3, "1", "host time of a first token without a prompt, relative"),
    positive("block_time", 6e-5, 0.7, "s", "launches of one block"),
    positive("single_block", 0.8, 0.3, "1", "launches with one sequence, relative to a batch"),
    positive("single_bandwidth", 1.0, 0.15, "1", "bandwidth with one sequence, relative to a batch"),
    positive("prompt_time", 5e-5, 1.0, "s", "what a long prompt adds to each step after it"),
)
_PREFILL = (
    _BANDWIDTH,
    efficiency("matmul", 0.5, 0.7, "FLOP/s of the matrix products of a prefill"),
    _CORNER,
    efficiency("activations", 0.3, 0.7, "bandwidth of activations, and of logits kept for all positions"),
    _HOST,
    positive("block_time", 9e-5, 0.7, "s", "launches of one block"),
    positive("single_block", 1.0, 0.15, "1", "launches with one sequence, relative to a batch"),
    positive("serial_time", 2e-8, 1.0, "s", "critical path per block and token of a sequence"),
    Parameter(
        "overlap", "sharpness", log(0.3), 0.7, "1", "1: host and device take turns; more: they overlap"
    ),
)
_MIXERS = {
    (STEP, ATTENTION): (
        efficiency("key_bandwidth", 0.5, 1.0, "bandwidth of one unit that reads keys of dimension 128"),
        Parameter("key_width", "real", 0.3, 0.3, "1", "power of the padded head dimension"),
    ),
    (STEP, RECURRENT): (_STATE,),
    (PREFILL, ATTENTION): (
        efficiency("score_matmul", 0.4, 1.0, "FLOP/s of scores and values of dimension 128"),
        Parameter("score_width", "real", 0.5, 0.2, "1", "power of the head dimension"),
        positive("long_passes", 60.0, 1.5, "1", "passes over the outputs once the context is long"),
        Parameter("long_start", "real", log(16.0), 0.5, "1", "ln of context over head dimension, half on"),
        positive("long_spread", 0.4, 0.3, "1", "width of that switch, in logs"),
    ),
    (PREFILL, RECURRENT): (_STATE,),
}


def parameters(phase: str, mixer: str) -> tuple[Parameter, ...]:
    """Coefficients of a phase ("step", "prefill") and a mixer ("attention", "recurrent")."""
    return (_STEP if phase == STEP else _PREFILL) + _MIXERS[phase, mixer]


def values(xp: Any, chosen: tuple[Parameter, ...], u: Array) -> dict[str, Array]:
    """Coefficients (..., 1) by name, out of ``u`` (..., coefficient)."""
    return {p.name: p.value(xp, u[..., i])[..., None] for i, p in enumerate(chosen)}
