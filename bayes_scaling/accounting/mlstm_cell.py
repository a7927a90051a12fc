"""The mLSTM cell: FLOPs and bytes per head, chunkwise and recurrent.

Source: NX-AI/xlstm_scaling_laws, every elementwise operation counted as one.
"""

from __future__ import annotations

from typing import Any

from bayes_scaling.accounting.shapes import Shape
from bayes_scaling.accounting.work import Precision

Array = Any

TFLA_CAUSAL = 0.75  # share of a chunk's score matrix that tiled kernels compute


def chunk_flops_first(shape: Shape) -> Array:
    """FLOPs of one head and chunk in the study's default count, ``first``."""
    length = 1.0 * shape.chunk_size
    key = shape.head_dim_qk
    value = shape.head_dim_v
    gates = length * (length + 1) / 2
    state = gates + 7 * length + 5 + key * value * (2 + 4 * length) + key * (7 * length + 2)
    scores = length**2 * (10 + 2 * key + 2 * value)
    return state + gates + scores + 9 * length + 2 * length * value


def chunk_flops_tfla(shape: Shape, causal: Array) -> Array:
    """FLOPs of one head and chunk of the tiled kernels; ``causal`` is the share of scores computed."""
    length = 1.0 * shape.chunk_size
    key = shape.head_dim_qk
    value = shape.head_dim_v
    gates = length * (length + 1) / 2
    state = gates + 6 * length + 5 + key * value * (2 + 2 * length) + key * (3 * length + 2)
    scores = length**2 * (8 + 2 * (key + value)) + 2 * length
    intra = causal * scores + gates + 2 * length
    inter = length * key * (2 * value + 3)
    return state + intra + inter + length * (2 * value + 4)


def training_flops(shape: Shape, context_length: Array, mode: str) -> Array:
    """Forward FLOPs of one block's cells over one sequence."""
    if mode == "tfla":
        causal = 1.0 - (1.0 - TFLA_CAUSAL) * (shape.chunk_size > 64)  # whole scores up to 64, by the source
        chunk = chunk_flops_tfla(shape, causal)
    else:
        chunk = chunk_flops_first(shape)
    return chunk * shape.num_heads * context_length / shape.chunk_size


def prefill_flops(shape: Shape, tokens: Array) -> Array:
    """Inference FLOPs of one block's cells over ``tokens``, chunkwise."""
    return chunk_flops_tfla(shape, TFLA_CAUSAL) * shape.num_heads * tokens / shape.chunk_size


def step_flops(shape: Shape) -> Array:
    """FLOPs of one block's cells for one recurrent step."""
    key = 1.0 * shape.head_dim_qk
    value = shape.head_dim_v
    return shape.num_heads * (6 * key * value + 7 * key + value + 12)


def state_numbers(shape: Shape) -> Array:
    """Numbers in one block's states: memory, normaliser and maximum of every head."""
    return shape.num_heads * (shape.head_dim_qk * shape.head_dim_v + shape.head_dim_qk + 1)


def chunkwise_bytes(shape: Shape, tokens: Array, precision: Precision) -> Array:
    """Bytes moved by one block's cells over ``tokens``: a state pass and an output pass per chunk."""
    per_token = 3 * (shape.head_dim_qk + shape.head_dim_v) + 4
    rows = shape.num_heads * tokens * (per_token * precision.activation + 2 * precision.state)
    return rows + 2 * state_numbers(shape) * precision.state * tokens / shape.chunk_size


def step_bytes(shape: Shape, precision: Precision) -> Array:
    """Bytes moved by one block's cells for one recurrent step: the states are read and written."""
    row = shape.num_heads * (2 * shape.head_dim_qk + 2 * shape.head_dim_v + 2)
    return row * precision.activation + 2 * state_numbers(shape) * precision.state
