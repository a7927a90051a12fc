"""The Llama-style Transformer: SwiGLU, RMS norms, untied embeddings, grouped-query attention.

Source: xLSTM scaling-law study, arXiv:2510.02228 and NX-AI/xlstm_scaling_laws. Training FLOPs leave out
norms, skips and the embedding look-up. All functions broadcast over shapes, batches and contexts.
"""

from __future__ import annotations

from typing import Any

from bayes_scaling.accounting.scores import SOFTMAX_HALF, counted_pairs, pair_flops
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

CAUSAL_FACTOR = 0.65  # share of the score matrix a causal inference kernel computes, by the source


def qkv_width(shape: Shape) -> Array:
    """Outputs of the query, key and value projections."""
    return shape.num_heads * shape.head_dim_qk + shape.num_kv_heads * (shape.head_dim_qk + shape.head_dim_v)


def out_width(shape: Shape) -> Array:
    """Inputs of the output projection."""
    return shape.num_heads * shape.head_dim_v


def block_weights(shape: Shape) -> Array:
    """Weights of one block."""
    d = shape.embedding_dim
    return d * (qkv_width(shape) + out_width(shape)) + d + ffn_weights(shape)


def params(shape: Shape) -> Array:
    """Parameters, both embedding tables included."""
    d = shape.embedding_dim
    return 2 * shape.vocab_size * d + d + shape.num_blocks * block_weights(shape)


def attention_flops(shape: Shape, context_length: Array, mode: str) -> Array:
    """Forward FLOPs of one block's attention over one sequence, by a mode of `scores`."""
    pairs = counted_pairs(context_length, None, mode)
    return pairs * shape.num_heads * pair_flops(shape.head_dim_qk, shape.head_dim_v, mode)


def forward_flops(shape: Shape, context_length: Array, mode: str) -> Array:
    """Forward FLOPs of one sequence."""
    tokens = 1.0 * context_length
    projections = 2.0 * tokens * shape.embedding_dim * (qkv_width(shape) + out_width(shape))
    block = projections + attention_flops(shape, context_length, mode) + ffn_forward(shape, tokens)
    return shape.num_blocks * block + tokens * logits_flops(shape)


def backbone_flops(shape: Shape) -> Array:
    """Inference FLOPs per token of all blocks without attention, norms and skips included."""
    d = shape.embedding_dim
    block = 8.0 * d + 2.0 * d * (qkv_width(shape) + out_width(shape)) + ffn_forward(shape, 1.0)
    return shape.num_blocks * block


def block_activations(shape: Shape) -> Array:
    """Numbers moved per token by one block without attention."""
    d = shape.embedding_dim
    return d + d + qkv_width(shape) + d + out_width(shape) + ffn_activations(shape)


def _score_flops(shape: Shape) -> Array:
    heads = shape.num_blocks * shape.num_heads
    return 2.0 * CAUSAL_FACTOR * heads * (shape.head_dim_qk + shape.head_dim_v + SOFTMAX_HALF)


def prefill(shape: Shape, batch: Array, prompt: Array, precision: Precision) -> Work:
    """FLOPs and bytes from a prompt to its first token; logits for the last position only."""
    attention = _score_flops(shape) * prompt * prompt
    flops = batch * (prompt * backbone_flops(shape) + attention + logits_flops(shape))
    block = block_activations(shape), block_weights(shape)
    streams = (shape.head_dim_qk + shape.head_dim_v) * (shape.num_heads + shape.num_kv_heads)
    mixer = 1.0 * shape.num_blocks * batch * prompt * streams * precision.activation
    return Work(flops, model_bytes(shape, precision, block, (batch * prompt, batch)) + mixer)


def generation(shape: Shape, batch: Array, steps: Decoding, precision: Precision) -> Work:
    """FLOPs and bytes of one decoding step, averaged over the generation.

    The causal factor stays in the attention FLOPs, as in the source.
    """
    head = logits_flops(shape) + 3.0 * shape.embedding_dim
    flops = batch * (backbone_flops(shape) + _score_flops(shape) * steps.mean_keys + head)
    block = block_activations(shape), block_weights(shape)
    backbone = model_bytes(shape, precision, block, (batch, batch), steps.weight_reads)
    return Work(flops, backbone + cache_bytes(shape, batch, steps.mean_keys, precision))


def cache_bytes(shape: Shape, batch: Array, tokens: Array, precision: Precision) -> Array:
    """Bytes of the keys and values of ``tokens`` positions per sequence."""
    per_token = shape.num_blocks * shape.num_kv_heads * (shape.head_dim_qk + shape.head_dim_v)
    return 1.0 * per_token * batch * tokens * precision.cached
