"""What a kernel is: its dimensions, arrays, reference, work and the shapes it refuses. Needs NumPy only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from types import MappingProxyType
from typing import Any

import numpy as np

from bayes_scaling.accounting import Precision, Work
from bayes_scaling.errors import BayesScalingError

Array = Any
Sizes = Mapping[str, int]
Arrays = dict[str, Array]

DTYPE_BYTES = MappingProxyType({"bfloat16": 2, "float16": 2, "float32": 4})
STATE = "float32"  # recurrent states and softmax statistics, whatever the kernel's dtype
CAPABILITIES = (80, 90, 100)  # A100, H100 and H200, B200
LARGEST_SIZE = 2**31 - 1  # offsets are 64 bits wide, sizes are passed as 32
MOST_HEADS = 2**16 - 1  # CUDA's limit on the second and third dimension of a grid


class KernelError(BayesScalingError):
    """A kernel, shape or dtype that cannot be run."""


@dataclass(frozen=True)
class Buffer:
    """One array that a kernel reads or writes.

    Attributes
    ----------
    dims : tuple of str
        Names of its dimensions, the last one contiguous.
    state : bool
        float32 whatever the kernel's dtype.
    """

    dims: tuple[str, ...]
    state: bool = False

    def size(self, shape: Sizes) -> tuple[int, ...]:
        """Sizes of its dimensions."""
        return tuple(int(shape[name]) for name in self.dims)

    def dtype(self, dtype: str) -> str:
        """Name of its dtype where the kernel's is `dtype`."""
        return STATE if self.state else dtype

    def bytes(self, shape: Sizes, dtype: str) -> int:
        """Bytes of the whole array."""
        return int(np.prod(self.size(shape), dtype=np.int64)) * DTYPE_BYTES[self.dtype(dtype)]


@dataclass(frozen=True)
class Scratch:
    """An array that a kernel keeps between its parts, and nobody else reads.

    Attributes
    ----------
    size : tuple of int
    dtype : str
    zeroed : bool
        It is zero before the first launch, and each launch leaves it so.
    """

    size: tuple[int, ...]
    dtype: str = STATE
    zeroed: bool = False


@dataclass(frozen=True)
class Config:
    """How a kernel is launched: tile sizes, warps and pipeline stages.

    Attributes
    ----------
    blocks : mapping of str to int
    num_warps, num_stages : int
    capabilities : tuple of int
        Devices on which it keeps everything in registers; 90 for sm_90.
    """

    blocks: Mapping[str, int]
    num_warps: int = 4
    num_stages: int = 2
    capabilities: tuple[int, ...] = CAPABILITIES

    def __str__(self) -> str:
        return shape_text({**self.blocks, "warps": self.num_warps, "stages": self.num_stages})


def config_space(
    blocks: Mapping[str, tuple[int, ...]], warps: tuple[int, ...], stages: tuple[int, ...] = (2,)
) -> tuple[Config, ...]:
    """Every combination of tile sizes, warps and stages; the first values come first."""
    names = tuple(blocks)
    choices = product(product(*blocks.values()), warps, stages)
    return tuple(
        Config(dict(zip(names, tiles, strict=True)), num_warps, num_stages)
        for tiles, num_warps, num_stages in choices
    )


def precision(dtype: str) -> Precision:
    """Bytes per number of activations, weights and states where the kernel's dtype is `dtype`."""
    size = float(DTYPE_BYTES[dtype])
    return Precision(activation=size, weight=size)


def no_limits(shape: Sizes) -> None:
    """Accept every shape."""


