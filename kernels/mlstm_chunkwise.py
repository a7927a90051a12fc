"""Prefill of the mLSTM in chunks: a recurrence over the chunks' states, then all outputs in parallel."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import triton
import triton.language as tl

from bayes_scaling.kernels.launch import Launch, dot_dtype, factor_dtype, tile
from bayes_scaling.kernels.mlstm_step import log_sigmoid
from bayes_scaling.kernels.spec import Config, Scratch, Sizes

MOST_WARPS = 8


@triton.jit
def load_gates(input_gate, forget_gate, at, inside):
    """Log input gates and log forget gates; past the end nothing is written and nothing forgotten."""
    gate = tl.load(input_gate + at, mask=inside, other=float("-inf")).to(tl.float32)
    forget = tl.load(forget_gate + at, mask=inside, other=0.0).to(tl.float32)
    return gate, tl.where(inside, log_sigmoid(forget), 0.0)


@triton.jit
def state_kernel(
    k,
    v,
    input_gate,
    forget_gate,
    states,
    norms,
    maxima,
    C_last,
    n_last,
    m_last,
    tokens,
    chunks,
    head_dim_qk,
    head_dim_v,
    scale,
    chunk_size: tl.constexpr,
    block_t: tl.constexpr,
    block_qk: tl.constexpr,
    block_v: tl.constexpr,
    dot: tl.constexpr,
):
    """Each program walks one tile of one head's memory over the tokens and stores it before each chunk."""
    row_tile, col_tile, head = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    k, v = k + head * tokens * head_dim_qk, v + head * tokens * head_dim_v
    input_gate, forget_gate = input_gate + head * tokens, forget_gate + head * tokens
    rows = row_tile * block_qk + tl.arange(0, block_qk)
    cols = col_tile * block_v + tl.arange(0, block_v)
    in_qk, in_v = rows < head_dim_qk, cols < head_dim_v
    mask = in_qk[:, None] & in_v[None, :]
    memory_at = rows[:, None] * head_dim_v + cols[None, :]
    memory = tl.zeros((block_qk, block_v), dtype=tl.float32)
    norm = tl.zeros((block_qk,), dtype=tl.float32)
    maximum = tl.full((1,), 0.0, dtype=tl.float32)
    first = tl.arange(0, 1)
    for start in range(0, tokens, block_t):
        slot = head * chunks + start // chunk_size
        if start % chunk_size == 0:
            kept = memory.to(states.dtype.element_ty)
            tl.store(states + slot * head_dim_qk * head_dim_v + memory_at, kept, mask=mask)
            if col_tile == 0:
                tl.store(norms + slot * head_dim_qk + rows, norm, mask=in_qk)
            if col_tile + row_tile == 0:
                tl.store(maxima + slot + first, maximum)
        positions = start + tl.arange(0, block_t)
        inside = positions < tokens
        gate, forget = load_gates(input_gate, forget_gate, positions, inside)
        whole = tl.sum(forget)
        reach = whole - tl.cumsum(forget) + gate
        new_maximum = tl.maximum(whole + maximum, tl.max(reach))
        keep, write = tl.exp(whole + maximum - new_maximum), tl.exp(reach - new_maximum) * scale
        k_mask, v_mask = in_qk[:, None] & inside[None, :], inside[:, None] & in_v[None, :]
        key_tile = tl.load(k + positions[None, :] * head_dim_qk + rows[:, None], mask=k_mask, other=0.0)
        values = tl.load(v + positions[:, None] * head_dim_v + cols[None, :], mask=v_mask, other=0.0)
        gated = key_tile.to(tl.float32) * write[None, :]
        memory = tl.dot(gated.to(dot), values.to(dot), memory * keep[None, :])
        norm = norm * keep + tl.sum(gated, 1)
        maximum = new_maximum
    tl.store(C_last + head * head_dim_qk * head_dim_v + memory_at, memory, mask=mask)
    if col_tile == 0:
        tl.store(n_last + head * head_dim_qk + rows, norm, mask=in_qk)
    if col_tile + row_tile == 0:
        tl.store(m_last + head + first, maximum)


