"""What a bench asks of a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bayes_scaling.kernels import KernelSpec

Call = Callable[[], Any]


@dataclass(frozen=True)
class Prepared:
    """A launch that is compiled and tuned.

    Attributes
    ----------
    call : callable
    configuration : str
        The tiles, warps and stages that tuning chose; empty where a library chooses itself.
    """

    call: Call
    configuration: str = ""


@dataclass(frozen=True)
class Timing:
    """One timing of one launch, and how it was taken."""

    time_ms: float
    method: str
    l2: str
    graph: bool = False


class Backend(Protocol):
    """A device with the kernels that run on it.

    Attributes
    ----------
    device, driver : str
        As the rows name them.
    dtype : str
        In which the kernels are timed.
    method : str
        Of a row that has no time.
    shapes : mapping of str to list of shapes
        The shapes to time, by kernel.
    versions : mapping of str to str
        Of Triton and torch, by provider.
    """

    device: str
    driver: str
    dtype: str
    method: str
    shapes: Mapping[str, list[dict[str, int]]]
    versions: Mapping[str, str]

    def providers(self, spec: KernelSpec) -> tuple[str, ...]:
        """Who has this kernel; the first one is gated."""

    def gate(self, spec: KernelSpec) -> None:
        """Raise `KernelError` where the kernel is wrong."""

    def prepare(self, spec: KernelSpec, provider: str, shape: Mapping[str, int]) -> Prepared:
        """One launch on random inputs, compiled and tuned."""

    def timings(self, call: Call, repeats: int) -> list[Timing]:
        """Time it after a warm-up, in each state of the cache."""

    def clock_mhz(self) -> float | None:
        """The clock now, where it can be read."""

    def status(self, error: Exception) -> str | None:
        """What a row says of an error; None where the error is not the device's."""
