"""Causal multi-head attention with rotary positions (Vaswani et al. 2017; Su et al. 2021)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from bayes_scaling.accounting import Shape
from bayes_scaling.sweep.training.layers import Array, Weights, matrix, split_heads

ROTARY_BASE = 10_000.0
QUERY_BLOCK = 256  # queries of a block skip the keys after it: the same numbers for less work


def rotate(x: Array) -> Array:
    """Rotary positions: pairs of the two halves of the last axis turn with the token's position."""
    tokens, dim = x.shape[-2:]
    rates = ROTARY_BASE ** (-np.arange(dim // 2) / (dim // 2))
    angle = np.arange(tokens)[:, None] * rates
    cos = jnp.asarray(np.cos(angle), x.dtype)
    sin = jnp.asarray(np.sin(angle), x.dtype)
    first, second = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)


def causal_attention(q: Array, k: Array, v: Array, block: int = QUERY_BLOCK) -> Array:
    """``softmax(q k' / sqrt(dim)) v`` over the tokens up to each one.

    Parameters
    ----------
    q, k, v : array, shape (batch, head, token, dim)
    block : int
        Queries taken together.

    Returns
    -------
    array, shape (batch, head, token, dim)
    """
    tokens, dim = q.shape[-2:]
    parts = []
    for start in range(0, tokens, block):
        stop = min(start + block, tokens)
        seen = np.arange(stop) <= np.arange(start, stop)[:, None]
        scores = jnp.einsum("bhtd,bhsd->bhts", q[:, :, start:stop], k[:, :, :stop]) * dim**-0.5
        shares = jax.nn.softmax(jnp.where(seen, scores, -1e30), axis=-1)
        parts.append(jnp.einsum("bhts,bhsd->bhtd", shares, v[:, :, :stop]))
    return jnp.concatenate(parts, axis=2)


def attend(weights: Weights, x: Array, shape: Shape) -> Array:
    """The attention layer on (batch, token, width)."""
    heads = int(shape.num_heads)
    q, k, v = (split_heads(part, heads) for part in jnp.split(x @ weights["qkv"], 3, axis=-1))
    mixed = causal_attention(rotate(q), rotate(k), v)
    return mixed.transpose(0, 2, 1, 3).reshape(x.shape) @ weights["out"]


def start_attention(key: Array, shape: Shape, gain: float) -> Weights:
    """Weights of one attention layer; ``gain`` scales what joins the stream."""
    qkv, out = jax.random.split(key)
    width = int(shape.embedding_dim)
    return {"qkv": matrix(qkv, width, 3 * width), "out": matrix(out, width, width, gain)}
