"""Matrix product ``c = a b`` with float32 sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import triton
import triton.language as tl

from bayes_scaling.kernels.launch import Launch, dot_dtype
from bayes_scaling.kernels.spec import Config, Sizes


@triton.jit
def tile_of_program(m, n, block_m: tl.constexpr, block_n: tl.constexpr, group_m: tl.constexpr):
    """Rows and columns of tiles, walked in groups of rows so that L2 keeps the factors."""
    program = tl.program_id(0)
    tiles_m, tiles_n = tl.cdiv(m, block_m), tl.cdiv(n, block_n)
    first = program // (group_m * tiles_n) * group_m
    height = tl.minimum(tiles_m - first, group_m)
    inner = program % (group_m * tiles_n)
    return first + inner % height, inner // height


@triton.jit
def matmul_kernel(
    a,
    b,
    c,
    m,
    n,
    k,
    block_m: tl.constexpr,
    block_n: tl.constexpr,
    block_k: tl.constexpr,
    group_m: tl.constexpr,
    whole_k: tl.constexpr,
    dot: tl.constexpr,
):
    """Each program computes one tile of the product."""
    row_tile, col_tile = tile_of_program(m, n, block_m, block_n, group_m)
    rows = row_tile * block_m + tl.arange(0, block_m)
    cols = col_tile * block_n + tl.arange(0, block_n)
    inner = tl.arange(0, block_k)
    # Rows and columns past the end wrap round: what they compute is never stored.
    a_at = a + (rows % m)[:, None].to(tl.int64) * k + inner[None, :]
    b_at = b + inner[:, None].to(tl.int64) * n + (cols % n)[None, :]
    total = tl.zeros((block_m, block_n), dtype=tl.float32)
    for start in range(0, k, block_k):
        if whole_k:
            left, right = tl.load(a_at), tl.load(b_at)
        else:
            left = tl.load(a_at, mask=inner[None, :] < k - start, other=0.0)
            right = tl.load(b_at, mask=inner[:, None] < k - start, other=0.0)
        total = tl.dot(left.to(dot), right.to(dot), total)
        a_at += block_k
        b_at += block_k * n.to(tl.int64)
    c_at = c + rows[:, None].to(tl.int64) * n + cols[None, :]
    tl.store(c_at, total.to(c.dtype.element_ty), mask=(rows[:, None] < m) & (cols[None, :] < n))


def launches(arrays: Mapping[str, Any], shape: Sizes, dtype: str, config: Config) -> list[Launch]:
    """One program for each tile of the product."""
    blocks = config.blocks
    grid = (triton.cdiv(shape["m"], blocks["block_m"]) * triton.cdiv(shape["n"], blocks["block_n"]),)
    args = {name: arrays[name] for name in ("a", "b", "c")} | {name: shape[name] for name in ("m", "n", "k")}
    whole = shape["k"] % blocks["block_k"] == 0
    return [Launch(matmul_kernel, grid, args, {**blocks, "whole_k": whole, "dot": dot_dtype(dtype)}, config)]
