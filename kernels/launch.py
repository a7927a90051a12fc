"""One launch of Triton code: what the launcher, the gates and the compilation ahead of time share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import triton
import triton.language as tl

from bayes_scaling.kernels.spec import Config


@dataclass(frozen=True)
class Launch:
    """Triton code with its grid and arguments.

    Attributes
    ----------
    code : triton.JITFunction
    grid : tuple of int
    args : mapping of str to tensor, int or float
    constants : mapping of str to Any
        Arguments known at compile time.
    config : Config
        Warps and stages.
    """

    code: Any
    grid: tuple[int, ...]
    args: Mapping[str, Any]
    constants: Mapping[str, Any]
    config: Config = field(default_factory=lambda: Config({}))

    def __call__(self) -> None:
        """Run it."""
        warps, stages = self.config.num_warps, self.config.num_stages
        self.code[self.grid](**self.args, **self.constants, num_warps=warps, num_stages=stages)


def dot_dtype(dtype: str) -> Any:
    """The dtype of a product's factors; float32 in the interpreter, whose bfloat16 products are wrong."""
    return getattr(tl, factor_dtype(dtype))


def factor_dtype(dtype: str) -> str:
    """The name of the dtype that `dot_dtype` gives."""
    return "float32" if triton.knobs.runtime.interpret else dtype


def tile(size: int, largest: int) -> int:
    """The power of two that holds `size`, at least 16 as a product needs, at most `largest`."""
    return min(max(16, triton.next_power_of_2(size)), largest)
