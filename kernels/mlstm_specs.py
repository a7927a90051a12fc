"""Specifications of the mLSTM kernels: one recurrent step, and a chunkwise prefill."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_scaling.accounting import Shape, Work, mlstm_cell
from bayes_scaling.kernels.spec import (
    CAPABILITIES,
    Arrays,
    Buffer,
    Config,
    KernelError,
    KernelSpec,
    Sizes,
    check_heads_of_grid,
    check_offsets,
    precision,
)

Array = Any
SMALL_CHUNKS, CHUNK_MULTIPLE = (16, 32), 64  # a chunk is one tile or several
MATRIX = ("batch", "num_heads", "head_dim_qk", "head_dim_v")
NORMALISER = ("batch", "num_heads", "head_dim_qk")
MAXIMUM = ("batch", "num_heads")
FORGET_BIAS = 3.0  # keeps a memory of some twenty tokens, as a trained layer would
SOURCE = "Beck et al. 2024, arXiv:2405.04517, eqs. 19 to 27, with sigmoid forget gates"


def log_sigmoid(x: Array) -> Array:
    """``ln(1 / (1 + exp(-x)))``."""
    return -np.logaddexp(0.0, -x)


def recur(state: tuple[Array, Array, Array], token: Arrays) -> tuple[tuple[Array, Array, Array], Array]:
    """One step: the memory, normaliser and maximum (C, n, m) after a token, and its output h.

    The gates are pre-activations; the input gate is exponential, and exp(-m) scales C and n.
    """
    C, n, m = state
    decay = log_sigmoid(token["forget"]) + m
    m_new = np.maximum(decay, token["input"])
    keep = np.exp(decay - m_new)[..., None]
    write = np.exp(token["input"] - m_new)[..., None]
    k = token["k"] / np.sqrt(token["k"].shape[-1])
    n_new = keep * n + write * k
    C_new = keep[..., None] * C + (write * k)[..., None] * token["v"][..., None, :]
    normaliser = np.abs(np.sum(n_new * token["q"], axis=-1, keepdims=True))
    h = np.einsum("...kv,...k->...v", C_new, token["q"]) / np.maximum(normaliser, np.exp(-m_new)[..., None])
    return (C_new, n_new, m_new), h


def step_reference(inputs: Arrays) -> Arrays:
    """One token and a state in; its output and the next state out."""
    (C, n, m), h = recur((inputs["C"], inputs["n"], inputs["m"]), inputs)
    return {"h": h, "C_new": C, "n_new": n, "m_new": m}


def chunkwise_reference(inputs: Arrays) -> Arrays:
    """The recurrence token by token from an empty state; the chunks leave no trace in it."""
    batch, heads, tokens, key_dim = inputs["q"].shape
    value_dim = inputs["v"].shape[-1]
    state = (
        np.zeros((batch, heads, key_dim, value_dim)),
        np.zeros((batch, heads, key_dim)),
        np.zeros((batch, heads)),
    )
    rows = []
    for t in range(tokens):
        token = {name: inputs[name][:, :, t] for name in ("q", "k", "v", "input", "forget")}
        state, h = recur(state, token)
        rows.append(h)
    return {"h": np.stack(rows, axis=2), "C_last": state[0], "n_last": state[1], "m_last": state[2]}


def draw_tokens(shape: Sizes, rng: np.random.Generator, reads: dict[str, Buffer]) -> Arrays:
    """Standard normal, with forget gates that keep most of the state."""
    arrays = {name: rng.standard_normal(buffer.size(shape)) for name, buffer in reads.items()}
    arrays["forget"] += FORGET_BIAS
    return arrays


def cell_shape(shape: Sizes, chunk_size: int = 64) -> Shape:
    """The accounting's shape of one block with these heads."""
    heads = shape["num_heads"]
    value = shape["head_dim_v"]
    return Shape(
        embedding_dim=heads * value,
        num_blocks=1,
        num_heads=heads,
        ffn_dim=1,
        head_dim_v=value,
        head_dim_qk=shape["head_dim_qk"],
        chunk_size=chunk_size,
    )


def step_work(shape: Sizes, dtype: str) -> Work:
    """The accounting's recurrent step: states read and written in float32."""
    cell = cell_shape(shape)
    moved = mlstm_cell.step_bytes(cell, precision(dtype))
    return Work(float(shape["batch"] * mlstm_cell.step_flops(cell)), float(shape["batch"] * moved))


def chunkwise_work(shape: Sizes, dtype: str) -> Work:
    """The accounting's chunkwise cell: a state pass and an output pass per chunk."""
    cell = cell_shape(shape, shape["chunk_size"])
    moved = mlstm_cell.chunkwise_bytes(cell, shape["tokens"], precision(dtype))
    flops = mlstm_cell.prefill_flops(cell, shape["tokens"])
    return Work(float(shape["batch"] * flops), float(shape["batch"] * moved))


