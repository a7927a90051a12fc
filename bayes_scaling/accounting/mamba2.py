"""Mamba-2: state-space duality blocks, no feed-forward layer, tied embeddings.

In the shape: ``num_heads * head_dim_v`` is the inner width (twice the embedding), ``head_dim_qk`` the state
size, ``num_kv_heads`` the number of B/C groups, ``ffn_dim`` zero.

Source: Dao and Gu 2024, arXiv:2405.21060, section 6 and listing 1 for the chunked scan; the layers of
mamba_ssm/modules/mamba2.py in state-spaces/mamba for weights. Elementwise operations outside the scan are
not counted in training, as for the other architectures. Bytes are our own count by the same conventions.
"""

from __future__ import annotations

from typing import Any

from bayes_scaling.accounting.shapes import Shape
from bayes_scaling.accounting.work import Decoding, Precision, Work, logits_flops, model_bytes

Array = Any

CONV_WIDTH = 4


def inner_width(shape: Shape) -> Array:
    """Width of the state-space layer."""
    return shape.num_heads * shape.head_dim_v


def conv_width(shape: Shape) -> Array:
    """Channels of the causal convolution: inputs, B and C."""
    return inner_width(shape) + 2 * shape.num_kv_heads * shape.head_dim_qk


def projection_width(shape: Shape) -> Array:
    """Outputs of the input projection: gate, convolution channels, time steps."""
    return inner_width(shape) + conv_width(shape) + shape.num_heads


def block_weights(shape: Shape) -> Array:
    """Weights of one block: projections, convolution with bias, three scalars a head, two norms."""
    d = shape.embedding_dim
    inner = inner_width(shape)
    convolution = conv_width(shape) * (CONV_WIDTH + 1)
    return d * (projection_width(shape) + inner) + convolution + 3 * shape.num_heads + inner + d


def params(shape: Shape) -> Array:
    """Parameters; the one embedding table is also the head."""
    d = shape.embedding_dim
    return shape.vocab_size * d + d + shape.num_blocks * block_weights(shape)


def scan_flops(shape: Shape, tokens: Array) -> Array:
    """FLOPs of one block's chunked scan: scores, outputs within, states, states between, skip."""
    length = 1.0 * shape.chunk_size
    state = shape.head_dim_qk
    inner = inner_width(shape)
    heads = shape.num_heads
    scores = 2 * length * state * shape.num_kv_heads + length * heads  # decay mask per head
    per_token = scores + 2 * length * inner + 4 * state * inner + 2 * inner
    return tokens * (per_token + 2 * inner * state / length)


def forward_flops(shape: Shape, context_length: Array, mode: str) -> Array:
    """Forward FLOPs of one sequence."""
    tokens = 1.0 * context_length
    block = tokens * block_matrix_flops(shape) + scan_flops(shape, tokens)
    return shape.num_blocks * block + tokens * logits_flops(shape)


def block_matrix_flops(shape: Shape) -> Array:
    """FLOPs per token of one block's projections and convolution."""
    projections = shape.embedding_dim * (projection_width(shape) + inner_width(shape))
    return 2.0 * (projections + CONV_WIDTH * conv_width(shape))


def token_flops(shape: Shape) -> Array:
    """Inference FLOPs per token of one block without the scan: norms, skip, gate, activations too."""
    elementwise = 4 * shape.embedding_dim + 5 * inner_width(shape) + conv_width(shape)
    return block_matrix_flops(shape) + elementwise


def block_activations(shape: Shape) -> Array:
    """Numbers moved per token by one block without the scan."""
    d = shape.embedding_dim
    inner = inner_width(shape)
    return 3 * d + projection_width(shape) + 2 * conv_width(shape) + 4 * inner


def scan_rows(shape: Shape) -> Array:
    """Numbers a scan reads and writes per token: inputs, B, C, time steps, outputs."""
    return inner_width(shape) + conv_width(shape) + shape.num_heads


def state_numbers(shape: Shape) -> Array:
    """Numbers in one block's state-space states."""
    return inner_width(shape) * shape.head_dim_qk


def prefill(shape: Shape, batch: Array, prompt: Array, precision: Precision) -> Work:
    """FLOPs and bytes from a prompt to its first token; logits for the last position only."""
    body = shape.num_blocks * (prompt * token_flops(shape) + scan_flops(shape, prompt))
    block = block_activations(shape), block_weights(shape)
    states = 2 * state_numbers(shape) / shape.chunk_size * precision.state
    mixer = shape.num_blocks * batch * prompt * (2 * scan_rows(shape) * precision.activation + states)
    moved = model_bytes(shape, precision, block, (batch * prompt, batch)) + mixer
    return Work(batch * (body + logits_flops(shape)), moved)


def generation(shape: Shape, batch: Array, steps: Decoding, precision: Precision) -> Work:
    """FLOPs and bytes of one recurrent decoding step; the prompt's length does not matter."""
    recurrence = 5.0 * state_numbers(shape) + 2 * inner_width(shape)
    head = logits_flops(shape) + 3.0 * shape.embedding_dim
    flops = batch * (shape.num_blocks * (token_flops(shape) + recurrence) + head)
    block = block_activations(shape), block_weights(shape)
    backbone = model_bytes(shape, precision, block, (batch, batch), steps.weight_reads)
    rows = shape.num_blocks * batch * scan_rows(shape) * precision.activation
    states = 2 * cache_bytes(shape, batch, steps.mean_keys, precision)
    return Work(flops + 0.0 * steps.mean_keys, backbone + rows + states)


def cache_bytes(shape: Shape, batch: Array, tokens: Array, precision: Precision) -> Array:
    """Bytes of the states and the convolution's window, the same for any number of tokens."""
    window = CONV_WIDTH * conv_width(shape) * precision.activation
    return 1.0 * shape.num_blocks * batch * (state_numbers(shape) * precision.state + window) + 0.0 * tokens
