"""What both architectures share: norm, SwiGLU, embeddings and how weights start. Pure JAX functions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

Array = Any
Weights = dict[str, Any]

EPSILON = 1e-6  # inside the root of every norm
EMBEDDING_SD = 0.5
HEAD_GAIN = 0.1  # small logits: the first loss is near ln(vocab_size)


def rms_norm(x: Array, weight: Array) -> Array:
    """``x / rms(x) * weight`` over the last axis (Zhang and Sennrich 2019)."""
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + EPSILON) * weight


def swiglu(weights: Weights, x: Array) -> Array:
    """``(silu(x U) * x V) W`` (Shazeer 2020); U and V are the halves of ``up``."""
    gate, value = jnp.split(x @ weights["up"], 2, axis=-1)
    return (jax.nn.silu(gate) * value) @ weights["down"]


def split_heads(x: Array, num_heads: int) -> Array:
    """(batch, token, head * dim) to (batch, head, token, dim)."""
    batch, tokens, width = x.shape
    return x.reshape(batch, tokens, num_heads, width // num_heads).transpose(0, 2, 1, 3)


def matrix(key: Array, rows: int, columns: int, gain: float = 1.0) -> Array:
    """Normal weights of standard deviation ``gain / sqrt(rows)``."""
    return jax.random.normal(key, (rows, columns), jnp.float32) * jnp.float32(gain / rows**0.5)


def start_ffn(key: Array, width: int, inner: int, gain: float) -> Weights:
    """Weights of a SwiGLU layer and of the norm before it; ``gain`` scales what joins the stream."""
    up, down = jax.random.split(key)
    return {
        "ffn_norm": jnp.ones(width, jnp.float32),
        "up": matrix(up, width, 2 * inner),
        "down": matrix(down, inner, width, gain),
    }