def check_chunk(shape: Sizes) -> None:
    """Refuse a chunk that is not made of whole tiles."""
    size = shape["chunk_size"]
    if size not in SMALL_CHUNKS and size % CHUNK_MULTIPLE:
        raise KernelError(
            f"mlstm_chunkwise: chunk_size = {size} is not served; "
            f"use 16, 32 or a multiple of {CHUNK_MULTIPLE}."
        )
    check_offsets("mlstm_chunkwise", shape, "tokens")
    check_heads_of_grid("mlstm_chunkwise", shape)


STEP_READS = {
    "q": Buffer(NORMALISER),
    "k": Buffer(NORMALISER),
    "v": Buffer(("batch", "num_heads", "head_dim_v")),
    "input": Buffer(MAXIMUM),
    "forget": Buffer(MAXIMUM),
    "C": Buffer(MATRIX, state=True),
    "n": Buffer(NORMALISER, state=True),
    "m": Buffer(MAXIMUM, state=True),
}
MLSTM_STEP = KernelSpec(
    name="mlstm_step",
    dims=MATRIX,
    reads=STEP_READS,
    writes={
        "h": Buffer(("batch", "num_heads", "head_dim_v")),
        "C_new": Buffer(MATRIX, state=True),
        "n_new": Buffer(NORMALISER, state=True),
        "m_new": Buffer(MAXIMUM, state=True),
    },
    reference=step_reference,
    count=step_work,
    source=SOURCE,
    configs=(
        Config({"block_qk": 64, "block_v": 64}, num_warps=4, num_stages=2),
        Config({"block_qk": 64, "block_v": 32}, num_warps=4, num_stages=2),
        Config({"block_qk": 32, "block_v": 128}, num_warps=4, num_stages=2),
        Config({"block_qk": 128, "block_v": 32}, num_warps=4, num_stages=2),
        Config({"block_qk": 128, "block_v": 64}, num_warps=8, num_stages=2),
    ),
    examples=({"batch": 64, "num_heads": 8, "head_dim_qk": 256, "head_dim_v": 512},),
    draw=lambda shape, rng: draw_tokens(shape, rng, STEP_READS),
    limits=lambda shape: check_heads_of_grid("mlstm_step", shape),
)


def chunkwise_configs() -> tuple[Config, ...]:
    """Tiles of the states' pass with those of the outputs' pass, each with its own warps.

    Small tiles of the memory give few heads enough programs; wide ones need the registers of later devices.
    """
    later = CAPABILITIES[1:]
    states = ((64, 64, CAPABILITIES), (32, 32, CAPABILITIES), (64, 128, (90,)))
    outputs = ((64, 64, 4, CAPABILITIES), (64, 128, 4, later), (128, 128, 8, later))
    return tuple(
        Config(
            {
                "block_t": 64,
                "state_qk": state_qk,
                "state_v": state_v,
                "state_warps": 4,
                "output_qk": output_qk,
                "output_v": output_v,
            },
            num_warps=warps,
            capabilities=tuple(each for each in first if each in second),
        )
        for state_qk, state_v, first in states
        for output_qk, output_v, warps, second in outputs
    )


TOKENS = ("batch", "num_heads", "tokens")
CHUNKWISE_READS = {
    "q": Buffer((*TOKENS, "head_dim_qk")),
    "k": Buffer((*TOKENS, "head_dim_qk")),
    "v": Buffer((*TOKENS, "head_dim_v")),
    "input": Buffer(TOKENS),
    "forget": Buffer(TOKENS),
}
MLSTM_CHUNKWISE = KernelSpec(
    name="mlstm_chunkwise",
    dims=("batch", "num_heads", "tokens", "head_dim_qk", "head_dim_v", "chunk_size"),
    reads=CHUNKWISE_READS,
    writes={
        "h": Buffer((*TOKENS, "head_dim_v")),
        "C_last": Buffer(MATRIX, state=True),
        "n_last": Buffer(NORMALISER, state=True),
        "m_last": Buffer(MAXIMUM, state=True),
    },
    reference=chunkwise_reference,
    count=chunkwise_work,
    source=f"{SOURCE}; chunks as in Beck et al. 2025, arXiv:2503.14376",
    configs=chunkwise_configs(),
    examples=tuple(
        {
            "batch": 4,
            "num_heads": 8,
            "tokens": 8192,
            "head_dim_qk": 256,
            "head_dim_v": 512,
            "chunk_size": chunk_size,
        }
        for chunk_size in (64, 128)
    ),
    draw=lambda shape, rng: draw_tokens(shape, rng, CHUNKWISE_READS),
    limits=check_chunk,
)