@triton.jit
def output_kernel(
    q,
    k,
    v,
    input_gate,
    forget_gate,
    states,
    norms,
    maxima,
    h,
    tokens,
    chunks,
    head_dim_qk,
    head_dim_v,
    scale,
    chunk_size: tl.constexpr,
    block_t: tl.constexpr,
    block_qk: tl.constexpr,
    block_v: tl.constexpr,
    dot: tl.constexpr,
):
    """Each program computes some columns of a block of outputs.

    They come from the state before its chunk, and from the chunk's tokens up to its own, tile by tile with a
    running maximum. Offsets inside a head are 32 bits wide, to spare registers.
    """
    col_tile, block, head = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    q, k = q + head * tokens * head_dim_qk, k + head * tokens * head_dim_qk
    v, h = v + head * tokens * head_dim_v, h + head * tokens * head_dim_v
    input_gate, forget_gate = input_gate + head * tokens, forget_gate + head * tokens
    steps = tl.arange(0, block_t)
    first = block * block_t
    chunk_start = first // chunk_size * chunk_size
    positions = first + steps
    inside = positions < tokens
    cols = col_tile * block_v + tl.arange(0, block_v)
    in_v = cols < head_dim_v
    slot = head * chunks + chunk_start // chunk_size
    states, norms = states + slot * head_dim_qk * head_dim_v, norms + slot * head_dim_qk
    total = tl.zeros((block_t, block_v), dtype=tl.float32)
    norm = tl.zeros((block_t,), dtype=tl.float32)
    for start in range(0, head_dim_qk, block_qk):
        rows = start + tl.arange(0, block_qk)
        in_qk = rows < head_dim_qk
        q_mask = inside[:, None] & in_qk[None, :]
        queries = tl.load(q + positions[:, None] * head_dim_qk + rows[None, :], mask=q_mask, other=0.0)
        memory_at = states + rows[:, None] * head_dim_v + cols[None, :]
        memory = tl.load(memory_at, mask=in_qk[:, None] & in_v[None, :], other=0.0)
        past_norm = tl.load(norms + rows, mask=in_qk, other=0.0)
        total = tl.dot(queries.to(dot), memory.to(dot), total)
        norm += tl.sum(queries.to(tl.float32) * past_norm[None, :], 1)
    elapsed = tl.full((1,), 0.0, dtype=tl.float32)
    for start in range(chunk_start, first, block_t):
        _, forget = load_gates(input_gate, forget_gate, start + steps, steps >= 0)
        elapsed += tl.sum(forget)
    _, forget = load_gates(input_gate, forget_gate, positions, inside)
    decay = elapsed + tl.cumsum(forget)
    maximum = decay + tl.load(maxima + slot)
    elapsed = tl.full((1,), 0.0, dtype=tl.float32)
    for start in range(chunk_start, first + block_t, block_t):
        keys = start + steps
        seen = keys < tokens
        scores = tl.zeros((block_t, block_t), dtype=tl.float32)
        for part in range(0, head_dim_qk, block_qk):
            rows = part + tl.arange(0, block_qk)
            in_qk = rows < head_dim_qk
            q_mask, k_mask = inside[:, None] & in_qk[None, :], in_qk[:, None] & seen[None, :]
            queries = tl.load(q + positions[:, None] * head_dim_qk + rows[None, :], mask=q_mask, other=0.0)
            key_tile = tl.load(k + keys[None, :] * head_dim_qk + rows[:, None], mask=k_mask, other=0.0)
            scores = tl.dot(queries.to(dot), key_tile.to(dot), scores)
        gate, forget = load_gates(input_gate, forget_gate, keys, seen)
        reach = decay[:, None] + (gate - elapsed - tl.cumsum(forget))[None, :]
        reach = tl.where(keys[None, :] <= positions[:, None], reach, float("-inf"))
        elapsed += tl.sum(forget)
        new_maximum = tl.maximum(maximum, tl.max(reach, 1))
        scores = scores * scale * tl.exp(reach - new_maximum[:, None])
        shrink = tl.exp(maximum - new_maximum)
        v_mask = seen[:, None] & in_v[None, :]
        values = tl.load(v + keys[:, None] * head_dim_v + cols[None, :], mask=v_mask, other=0.0)
        total = tl.dot(scores.to(dot), values.to(dot), total * shrink[:, None])
        norm = norm * shrink + tl.sum(scores, 1)
        maximum = new_maximum
    divisor = tl.maximum(tl.abs(norm), tl.exp(-maximum))
    out_at = h + positions[:, None] * head_dim_v + cols[None, :]
    out_mask = inside[:, None] & in_v[None, :]
    tl.store(out_at, (total / divisor[:, None]).to(h.dtype.element_ty), mask=out_mask)


