"""One recurrent step of the mLSTM: the matrix memory is read, decayed, written and asked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import triton
import triton.language as tl

from bayes_scaling.kernels.launch import Launch, tile
from bayes_scaling.kernels.spec import Config, Sizes


@triton.jit
def log_sigmoid(x):
    """``ln(sigmoid(x))`` without overflow."""
    return tl.minimum(x, 0.0) - tl.log(1.0 + tl.exp(-tl.abs(x)))


@triton.jit
def step_kernel(
    q,
    k,
    v,
    input_gate,
    forget_gate,
    C,
    n,
    m,
    h,
    C_new,
    n_new,
    m_new,
    head_dim_qk,
    head_dim_v,
    scale,
    block_qk: tl.constexpr,
    block_v: tl.constexpr,
):
    """Each program steps some columns of one head's memory; the first one steps n and m too."""
    head, columns = tl.program_id(1).to(tl.int64), tl.program_id(0)
    cols = columns * block_v + tl.arange(0, block_v)
    in_v = cols < head_dim_v
    gate = tl.load(input_gate + head).to(tl.float32)
    decay = log_sigmoid(tl.load(forget_gate + head).to(tl.float32)) + tl.load(m + head)
    maximum = tl.maximum(decay, gate)
    keep, write = tl.exp(decay - maximum), tl.exp(gate - maximum)
    values = tl.load(v + head * head_dim_v + cols, mask=in_v, other=0.0).to(tl.float32)
    answer = tl.zeros((block_v,), dtype=tl.float32)
    normaliser = tl.zeros((block_qk,), dtype=tl.float32)
    for start in range(0, head_dim_qk, block_qk):
        rows = start + tl.arange(0, block_qk)
        in_qk = rows < head_dim_qk
        at = head * head_dim_qk + rows
        query = tl.load(q + at, mask=in_qk, other=0.0).to(tl.float32)
        key = tl.load(k + at, mask=in_qk, other=0.0).to(tl.float32) * (scale * write)
        norm = keep * tl.load(n + at, mask=in_qk, other=0.0) + key
        memory_at = at[:, None] * head_dim_v + cols[None, :]
        mask = in_qk[:, None] & in_v[None, :]
        memory = keep * tl.load(C + memory_at, mask=mask, other=0.0) + key[:, None] * values[None, :]
        tl.store(C_new + memory_at, memory, mask=mask)
        answer += tl.sum(memory * query[:, None], 0)
        normaliser += norm * query
        if columns == 0:
            tl.store(n_new + at, norm, mask=in_qk)
    if columns == 0:
        tl.store(m_new + head, maximum)
    divisor = tl.maximum(tl.abs(tl.sum(normaliser)), tl.exp(-maximum))
    tl.store(h + head * head_dim_v + cols, (answer / divisor).to(h.dtype.element_ty), mask=in_v)


def launches(arrays: Mapping[str, Any], shape: Sizes, dtype: str, config: Config) -> list[Launch]:
    """One program for each tile of columns and each head. The new state must not overwrite the old one."""
    blocks = {
        "block_qk": tile(shape["head_dim_qk"], config.blocks["block_qk"]),
        "block_v": tile(shape["head_dim_v"], config.blocks["block_v"]),
    }
    names = ("q", "k", "v", "C", "n", "m", "h", "C_new", "n_new", "m_new")
    args = {name: arrays[name] for name in names}
    args |= {"input_gate": arrays["input"], "forget_gate": arrays["forget"]}
    args |= {name: shape[name] for name in ("head_dim_qk", "head_dim_v")}
    args["scale"] = 1.0 / math.sqrt(shape["head_dim_qk"])
    grid = triton.cdiv(shape["head_dim_v"], blocks["block_v"]), shape["batch"] * shape["num_heads"]
    return [Launch(step_kernel, grid, args, blocks, config)]