@dataclass(frozen=True)
class KernelSpec:
    """A kernel without its code: what it computes, on which arrays, at which cost.

    Attributes
    ----------
    name : str
        Also the module of its Triton code, ``bayes_scaling.kernels.<name>``.
    dims : tuple of str
        Names of the sizes that make a shape.
    reads, writes : mapping of str to Buffer
    reference : callable
        Arrays by name in float64 in, the arrays that the kernel writes out.
    count : callable
        Shape and dtype in, `Work` out.
    source : str
        Where the maths is from.
    configs : tuple of Config
        The space that is tuned.
    examples : tuple of mappings of str to int
        Shapes of practice, at which resources are recorded.
    draw : callable, optional
        Shape and generator in, inputs out; default standard normal.
    limits : callable
        Raises `KernelError` for a shape that the code does not serve.
    dtypes : tuple of str
    """

    name: str
    dims: tuple[str, ...]
    reads: Mapping[str, Buffer]
    writes: Mapping[str, Buffer]
    reference: Callable[[Arrays], Arrays]
    count: Callable[[Sizes, str], Work]
    source: str
    configs: tuple[Config, ...]
    examples: tuple[Sizes, ...]
    draw: Callable[[Sizes, np.random.Generator], Arrays] | None = None
    limits: Callable[[Sizes], None] = no_limits
    dtypes: tuple[str, ...] = field(default=("bfloat16", "float16", "float32"))

    def supports(self, shape: Sizes, dtype: str) -> None:
        """Refuse a shape or dtype that the kernel does not serve.

        Raises
        ------
        KernelError
            Names the kernel, the dimension or dtype, and what would do.
        """
        if dtype not in self.dtypes:
            raise KernelError(
                f"{self.name}: dtype {dtype!r} is not served; use one of {', '.join(self.dtypes)}."
            )
        check_sizes(self.name, self.dims, shape)
        self.limits(shape)

    def space(self, capability: int = 90) -> tuple[Config, ...]:
        """Configurations for a device, the default first.

        Raises
        ------
        KernelError
            A device older than the kernels are written for.
        """
        family = max((each for each in CAPABILITIES if each <= capability), default=None)
        if family is None:
            raise KernelError(f"{self.name}: sm_{capability} is too old; use sm_{CAPABILITIES[0]} or later.")
        return tuple(config for config in self.configs if family in config.capabilities)

    def inputs(self, shape: Sizes, rng: np.random.Generator) -> Arrays:
        """Random inputs by name, float64."""
        self.supports(shape, self.dtypes[0])
        if self.draw is not None:
            return self.draw(shape, rng)
        return {name: rng.standard_normal(buffer.size(shape)) for name, buffer in self.reads.items()}

    def work(self, shape: Sizes, dtype: str) -> Work:
        """Bytes and FLOPs of one launch, as the accounting counts them."""
        self.supports(shape, dtype)
        return self.count(shape, dtype)


def check_sizes(kernel: str, dims: tuple[str, ...], shape: Sizes) -> None:
    """Refuse sizes that are missing, unknown, not whole or not positive."""
    wanted = ", ".join(dims) or "none"
    for name in shape:
        if name not in dims:
            raise KernelError(f"{kernel}: unknown dimension {name!r}; its dimensions are: {wanted}.")
    for name in dims:
        if name not in shape:
            raise KernelError(f"{kernel}: dimension {name!r} is missing; give all of: {wanted}.")
        size = shape[name]
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or not 0 < size <= LARGEST_SIZE:
            raise KernelError(f"{kernel}: {name} = {size!r} must be a whole number from 1 to {LARGEST_SIZE}.")


def check_offsets(kernel: str, shape: Sizes, length: str) -> None:
    """Refuse a head whose numbers 32 bits cannot count."""
    longest = LARGEST_SIZE // max(shape["head_dim_qk"], shape["head_dim_v"])
    if shape[length] > longest:
        raise KernelError(f"{kernel}: {length} = {shape[length]} is over {longest} for heads of this width.")


def check_heads_of_grid(kernel: str, shape: Sizes) -> None:
    """Refuse more heads than a grid has programs along its second or third dimension."""
    heads = shape["batch"] * shape["num_heads"]
    if heads > MOST_HEADS:
        raise KernelError(f"{kernel}: batch x num_heads = {heads} is over {MOST_HEADS}; use a smaller batch.")


def shape_text(shape: Sizes) -> str:
    """A shape as one cell of a table: ``m=1024;n=1024;k=1024``."""
    return ";".join(f"{name}={size}" for name, size in shape.items())


def parse_shape(text: str) -> dict[str, int]:
    """The shape that `shape_text` wrote.

    Raises
    ------
    KernelError
        A part that is not ``name=whole number``.
    """
    shape: dict[str, int] = {}
    for part in filter(None, text.split(";")):
        name, _, size = part.partition("=")
        if not name or not size.isdecimal() or name in shape:
            raise KernelError(
                f"shape {text!r}: {part!r} is not name=size; write it like 'm=1024;n=1024;k=64'."
            )
        shape[name] = int(size)
    return shape
