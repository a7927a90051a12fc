"""SwiGLU's elementwise part, in float32."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import triton
import triton.language as tl

from bayes_scaling.kernels.launch import Launch
from bayes_scaling.kernels.spec import Config, Sizes


@triton.jit
def swiglu_kernel(gate, up, y, numbers, block: tl.constexpr):
    """Each program takes one block of the flat arrays."""
    at = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    inside = at < numbers
    left = tl.load(gate + at, mask=inside, other=0.0).to(tl.float32)
    right = tl.load(up + at, mask=inside, other=0.0).to(tl.float32)
    tl.store(y + at, (left * tl.sigmoid(left) * right).to(y.dtype.element_ty), mask=inside)


def launches(arrays: Mapping[str, Any], shape: Sizes, dtype: str, config: Config) -> list[Launch]:
    """One pass over the numbers."""
    numbers, block = shape["tokens"] * shape["ffn_dim"], config.blocks["block"]
    args = {name: arrays[name] for name in ("gate", "up", "y")} | {"numbers": numbers}
    return [Launch(swiglu_kernel, (triton.cdiv(numbers, block),), args, {"block": block}, config)]
