"""Copy: the bandwidth of the memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import triton
import triton.language as tl

from bayes_scaling.kernels.launch import Launch
from bayes_scaling.kernels.spec import Config, Sizes


@triton.jit
def copy_kernel(x, y, numbers, block: tl.constexpr):
    """Each program copies one block."""
    at = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    inside = at < numbers
    tl.store(y + at, tl.load(x + at, mask=inside), mask=inside)


def launches(arrays: Mapping[str, Any], shape: Sizes, dtype: str, config: Config) -> list[Launch]:
    """One pass over the numbers."""
    block = config.blocks["block"]
    grid = (triton.cdiv(shape["numbers"], block),)
    args = {"x": arrays["x"], "y": arrays["y"], "numbers": shape["numbers"]}
    return [Launch(copy_kernel, grid, args, {"block": block}, config)]