def chunks_of(shape: Sizes) -> int:
    """Chunks of the prompt, the last one perhaps not whole."""
    return triton.cdiv(shape["tokens"], shape["chunk_size"])


def scratch(shape: Sizes, dtype: str, config: Config) -> dict[str, Scratch]:
    """What the first pass leaves for the second: the state before each chunk.

    The memory is kept in the dtype in which the second pass multiplies it: half the bytes, the same outputs.
    """
    slots = (shape["batch"], shape["num_heads"], chunks_of(shape))
    width = shape["head_dim_qk"]
    return {
        "states": Scratch((*slots, width, shape["head_dim_v"]), factor_dtype(dtype)),
        "norms": Scratch((*slots, width)),
        "maxima": Scratch(slots),
    }


def launches(arrays: Mapping[str, Any], shape: Sizes, dtype: str, config: Config) -> list[Launch]:
    """The recurrence over the states, then the outputs of all blocks of tokens, each with its own tiles."""
    args = {name: arrays[name] for name in ("k", "v", "states", "norms", "maxima")}
    args |= {"input_gate": arrays["input"], "forget_gate": arrays["forget"]}
    args |= {name: shape[name] for name in ("tokens", "head_dim_qk", "head_dim_v")}
    args |= {"chunks": chunks_of(shape), "scale": 1.0 / math.sqrt(shape["head_dim_qk"])}
    return [
        state_launch(arrays, args, shape, dtype, config),
        output_launch(arrays, args, shape, dtype, config),
    ]


def state_launch(
    arrays: Mapping[str, Any], args: Mapping[str, Any], shape: Sizes, dtype: str, config: Config
) -> Launch:
    """One program for each tile of each head's memory."""
    constants = constants_of(shape, dtype, config, "state")
    rows = triton.cdiv(shape["head_dim_qk"], constants["block_qk"])
    columns = triton.cdiv(shape["head_dim_v"], constants["block_v"])
    last = {name: arrays[name] for name in ("C_last", "n_last", "m_last")}
    warps = Config({}, num_warps=config.blocks["state_warps"], num_stages=config.num_stages)
    return Launch(state_kernel, (rows, columns, heads_of(shape)), {**args, **last}, constants, warps)


def output_launch(
    arrays: Mapping[str, Any], args: Mapping[str, Any], shape: Sizes, dtype: str, config: Config
) -> Launch:
    """One program for some columns of each block of tokens."""
    constants = constants_of(shape, dtype, config, "output")
    columns = triton.cdiv(shape["head_dim_v"], constants["block_v"])
    blocks = triton.cdiv(shape["tokens"], constants["block_t"])
    outputs = {"q": arrays["q"], "h": arrays["h"]}
    # A chunk of several tiles needs a loop over them, and its registers.
    warps = config.num_warps if constants["block_t"] == shape["chunk_size"] else MOST_WARPS
    warps_of = Config({}, num_warps=warps, num_stages=config.num_stages)
    return Launch(output_kernel, (columns, blocks, heads_of(shape)), {**args, **outputs}, constants, warps_of)


def heads_of(shape: Sizes) -> int:
    """Heads of the whole batch."""
    return shape["batch"] * shape["num_heads"]


def constants_of(shape: Sizes, dtype: str, config: Config, part: str) -> dict[str, Any]:
    """Tiles of one of the two passes."""
    return {
        "chunk_size": shape["chunk_size"],
        "block_t": min(shape["chunk_size"], config.blocks["block_t"]),
        "block_qk": tile(shape["head_dim_qk"], config.blocks[f"{part}_qk"]),
        "block_v": tile(shape["head_dim_v"], config.blocks[f"{part}_v"]),
        "dot": dot_dtype(dtype),
    }
