"""What a training run and its model must keep to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from math import inf
from typing import Any

from bayes_scaling.errors import DecisionError
from bayes_scaling.numbers.plain import is_finite_number, is_positive_number

SECONDS_PER_HOUR = 3600.0
SERVED = ("step_time_ms", "tpot_ms", "ttft_ms", "memory")  # what a latency fit answers


@dataclass(frozen=True)
class Limits:
    """Limits of a decision; what is None does not bind.

    Attributes
    ----------
    params_at_least, params_at_most : float, optional
    tokens_at_most : float, optional
        Training tokens; of a larger budget only what they take is spent.
    unique_tokens : float, optional
        Different tokens there are; needs a fit of the data-limited law, tokens beyond them repeat.
    step_time_ms, ttft_ms : float, optional
        Longest time of a decoding step, and to the first token, of a batch. Need a latency fit.
    tpot_ms : float, optional
        Longest time per output token of a server that decodes ``batch_size`` requests at once while others
        bring their prompts. Needs a latency fit and a prefill.
    memory : bool
        The batch must fit the device. Needs a latency fit.
    probability : float
        With which these must hold.
    batch_size, prefill : int
        Of the batch they are about: sequences, and tokens of each prompt.
    generated : int
        Tokens of each answer, for ``tpot_ms``.
    hours : float, optional
        Longest training; needs flops_per_second.
    money : float, optional
        Dearest training, in the unit of price_per_hour; needs flops_per_second and price_per_hour.
    devices : int
        That train.
    flops_per_second : float, optional
        That one device reaches in training, not its peak.
    price_per_hour : float, optional
        Of one device.

    Raises
    ------
    DecisionError
        A value that is not positive, limits that contradict each other, or one that lacks what it needs.

    Examples
    --------
    >>> Limits(params_at_most=7e9, step_time_ms=20.0, batch_size=8).active
    ('params_at_most', 'step_time_ms')
    """

    params_at_least: float | None = None
    params_at_most: float | None = None
    tokens_at_most: float | None = None
    unique_tokens: float | None = None
    step_time_ms: float | None = None
    tpot_ms: float | None = None
    ttft_ms: float | None = None
    memory: bool = False
    probability: float = 0.9
    batch_size: int = 1
    prefill: int = 0
    generated: int = 100
    hours: float | None = None
    money: float | None = None
    devices: int = 1
    flops_per_second: float | None = None
    price_per_hour: float | None = None

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self) if field.name != "memory"):
            _check_number(name, getattr(self, name))
        if not isinstance(self.memory, bool):
            raise DecisionError(f"limit memory {self.memory!r}: give true or false")
        if not 0 < self.probability < 1:
            raise DecisionError(
                f"limit probability {self.probability!r}: give one between 0 and 1, such as 0.9"
            )
        low = self.params_at_least
        high = self.params_at_most
        if low is not None and high is not None and low > high:
            raise DecisionError(
                f"params_at_least {low:.4g} is more than params_at_most {high:.4g}: no model keeps to both"
            )
        self._check_needs()

    def _check_needs(self) -> None:
        needs = {"hours": ("flops_per_second",), "money": ("flops_per_second", "price_per_hour")}
        for name, others in needs.items():
            missing = [other for other in others if getattr(self, other) is None]
            if getattr(self, name) is not None and missing:
                raise DecisionError(
                    f"limit {name} needs {' and '.join(missing)}: give what one device reaches"
                )
        if self.tpot_ms is not None and not self.prefill:
            raise DecisionError("limit tpot_ms needs prefill: give the tokens of each prompt, 1 or more")

    @property
    def active(self) -> tuple[str, ...]:
        """Names of those that may bind."""
        about = (
            "probability",
            "batch_size",
            "prefill",
            "generated",
            "devices",
            "flops_per_second",
            "price_per_hour",
        )
        names = (field.name for field in fields(self) if field.name not in about)
        return tuple(name for name in names if getattr(self, name) not in (None, False))

    @property
    def served(self) -> tuple[str, ...]:
        """Those active that need a latency fit."""
        return tuple(name for name in self.active if name in SERVED)

    def largest_flops(self, without: str | None = None) -> dict[str, float]:
        """Training FLOPs that wall-clock and money allow, for those given."""
        if self.flops_per_second is None:
            return {}
        an_hour = self.flops_per_second * SECONDS_PER_HOUR
        found = {}
        if self.hours is not None and without != "hours":
            found["hours"] = self.hours * an_hour * self.devices
        if self.money is not None and self.price_per_hour is not None and without != "money":
            found["money"] = self.money / self.price_per_hour * an_hour
        return found

    def params_range(self, without: str | None = None) -> tuple[float, float]:
        """Least and most params; 0 and infinity where there is no such limit."""
        low = None if without == "params_at_least" else self.params_at_least
        high = None if without == "params_at_most" else self.params_at_most
        return low or 0.0, inf if high is None else high

    def shown(self, name: str) -> str:
        """An active limit in words, with its unit."""
        value = getattr(self, name)
        sure = f"with probability {self.probability:g}"
        batch = f"batch {self.batch_size:g}, prefill {self.prefill:g}"
        load = f"{batch}, generated {self.generated:g}"
        return {
            "params_at_least": f"params >= {value:.4g}",
            "params_at_most": f"params <= {value:.4g}",
            "tokens_at_most": f"tokens <= {value:.4g}",
            "unique_tokens": f"unique tokens {value:.4g}",
            "step_time_ms": f"step time <= {value:g} ms {sure} ({batch})",
            "tpot_ms": f"time per output token <= {value:g} ms {sure} ({load})",
            "ttft_ms": f"time to first token <= {value:g} ms {sure} ({batch})",
            "memory": f"fits the device {sure} ({batch})",
            "hours": f"training <= {value:g} hours on {self.devices:g} devices",
            "money": f"training <= {value:g}",
        }[name]


def limits_from(values: Mapping[str, Any]) -> Limits:
    """Limits from names and values, as a plan file has them.

    Raises
    ------
    DecisionError
        An unknown name, the nearest one suggested; or as for `Limits`.
    """
    check_keys(values, [field.name for field in fields(Limits)], "limit")
    return Limits(**values)


def as_limits(limits: Limits | Mapping[str, Any] | None) -> Limits:
    """Limits from any way they are given; errors as for `limits_from`."""
    return limits if isinstance(limits, Limits) else limits_from(limits or {})


def check_keys(values: Mapping[str, Any], known: list[str], what: str) -> None:
    """Refuse unknown keys, the nearest known one suggested.

    Raises
    ------
    DecisionError
        Naming the first.
    """
    for name in values:
        if name not in known:
            near = get_close_matches(str(name), known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(known)}"
            raise DecisionError(f"unknown {what} {name!r}: {hint}")


def _check_number(name: str, value: Any) -> None:
    if value is None:
        return
    no_prompt = name == "prefill" and is_finite_number(value) and value == 0
    if not (is_positive_number(value) or no_prompt):
        raise DecisionError(f"limit {name} {value!r}: give a positive number")
