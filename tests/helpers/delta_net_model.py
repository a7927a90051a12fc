"""A gated delta net in plain jax.numpy: in chunks, as its FLOPs are counted, and token by token."""

from __future__ import annotations

from functools import cache
from typing import Any

Array = Any
CONV = 4


@cache
def scopes() -> dict[str, Any]:
    """Jitted functions whose elementwise operations are counted."""
    import jax

    def decaying(keys: Array, queries: Array, decay: Array) -> tuple[Array, Array]:
        return keys * decay, queries * decay

    def passing(state: Array, decay: Array, written: Array) -> Array:
        return state * decay + written

    return {"decaying": jax.jit(decaying), "passing": jax.jit(passing)}


def delta_arrays(mixer: Any, shape: Any) -> dict[str, tuple[int, ...]]:
    """Shapes of the arrays of one gated delta net."""
    d = shape.embedding_dim
    key = int(shape.head_dim_qk * mixer.head_share)
    value = int(shape.head_dim_v * mixer.head_share)
    key_heads = int(shape.num_heads * mixer.key_heads)
    heads = key_heads * mixer.values_per_key
    channels = 2 * key_heads * key + heads * value
    return {
        "query": (d, key_heads, key),
        "key": (d, key_heads, key),
        "value": (d, heads, value),
        "gate": (d, heads, value),
        "decay": (d, heads),
        "strength": (d, heads),
        "convolution": (CONV, channels),
        "decay_rate": (heads,),
        "decay_bias": (heads,),
        "norm": (value,),
        "output": (heads, value, d),
    }


def delta_net(p: dict[str, Array], x: Array, chunk: int | None) -> Array:
    """Outputs (token, width) of inputs (token, width); chunk None goes token by token."""
    import jax
    import jax.numpy as jnp

    q, k, v = _convolved(p, x)
    repeats = p["value"].shape[1] // p["key"].shape[1]
    q = jnp.repeat(_unit(q), repeats, axis=1)
    k = jnp.repeat(_unit(k), repeats, axis=1)
    log_decay = -jnp.exp(p["decay_rate"]) * jax.nn.softplus(x @ p["decay"] + p["decay_bias"])
    strength = jax.nn.sigmoid(x @ p["strength"])
    if chunk is None:
        mixed = _by_token(q, k, v, log_decay, strength)
    else:
        mixed = _by_chunk(q, k, v, log_decay, strength, chunk)
    normed = mixed / jnp.sqrt((mixed**2).mean(-1, keepdims=True) + 1e-6) * p["norm"]
    gated = normed * jax.nn.silu(jnp.einsum("td,dhv->thv", x, p["gate"]))
    return jnp.einsum("thv,hvd->td", gated, p["output"])


def _convolved(p: dict[str, Array], x: Array) -> list[Array]:
    import jax
    import jax.numpy as jnp

    streams = [jnp.einsum("td,dhk->thk", x, p[name]) for name in ("query", "key", "value")]
    flat = jnp.concatenate([stream.reshape(len(x), -1) for stream in streams], axis=1)
    padded = jnp.concatenate([jnp.zeros((CONV - 1, flat.shape[1])), flat])
    windows = jnp.stack([padded[i : i + len(x)] for i in range(CONV)], axis=1)
    mixed = jax.nn.silu(jnp.einsum("twc,wc->tc", windows, p["convolution"]))
    ends = [streams[0][0].size, 2 * streams[0][0].size]
    parts = jnp.split(mixed, ends, axis=1)
    return [part.reshape(stream.shape) for part, stream in zip(parts, streams, strict=True)]


def _unit(x: Array) -> Array:
    import jax.numpy as jnp

    return x / jnp.sqrt((x**2).sum(-1, keepdims=True) + 1e-6)


def _by_token(q: Array, k: Array, v: Array, log_decay: Array, strength: Array) -> Array:
    """The recurrence itself: the state decays, forgets what the key held, holds the value instead."""
    import jax.numpy as jnp

    state = jnp.zeros((q.shape[1], q.shape[2], v.shape[2]))
    outputs = []
    for t in range(len(q)):
        state = jnp.exp(log_decay[t])[:, None, None] * state
        held = jnp.einsum("hk,hkv->hv", k[t], state)
        change = strength[t][:, None] * (v[t] - held)
        state = state + k[t][:, :, None] * change[:, None, :]
        outputs.append(jnp.einsum("hk,hkv->hv", q[t], state))
    return jnp.stack(outputs)


def _by_chunk(q: Array, k: Array, v: Array, log_decay: Array, strength: Array, chunk: int) -> Array:
    import jax.numpy as jnp

    state = jnp.zeros((q.shape[1], q.shape[2], v.shape[2]))
    outputs = []
    for start in range(0, len(q), chunk):
        part = slice(start, start + chunk)
        out, state = _one_chunk(q[part], k[part], v[part], log_decay[part], strength[part], state)
        outputs.append(out)
    return jnp.concatenate(outputs)


def _one_chunk(
    q: Array, k: Array, v: Array, log_decay: Array, strength: Array, state: Array
) -> tuple[Array, Array]:
    import jax.numpy as jnp

    fall = jnp.cumsum(log_decay, axis=0)  # (token, head)
    since = jnp.exp(fall)[:, :, None]
    lower = jnp.tril(jnp.ones((len(q), len(q))))
    decay = jnp.exp(fall.T[:, :, None] - fall.T[:, None, :]) * lower
    among_keys = jnp.einsum("chk,shk->hcs", k, k)
    of_queries = jnp.einsum("chk,shk->hcs", q, k)
    among_keys, of_queries = scopes()["decaying"](among_keys, of_queries, decay)
    inverse = _inverse(strength.T[:, :, None] * among_keys)
    values = jnp.einsum("hcs,shv->chv", inverse, strength[:, :, None] * v)
    keys = jnp.einsum("hcs,shk->chk", inverse, strength[:, :, None] * since * k)
    written = values - jnp.einsum("chk,hkv->chv", keys, state)
    out = jnp.einsum("chk,hkv->chv", q * since, state) + jnp.einsum("hcs,shv->chv", of_queries, written)
    left = jnp.exp(fall[-1] - fall)[:, :, None]
    added = jnp.einsum("chk,chv->hkv", k * left, written)
    return out, scopes()["passing"](state, jnp.exp(fall[-1])[:, None, None], added)


def _inverse(scores: Array) -> Array:
    """Of the identity plus what lies below the diagonal, row by row."""
    import jax.numpy as jnp

    size = scores.shape[-1]
    rows = jnp.eye(size) * jnp.ones((len(scores), 1, 1))
    for i in range(1, size):
        row = -jnp.einsum("hj,hjs->hs", scores[:, i, :i], rows[:, :i, :i])
        rows = rows.at[:, i, :i].set(row)
    return rows
