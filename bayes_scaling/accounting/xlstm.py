"""The xLSTM of mLSTM blocks: gates, output gate, SwiGLU, untied embeddings.

Source: xLSTM scaling-law study, arXiv:2510.02228 and NX-AI/xlstm_scaling_laws. Training is chunkwise,
generation recurrent. All functions broadcast over shapes, batches and contexts.
"""

from __future__ import annotations

from typing import Any

from bayes_scaling.accounting import mlstm_cell as cell
from bayes_scaling.accounting.shapes import Shape
from bayes_scaling.accounting.work import (
    Decoding,
    Precision,
    Work,
    ffn_activations,
    ffn_forward,
    ffn_weights,
    logits_flops,
    model_bytes,
)

Array = Any

MODES = ("first", "tfla")


def qkv_width(shape: Shape) -> Array:
    """Outputs of the query, key and value projections."""
    return shape.num_heads * (2 * shape.head_dim_qk + shape.head_dim_v)


def value_width(shape: Shape) -> Array:
    """Values of all heads together: the output gate and projection are this wide."""
    return shape.num_heads * shape.head_dim_v


def block_weights(shape: Shape) -> Array:
    """Weights of one block, the biases of the two gates included."""
    d = shape.embedding_dim
    value = value_width(shape)
    gates = 2 * shape.num_heads * (d + 1)
    return d * (qkv_width(shape) + 2 * value) + gates + d + value + ffn_weights(shape)


def params(shape: Shape) -> Array:
    """Parameters, both embedding tables included."""
    d = shape.embedding_dim
    return 2 * shape.vocab_size * d + d + shape.num_blocks * block_weights(shape)


def forward_flops(shape: Shape, context_length: Array, mode: str) -> Array:
    """Forward FLOPs of one sequence, chunkwise; ``first`` and ``tfla`` differ in the cell alone."""
    tokens = 1.0 * context_length
    value = value_width(shape)
    inputs = qkv_width(shape) + 2 * shape.num_heads
    projections = tokens * (2.0 * shape.embedding_dim * (inputs + 2 * value) + value)
    block = projections + cell.training_flops(shape, tokens, mode) + ffn_forward(shape, tokens)
    return shape.num_blocks * block + tokens * logits_flops(shape)


def backbone_flops(shape: Shape) -> Array:
    """Inference FLOPs per token of all blocks without the cells, norms and skips included."""
    d = shape.embedding_dim
    heads = shape.num_heads
    value = value_width(shape)
    mixer = 2.0 * d * (qkv_width(shape) + 2 * value) + 2 * d * heads + 2 * heads + 4 * value
    return shape.num_blocks * (8.0 * d + mixer + ffn_forward(shape, 1.0))


def block_activations(shape: Shape) -> Array:
    """Numbers moved per token by one block without its cells."""
    d = shape.embedding_dim
    value = value_width(shape)
    gates = 2 * (d + shape.num_heads)
    return d + d + qkv_width(shape) + gates + 2 * (d + value) + value + ffn_activations(shape)


def prefill(shape: Shape, batch: Array, prompt: Array, precision: Precision) -> Work:
    """FLOPs and bytes from a prompt to its first token; logits for the last position only."""
    cells = shape.num_blocks * cell.prefill_flops(shape, prompt)
    flops = batch * (prompt * backbone_flops(shape) + cells + logits_flops(shape))
    block = block_activations(shape), block_weights(shape)
    mixer = shape.num_blocks * batch * cell.chunkwise_bytes(shape, prompt, precision)
    return Work(flops, model_bytes(shape, precision, block, (batch * prompt, batch)) + mixer)


def generation(shape: Shape, batch: Array, steps: Decoding, precision: Precision) -> Work:
    """FLOPs and bytes of one recurrent decoding step; the prompt's length does not matter."""
    head = logits_flops(shape) + 3.0 * shape.embedding_dim
    flops = batch * (backbone_flops(shape) + shape.num_blocks * cell.step_flops(shape) + head)
    block = block_activations(shape), block_weights(shape)
    backbone = model_bytes(shape, precision, block, (batch, batch), steps.weight_reads)
    mixer = shape.num_blocks * batch * cell.step_bytes(shape, precision)
    same_for_all_prompts = 0.0 * steps.mean_keys  # keeps the broadcast shape of every architecture
    return Work(flops + same_for_all_prompts, backbone + mixer + same_for_all_prompts)


def cache_bytes(shape: Shape, batch: Array, tokens: Array, precision: Precision) -> Array:
    """Bytes of the states, the same for any number of tokens."""
    return 1.0 * shape.num_blocks * batch * cell.state_numbers(shape) * precision.state + 0.0 * tokens
