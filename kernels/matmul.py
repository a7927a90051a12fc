"""Matrix product ``c = a b`` with float32 sums; few rows are split over the inner dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import triton
import triton.language as tl

from bayes_scaling.kernels.arrival import last_to_arrive
from bayes_scaling.kernels.launch import Launch, dot_dtype
from bayes_scaling.kernels.spec import Config, Scratch, Sizes

FEW_ROWS = 64  # at most so many rows leave most of a device idle, and are worth a split


@triton.jit
def tile_of_program(m, n, block_m: tl.constexpr, block_n: tl.constexpr, group_m: tl.constexpr):
    """Rows and columns of tiles, walked in groups of rows so that L2 keeps the factors."""
    program = tl.program_id(0)
    tiles_m = tl.cdiv(m, block_m)
    tiles_n = tl.cdiv(n, block_n)
    first = program // (group_m * tiles_n) * group_m
    height = tl.minimum(tiles_m - first, group_m)
    inner = program % (group_m * tiles_n)
    return first + inner % height, inner // height


@triton.jit
def own_part(parts, splits: tl.constexpr, block_m: tl.constexpr, block_n: tl.constexpr):
    """Where the first part of a program's tile lies; the others follow it."""
    inside = tl.arange(0, block_m)[:, None] * block_n + tl.arange(0, block_n)[None, :]
    return parts + tl.program_id(0).to(tl.int64) * (splits * block_m * block_n) + inside


@triton.jit
def sum_of_parts(parts_at, splits: tl.constexpr, block_m: tl.constexpr, block_n: tl.constexpr):
    """All parts of a tile, summed in the same order whoever came last."""
    total = tl.zeros((block_m, block_n), dtype=tl.float32)
    for split in tl.static_range(splits):
        total += tl.load(parts_at + split * (block_m * block_n), cache_modifier=".cg")
    return total


@triton.jit
def matmul_kernel(
    a,
    b,
    c,
    parts,
    arrivals,
    m,
    n,
    k,
    split_k,
    block_m: tl.constexpr,
    block_n: tl.constexpr,
    block_k: tl.constexpr,
    group_m: tl.constexpr,
    splits: tl.constexpr,
    whole_k: tl.constexpr,
    dot: tl.constexpr,
):
    """Each program computes one tile of the product, or its part of the inner dimension."""
    row_tile, col_tile = tile_of_program(m, n, block_m, block_n, group_m)
    rows = row_tile * block_m + tl.arange(0, block_m)
    cols = col_tile * block_n + tl.arange(0, block_n)
    inner = tl.arange(0, block_k)
    row_step = tl.full((), 1, dtype=tl.int64) * n  # n itself is no tensor where it is 1
    first = 0
    last = k
    if splits > 1:
        first = tl.program_id(1) * split_k
        last = tl.minimum(first + split_k, k)
    # Rows and columns past the end wrap round: what they compute is never stored.
    a_at = a + (rows % m)[:, None].to(tl.int64) * k + (first + inner)[None, :]
    b_at = b + (first + inner)[:, None].to(tl.int64) * row_step + (cols % n)[None, :]
    total = tl.zeros((block_m, block_n), dtype=tl.float32)
    for start in range(first, last, block_k):
        if whole_k:
            left = tl.load(a_at)
            right = tl.load(b_at)
        else:
            left = tl.load(a_at, mask=inner[None, :] < last - start, other=0.0)
            right = tl.load(b_at, mask=inner[:, None] < last - start, other=0.0)
        total = tl.dot(left.to(dot), right.to(dot), total)
        a_at += block_k
        b_at += block_k * row_step
    c_at = c + rows[:, None].to(tl.int64) * row_step + cols[None, :]
    inside = (rows[:, None] < m) & (cols[None, :] < n)
    if splits > 1:
        parts_at = own_part(parts, splits, block_m, block_n)
        tl.store(parts_at + tl.program_id(1) * (block_m * block_n), total)
        if last_to_arrive(arrivals + tl.program_id(0), splits):
            whole = sum_of_parts(parts_at, splits, block_m, block_n)
            tl.store(c_at, whole.to(c.dtype.element_ty), mask=inside)
    else:
        tl.store(c_at, total.to(c.dtype.element_ty), mask=inside)


def split_sizes(shape: Sizes, config: Config) -> tuple[int, int]:
    """How much of the inner dimension a program takes, and how many programs share a tile."""
    block = config.blocks["block_k"]
    blocks = triton.cdiv(shape["k"], block)
    wanted = config.blocks["splits"] if shape["m"] <= FEW_ROWS else 1
    each = triton.cdiv(blocks, min(wanted, blocks))
    return each * block, triton.cdiv(blocks, each)


def tiles_of(shape: Sizes, config: Config) -> int:
    """Tiles of the product."""
    rows = triton.cdiv(shape["m"], config.blocks["block_m"])
    columns = triton.cdiv(shape["n"], config.blocks["block_n"])
    return int(rows * columns)


def scratch(shape: Sizes, dtype: str, config: Config) -> dict[str, Scratch]:
    """The parts of each tile, and how many of them are there."""
    splits = split_sizes(shape, config)[1]
    if splits == 1:
        return {}
    tiles = tiles_of(shape, config)
    parts = (tiles, splits, config.blocks["block_m"], config.blocks["block_n"])
    return {"parts": Scratch(parts), "arrivals": Scratch((tiles,), zeroed=True)}


def launches(arrays: Mapping[str, Any], shape: Sizes, dtype: str, config: Config) -> list[Launch]:
    """One program for each tile of the product and each split."""
    split_k, splits = split_sizes(shape, config)
    args = {name: arrays[name] for name in ("a", "b", "c")}
    args |= {name: arrays.get(name, arrays["c"]) for name in ("parts", "arrivals")}
    args |= {name: shape[name] for name in ("m", "n", "k")}
    args["split_k"] = split_k
    constants = {
        **config.blocks,
        "splits": splits,
        "whole_k": shape["k"] % config.blocks["block_k"] == 0,
        "dot": dot_dtype(dtype),
    }
    return [Launch(matmul_kernel, (tiles_of(shape, config), splits), args, constants, config)]
