"""The kernels' work in JAX, for a host: same inputs, same outputs by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bayes_scaling.kernels.simple_specs import EPSILON

Array = Any
Arrays = dict[str, Array]


def copy(x: Array, y: Array) -> Arrays:
    """``y = x``, in y's memory where it is donated."""
    return {"y": y.at[:].set(x)}


def matmul(a: Array, b: Array) -> Arrays:
    """``c = a b``."""
    return {"c": a @ b}


def rmsnorm(x: Array, weight: Array) -> Arrays:
    """RMS norm over the last dimension."""
    import jax

    jnp = jax.numpy
    return {"y": x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + EPSILON) * weight}


def swiglu(gate: Array, up: Array) -> Arrays:
    """``y = gate sigmoid(gate) up``."""
    import jax

    return {"y": jax.nn.silu(gate) * up}


def attend(q: Array, k: Array, v: Array, mask: Array | None) -> Array:
    """Attention of grouped heads; the scores are kept whole."""
    import jax

    jnp = jax.numpy
    batch, count, tokens, width = q.shape
    grouped = q.reshape(batch, k.shape[1], count // k.shape[1], tokens, width)
    scores = jnp.einsum("bhgqd,bhkd->bhgqk", grouped, k) / jnp.sqrt(jnp.float32(width))
    if mask is not None:
        scores = jnp.where(mask, scores, -jnp.inf)
    out = jnp.einsum("bhgqk,bhkv->bhgqv", jax.nn.softmax(scores, axis=-1), v)
    return out.reshape(batch, count, tokens, v.shape[-1])


def decode_attention(q: Array, k: Array, v: Array) -> Arrays:
    """One query of each head over the cache."""
    return {"out": attend(q[:, :, None], k, v, None)[:, :, 0]}


def prefill_attention(q: Array, k: Array, v: Array) -> Arrays:
    """Causal attention of a prompt."""
    import jax.numpy as jnp

    tokens = q.shape[2]
    return {"out": attend(q, k, v, jnp.tril(jnp.ones((tokens, tokens), dtype=bool)))}


def mlstm_step(
    q: Array, k: Array, v: Array, input_gate: Array, forget_gate: Array, C: Array, n: Array, m: Array
) -> Arrays:
    """One recurrent step, the states written anew."""
    import jax

    jnp = jax.numpy
    decay = jax.nn.log_sigmoid(forget_gate) + m
    m_new = jnp.maximum(decay, input_gate)
    keep = jnp.exp(decay - m_new)[..., None]
    write = jnp.exp(input_gate - m_new)[..., None]
    key = write * k / jnp.sqrt(jnp.float32(k.shape[-1]))
    n_new = keep * n + key
    C_new = keep[..., None] * C + key[..., None] * v[..., None, :]
    divisor = jnp.maximum(jnp.abs(jnp.sum(n_new * q, axis=-1)), jnp.exp(-m_new))
    h = jnp.einsum("bhkv,bhk->bhv", C_new, q) / divisor[..., None]
    return {"h": h, "C_new": C_new, "n_new": n_new, "m_new": m_new}


def in_chunks(x: Array, size: int, fill: float) -> Array:
    """``(batch, heads, tokens, ...)`` as ``(chunks, batch, heads, size, ...)``, filled up at the end."""
    import jax.numpy as jnp

    widths = [(0, 0)] * x.ndim
    widths[2] = (0, -x.shape[2] % size)
    padded = jnp.pad(x, widths, constant_values=fill)
    split = padded.reshape(*x.shape[:2], -1, size, *x.shape[3:])
    return jnp.moveaxis(split, 2, 0)


def chunk(state: tuple[Array, Array, Array], tokens: tuple[Array, ...]) -> tuple[Any, Array]:
    """The state after a chunk, and the chunk's outputs."""
    import jax.numpy as jnp

    C, n, m = state
    q, k, v, gate, forget = tokens
    decay = jnp.cumsum(forget, axis=-1)
    reach = jnp.where(
        jnp.tril(jnp.ones((q.shape[-2],) * 2, dtype=bool)),
        decay[..., :, None] + (gate - decay)[..., None, :],
        -jnp.inf,
    )
    before = decay + m[..., None]
    largest = jnp.maximum(before, reach.max(axis=-1))
    scores = (q @ k.swapaxes(-1, -2)) * jnp.exp(reach - largest[..., None])
    carry = jnp.exp(before - largest)
    norm = scores.sum(axis=-1) + carry * jnp.einsum("bhtk,bhk->bht", q, n)
    total = scores @ v + carry[..., None] * (q @ C)
    h = total / jnp.maximum(jnp.abs(norm), jnp.exp(-largest))[..., None]
    whole = decay[..., -1]
    ahead = whole[..., None] - decay + gate
    m_new = jnp.maximum(whole + m, ahead.max(axis=-1))
    keep = jnp.exp(whole + m - m_new)[..., None]
    write = jnp.exp(ahead - m_new[..., None])
    gated = k * write[..., None]
    return (keep[..., None] * C + gated.swapaxes(-1, -2) @ v, keep * n + gated.sum(axis=-2), m_new), h


def mlstm_chunkwise(
    q: Array, k: Array, v: Array, input_gate: Array, forget_gate: Array, chunk_size: int
) -> Arrays:
    """Chunk after chunk, parallel inside."""
    import jax

    jnp = jax.numpy
    batch, count, tokens, width = q.shape
    key = k / jnp.sqrt(jnp.float32(width))
    chunks = (
        *(in_chunks(x, chunk_size, 0.0) for x in (q, key, v)),
        in_chunks(input_gate, chunk_size, -jnp.inf),
        in_chunks(jax.nn.log_sigmoid(forget_gate), chunk_size, 0.0),
    )
    empty = (
        jnp.zeros((batch, count, width, v.shape[-1]), dtype=q.dtype),
        jnp.zeros((batch, count, width), dtype=q.dtype),
        jnp.zeros((batch, count), dtype=q.dtype),
    )
    (C, n, m), h = jax.lax.scan(chunk, empty, chunks)
    rows = jnp.moveaxis(h, 0, 2).reshape(batch, count, -1, v.shape[-1])[:, :, :tokens]
    return {"h": rows, "C_last": C, "n_last": n, "m_last": m}


def empty(x: Array) -> Arrays:
    """The least that can be launched: one addition."""
    return {"y": x + 1}


TWINS: dict[str, Callable[..., Arrays]] = {
    twin.__name__: twin
    for twin in (
        *(copy, empty, matmul, rmsnorm, swiglu),
        *(decode_attention, prefill_attention, mlstm_step, mlstm_chunkwise),
    )
}
