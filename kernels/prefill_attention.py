"""Causal attention of a whole prompt: one pass over the keys with an online softmax."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import triton
import triton.language as tl

from bayes_scaling.kernels.launch import Launch, dot_dtype, tile
from bayes_scaling.kernels.spec import Config, Sizes


@triton.jit
def visit_keys(
    queries,
    state,
    k,
    v,
    sizes,
    positions_q,
    span,
    scale,
    block_keys: tl.constexpr,
    block_qk: tl.constexpr,
    block_v: tl.constexpr,
    diagonal: tl.constexpr,
    whole_heads: tl.constexpr,
    dot: tl.constexpr,
):
    """Take the keys from ``span[0]`` to ``span[1]`` into the running softmax.

    Only on the diagonal are there keys that a query must not see; before it no mask over keys is needed.
    """
    largest, weight, total = state
    tokens, head_dim_qk, head_dim_v = sizes
    dims_qk, dims_v = tl.arange(0, block_qk), tl.arange(0, block_v)
    in_qk, in_v = dims_qk < head_dim_qk, dims_v < head_dim_v
    for start in range(span[0], span[1], block_keys):
        positions = start + tl.arange(0, block_keys)
        k_at = k + positions[None, :] * head_dim_qk + dims_qk[:, None]
        v_at = v + positions[:, None] * head_dim_v + dims_v[None, :]
        k_mask, v_mask = in_qk[:, None], in_v[None, :]
        if diagonal:
            k_mask = k_mask & (positions < tokens)[None, :]
            v_mask = v_mask & (positions < tokens)[:, None]
        bare: tl.constexpr = whole_heads and not diagonal
        key_tile = tl.load(k_at) if bare else tl.load(k_at, mask=k_mask, other=0.0)
        scores = tl.dot(queries, key_tile.to(dot)) * scale
        if diagonal:
            scores = tl.where(positions[None, :] <= positions_q[:, None], scores, float("-inf"))
        new_largest = tl.maximum(largest, tl.max(scores, 1))
        shrink = tl.exp2(largest - new_largest)
        shares = tl.exp2(scores - new_largest[:, None])
        values = tl.load(v_at) if bare else tl.load(v_at, mask=v_mask, other=0.0)
        total = tl.dot(shares.to(dot), values.to(dot), total * shrink[:, None])
        weight = weight * shrink + tl.sum(shares, 1)
        largest = new_largest
    return largest, weight, total


@triton.jit
def prefill_kernel(
    q,
    k,
    v,
    out,
    group,
    tokens,
    head_dim_qk,
    head_dim_v,
    scale,
    block_q: tl.constexpr,
    block_keys: tl.constexpr,
    block_qk: tl.constexpr,
    block_v: tl.constexpr,
    whole_heads: tl.constexpr,
    dot: tl.constexpr,
):
    """Each program attends for one block of queries of one head, the last blocks first: they are longest."""
    block = tl.num_programs(0) - 1 - tl.program_id(0)
    head = tl.program_id(1).to(tl.int64)
    kv_head = head // group
    positions = block * block_q + tl.arange(0, block_q)
    dims_qk, dims_v = tl.arange(0, block_qk), tl.arange(0, block_v)
    inside = positions < tokens
    q_mask = inside[:, None] & (dims_qk < head_dim_qk)[None, :]
    q_at = q + (head * tokens + positions)[:, None] * head_dim_qk + dims_qk[None, :]
    queries = tl.load(q_at, mask=q_mask, other=0.0).to(dot)
    k_head, v_head = k + kv_head * tokens * head_dim_qk, v + kv_head * tokens * head_dim_v
    largest = tl.full((block_q,), float("-inf"), dtype=tl.float32)
    weight = tl.zeros((block_q,), dtype=tl.float32)
    total = tl.zeros((block_q, block_v), dtype=tl.float32)
    state = largest, weight, total
    sizes = tokens, head_dim_qk, head_dim_v
    edge = block * block_q // block_keys * block_keys
    past, rest = (0, edge), (edge, tl.minimum((block + 1) * block_q, tokens))
    state = visit_keys(
        queries,
        state,
        k_head,
        v_head,
        sizes,
        positions,
        past,
        scale,
        block_keys,
        block_qk,
        block_v,
        False,
        whole_heads,
        dot,
    )
    state = visit_keys(
        queries,
        state,
        k_head,
        v_head,
        sizes,
        positions,
        rest,
        scale,
        block_keys,
        block_qk,
        block_v,
        True,
        whole_heads,
        dot,
    )
    largest, weight, total = state
    out_at = out + (head * tokens + positions)[:, None] * head_dim_v + dims_v[None, :]
    out_mask = inside[:, None] & (dims_v < head_dim_v)[None, :]
    tl.store(out_at, (total / weight[:, None]).to(out.dtype.element_ty), mask=out_mask)


def launches(arrays: Mapping[str, Any], shape: Sizes, dtype: str, config: Config) -> list[Launch]:
    """One program for each block of queries and each head."""
    args = {name: arrays[name] for name in ("q", "k", "v", "out")}
    args |= {"group": shape["num_heads"] // shape["num_kv_heads"]}
    args |= {name: shape[name] for name in ("tokens", "head_dim_qk", "head_dim_v")}
    args["scale"] = math.log2(math.e) / math.sqrt(shape["head_dim_qk"])
    tiles = {"block_qk": tile(shape["head_dim_qk"], 256), "block_v": tile(shape["head_dim_v"], 256)}
    whole = shape["head_dim_qk"] == tiles["block_qk"] and shape["head_dim_v"] == tiles["block_v"]
    constants = {**config.blocks, **tiles, "whole_heads": whole, "dot": dot_dtype(dtype)}
    grid = triton.cdiv(shape["tokens"], config.blocks["block_q"]), shape["batch"] * shape["num_heads"]
    return [Launch(prefill_kernel, grid, args, constants, config)]
