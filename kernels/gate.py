"""The gate that a kernel passes before it is timed: its outputs against the float64 reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from bayes_scaling.kernels.registry import load_code
from bayes_scaling.kernels.spec import (
    STATE,
    Arrays,
    Config,
    KernelError,
    KernelSpec,
    Scratch,
    Sizes,
    shape_text,
)

Array = Any

# Largest relative error of rounding a number, in units that allow for rounding towards zero.
ROUNDING = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
SUM_ROUNDINGS = 500.0  # float32 roundings that sums and divisions may gather
PRODUCT_ROUNDINGS = 12.0  # roundings of factors on a device, TF32 ones where the dtype is float32
TF32 = 2.0**-10


class Allocator(Protocol):
    """Where a kernel's outputs come from."""

    def blank(self, size: tuple[int, ...], dtype: str) -> Any:
        """A tensor; for the gate one of NaN between margins of NaN."""

    def clear(self, tensor: Any) -> None:
        """Fill a tensor with zeros."""


class Memory(Allocator, Protocol):
    """Where a judged kernel's tensors live: the host for the interpreter, or a GPU."""

    exact_products: bool

    def put(self, array: Array, dtype: str) -> Any:
        """A tensor of these numbers, rounded to the dtype, between margins of NaN."""

    def get(self, tensor: Any) -> Array:
        """The numbers in float64."""

    def is_intact(self, tensor: Any) -> bool:
        """Whether the margins hold nothing but NaN."""


@dataclass(frozen=True)
class Verdict:
    """What the gate found.

    Attributes
    ----------
    errors : mapping of str to float
        By output, the largest error as a share of what is allowed; NaN where the output has one.
    overwritten : tuple of str
        Arrays outside of which the kernel wrote, inputs that it changed, and scratch that it left dirty.
    """

    errors: Mapping[str, float]
    overwritten: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every output is within its tolerance and nothing else was written."""
        return not self.overwritten and all(error <= 1.0 for error in self.errors.values())


def allocate(
    spec: KernelSpec, code: ModuleType, shape: Sizes, dtype: str, config: Config, memory: Allocator
) -> Arrays:
    """Outputs and scratch, for the gate full of NaN: what is not written shows."""
    tensors = {name: memory.blank(each.size(shape), each.dtype(dtype)) for name, each in spec.writes.items()}
    for name, each in scratch_of(code, shape, dtype, config).items():
        tensors[name] = memory.blank(each.size, each.dtype)
        if each.zeroed:
            memory.clear(tensors[name])
    return tensors


def scratch_of(code: ModuleType, shape: Sizes, dtype: str, config: Config) -> dict[str, Scratch]:
    """The arrays that a kernel keeps between its parts, by name."""
    found: dict[str, Scratch] = getattr(code, "scratch", lambda *_: {})(shape, dtype, config)
    return found


def tolerance(stored: str, dtype: str, exact_products: bool) -> tuple[float, float]:
    """Allowed error relative to a number, and relative to the root mean square of its array."""
    absolute = SUM_ROUNDINGS * ROUNDING[STATE]
    if not exact_products:
        absolute += PRODUCT_ROUNDINGS * max(ROUNDING[dtype], TF32)
    return ROUNDING[stored] + SUM_ROUNDINGS * ROUNDING[STATE], absolute


def error_share(found: Array, expected: Array, limits: tuple[float, float]) -> float:
    """The largest error over what is allowed there."""
    relative, absolute = limits
    allowed = relative * np.abs(expected) + absolute * np.sqrt(np.mean(expected**2))
    return float(np.max(np.abs(found - expected) / np.maximum(allowed, np.finfo(np.float64).tiny)))


@dataclass(frozen=True)
class Trial:
    """A shape with random inputs and what must come out, for any number of configurations.

    Attributes
    ----------
    spec : KernelSpec
    shape : mapping of str to int
    dtype : str
    memory : Memory
    inputs : dict of str to tensor
    stored : dict of str to array
        The inputs as the memory holds them, float64.
    expected : dict of str to array
        What the reference makes of them.
    """

    spec: KernelSpec
    shape: Sizes
    dtype: str
    memory: Memory
    inputs: Arrays
    stored: Arrays
    expected: Arrays

    @classmethod
    def draw(
        cls, spec: KernelSpec, shape: Sizes, dtype: str, memory: Memory, rng: np.random.Generator
    ) -> Trial:
        """Draw the inputs and run the reference.

        Raises
        ------
        KernelError
            A shape or dtype that the kernel does not serve.
        """
        spec.supports(shape, dtype)
        inputs = {
            name: memory.put(array, spec.reads[name].dtype(dtype))
            for name, array in spec.inputs(shape, rng).items()
        }
        stored = {name: memory.get(tensor) for name, tensor in inputs.items()}
        return cls(spec, shape, dtype, memory, inputs, stored, spec.reference(stored))

    def judge(self, config: Config, code: ModuleType) -> Verdict:
        """Run the kernel once and compare."""
        memory = self.memory
        tensors = self.inputs | allocate(self.spec, code, self.shape, self.dtype, config, memory)
        for launch in code.launches(tensors, self.shape, self.dtype, config):
            launch()
        errors = {
            name: error_share(
                memory.get(tensors[name]),
                self.expected[name],
                tolerance(each.dtype(self.dtype), self.dtype, memory.exact_products),
            )
            for name, each in self.spec.writes.items()
        }
        changed = [
            name
            for name, array in self.stored.items()
            if not np.array_equal(array, memory.get(self.inputs[name]))
        ]
        outside = [name for name, tensor in tensors.items() if not memory.is_intact(tensor)]
        used = scratch_of(code, self.shape, self.dtype, config)
        left = [name for name, each in used.items() if each.zeroed and memory.get(tensors[name]).any()]
        return Verdict(errors, tuple(changed + outside + left))


def judge(
    spec: KernelSpec,
    shape: Sizes,
    dtype: str,
    memory: Memory,
    rng: np.random.Generator,
    config: Config | None = None,
    code: ModuleType | None = None,
) -> Verdict:
    """Run a kernel once and compare.

    Parameters
    ----------
    spec : KernelSpec
    shape : mapping of str to int
    dtype : str
    memory : Memory
    rng : numpy.random.Generator
        Draws the inputs.
    config : Config, optional
        Default that of sm_90.
    code : module, optional
        Other Triton code for the same specification.
    """
    trial = Trial.draw(spec, shape, dtype, memory, rng)
    return trial.judge(config or spec.space()[0], code or load_code(spec))


def require(spec: KernelSpec, shape: Sizes, dtype: str, verdict: Verdict) -> None:
    """Refuse to go on with a kernel that is wrong.

    Raises
    ------
    KernelError
        Names the kernel, the shape and what failed.
    """
    if verdict.passed:
        return
    wrong = [f"{name} is {share:.3g} times its tolerance off" for name, share in verdict.errors.items()]
    wrong += [f"{name} was overwritten" for name in verdict.overwritten]
    raise KernelError(f"{spec.name} at {shape_text(shape)} in {dtype} fails its gate: {'; '.join(wrong)}.")
