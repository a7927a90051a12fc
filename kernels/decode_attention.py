"""Attention of one query per sequence over a cache, split over the keys where there are few heads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import triton
import triton.language as tl

from bayes_scaling.kernels.launch import Launch, dot_dtype, tile
from bayes_scaling.kernels.spec import Config, Scratch, Sizes

COMBINED = 64  # splits combined at once


@triton.jit
def split_kernel(
    q,
    k,
    v,
    out,
    parts,
    maxima,
    group,
    keys,
    split_keys,
    splits,
    head_dim_qk,
    head_dim_v,
    scale,
    block_group: tl.constexpr,
    block_keys: tl.constexpr,
    block_qk: tl.constexpr,
    block_v: tl.constexpr,
    several: tl.constexpr,
    dot: tl.constexpr,
):
    """Each program attends to one split of the keys for all query heads that share them.

    Scores are in units of ln 2, which `scale` holds: exp2 is the device's own.
    """
    kv_head, split = tl.program_id(0).to(tl.int64), tl.program_id(1)
    heads = tl.arange(0, block_group)
    dims_qk, dims_v = tl.arange(0, block_qk), tl.arange(0, block_v)
    rows = kv_head * group + heads
    in_group, in_qk, in_v = heads < group, dims_qk < head_dim_qk, dims_v < head_dim_v
    q_mask = in_group[:, None] & in_qk[None, :]
    queries = tl.load(q + rows[:, None] * head_dim_qk + dims_qk[None, :], mask=q_mask, other=0.0)
    queries = queries.to(dot)
    largest = tl.full((block_group,), float("-inf"), dtype=tl.float32)
    weight = tl.zeros((block_group,), dtype=tl.float32)
    total = tl.zeros((block_group, block_v), dtype=tl.float32)
    first = split * split_keys
    last = tl.minimum(first + split_keys, keys)
    for start in range(first, last, block_keys):
        positions = start + tl.arange(0, block_keys)
        seen = positions < last
        at = kv_head * keys + positions
        k_mask = in_qk[:, None] & seen[None, :]
        key_tile = tl.load(k + at[None, :] * head_dim_qk + dims_qk[:, None], mask=k_mask, other=0.0)
        scores = tl.dot(queries, key_tile.to(dot)) * scale
        scores = tl.where(seen[None, :], scores, float("-inf"))
        new_largest = tl.maximum(largest, tl.max(scores, 1))
        shrink = tl.exp2(largest - new_largest)
        shares = tl.exp2(scores - new_largest[:, None])
        v_mask = seen[:, None] & in_v[None, :]
        values = tl.load(v + at[:, None] * head_dim_v + dims_v[None, :], mask=v_mask, other=0.0)
        total = tl.dot(shares.to(dot), values.to(dot), total * shrink[:, None])
        weight = weight * shrink + tl.sum(shares, 1)
        largest = new_largest
    result = total / weight[:, None]
    out_mask = in_group[:, None] & in_v[None, :]
    if several:
        at_split = rows * splits + split
        tl.store(parts + at_split[:, None] * head_dim_v + dims_v[None, :], result, mask=out_mask)
        tl.store(maxima + at_split, largest + tl.log2(weight), mask=in_group)
    else:
        out_at = out + rows[:, None] * head_dim_v + dims_v[None, :]
        tl.store(out_at, result.to(out.dtype.element_ty), mask=out_mask)


@triton.jit
def combine_kernel(parts, maxima, out, splits, head_dim_v, block_splits: tl.constexpr, block_v: tl.constexpr):
    """Each program weighs the splits of one head by their sums of exponentials."""
    head = tl.program_id(0).to(tl.int64)
    dims = tl.arange(0, block_v)
    in_v = dims < head_dim_v
    largest = tl.full((1,), float("-inf"), dtype=tl.float32)
    weight = tl.zeros((1,), dtype=tl.float32)
    total = tl.zeros((block_v,), dtype=tl.float32)
    for start in range(0, splits, block_splits):
        each = start + tl.arange(0, block_splits)
        at = head * splits + each
        mask = (each[:, None] < splits) & in_v[None, :]
        part = tl.load(parts + at[:, None] * head_dim_v + dims[None, :], mask=mask, other=0.0)
        sums = tl.load(maxima + at, mask=each < splits, other=float("-inf"))
        new_largest = tl.maximum(largest, tl.max(sums))
        shares = tl.exp2(sums - new_largest)
        shrink = tl.exp2(largest - new_largest)
        total = total * shrink + tl.sum(part * shares[:, None], 0)
        weight = weight * shrink + tl.sum(shares)
        largest = new_largest
    tl.store(out + head * head_dim_v + dims, (total / weight).to(out.dtype.element_ty), mask=in_v)


def split_sizes(shape: Sizes, config: Config) -> tuple[int, int]:
    """Keys per split, and splits: enough for the programs that the configuration asks for."""
    block = config.blocks["block_keys"]
    blocks = triton.cdiv(shape["keys"], block)
    wanted = config.blocks["programs"] // (shape["batch"] * shape["num_kv_heads"])
    per_split = triton.cdiv(blocks, min(max(wanted, 1), blocks))
    return per_split * block, triton.cdiv(blocks, per_split)


def scratch(shape: Sizes, dtype: str, config: Config) -> dict[str, Scratch]:
    """The parts of each head and their sums of exponentials."""
    splits = split_sizes(shape, config)[1]
    if splits == 1:
        return {}
    heads = (shape["batch"], shape["num_heads"], splits)
    return {"parts": Scratch((*heads, shape["head_dim_v"])), "maxima": Scratch(heads)}


def launches(arrays: Mapping[str, Any], shape: Sizes, dtype: str, config: Config) -> list[Launch]:
    """A pass over the splits, and one that combines them where there are several."""
    split_keys, splits = split_sizes(shape, config)
    first = split_launch(arrays, shape, dtype, config, (split_keys, splits))
    return [first] if splits == 1 else [first, combine_launch(arrays, shape, splits)]


def split_launch(
    arrays: Mapping[str, Any], shape: Sizes, dtype: str, config: Config, split: tuple[int, int]
) -> Launch:
    """The pass over the splits; a single one writes the output itself."""
    split_keys, splits = split
    group = shape["num_heads"] // shape["num_kv_heads"]
    args = {name: arrays[name] for name in ("q", "k", "v", "out")}
    args |= {name: arrays.get(name, arrays["out"]) for name in ("parts", "maxima")}
    args |= {"group": group, "keys": shape["keys"], "split_keys": split_keys, "splits": splits}
    args |= {name: shape[name] for name in ("head_dim_qk", "head_dim_v")}
    args["scale"] = math.log2(math.e) / math.sqrt(shape["head_dim_qk"])
    constants = {
        "block_group": tile(group, 128),
        "block_keys": config.blocks["block_keys"],
        "block_qk": tile(shape["head_dim_qk"], 256),
        "block_v": tile(shape["head_dim_v"], 256),
        "several": splits > 1,
        "dot": dot_dtype(dtype),
    }
    return Launch(split_kernel, (shape["batch"] * shape["num_kv_heads"], splits), args, constants, config)


def combine_launch(arrays: Mapping[str, Any], shape: Sizes, splits: int) -> Launch:
    """The pass that combines the splits, a program for each head."""
    args = {name: arrays[name] for name in ("parts", "maxima", "out")}
    args |= {"splits": splits, "head_dim_v": shape["head_dim_v"]}
    constants = {
        "block_splits": min(COMBINED, triton.next_power_of_2(splits)),
        "block_v": tile(shape["head_dim_v"], 256),
    }
    grid = (shape["batch"] * shape["num_heads"],)
    return Launch(combine_kernel, grid, args, constants, Config({}, num_warps=4, num_stages=2))
