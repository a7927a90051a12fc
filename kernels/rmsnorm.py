"""RMS norm over the last dimension, in float32."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import triton
import triton.language as tl

from bayes_scaling.kernels.launch import Launch, tile
from bayes_scaling.kernels.simple_specs import EPSILON
from bayes_scaling.kernels.spec import Config, Sizes


@triton.jit
def rmsnorm_kernel(x, weight, y, width, epsilon, block: tl.constexpr, one_tile: tl.constexpr):
    """Each program normalises one row; a row wider than a tile is read a second time, from L2."""
    row = tl.program_id(0).to(tl.int64) * width
    cols = tl.arange(0, block)
    if one_tile:
        inside = cols < width
        values = tl.load(x + row + cols, mask=inside, other=0.0).to(tl.float32)
        scale = tl.rsqrt(tl.sum(values * values) / width + epsilon)
        gain = tl.load(weight + cols, mask=inside, other=0.0).to(tl.float32)
        tl.store(y + row + cols, (values * scale * gain).to(y.dtype.element_ty), mask=inside)
    else:
        squares = tl.zeros((block,), dtype=tl.float32)
        for start in range(0, width, block):
            inside = start + cols < width
            values = tl.load(x + row + start + cols, mask=inside, other=0.0).to(tl.float32)
            squares += values * values
        scale = tl.rsqrt(tl.sum(squares) / width + epsilon)
        for start in range(0, width, block):
            inside = start + cols < width
            values = tl.load(x + row + start + cols, mask=inside, other=0.0).to(tl.float32)
            gain = tl.load(weight + start + cols, mask=inside, other=0.0).to(tl.float32)
            tl.store(y + row + start + cols, (values * scale * gain).to(y.dtype.element_ty), mask=inside)


def launches(arrays: Mapping[str, Any], shape: Sizes, dtype: str, config: Config) -> list[Launch]:
    """One program for each row."""
    width = shape["embedding_dim"]
    block = tile(width, config.blocks["block"])
    args = {name: arrays[name] for name in ("x", "weight", "y")} | {"width": width, "epsilon": EPSILON}
    constants = {"block": block, "one_tile": width <= block}
    return [Launch(rmsnorm_kernel, (shape["tokens"],), args, constants, config)]
