"""The mLSTM layer (Beck et al. 2024, arXiv:2405.04517): a matrix memory with exponential input gates.

`recurrent` is the definition, token by token; `chunkwise` gives the same numbers with few sequential steps.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from bayes_scaling.accounting import Shape
from bayes_scaling.sweep.training.layers import Array, Weights, matrix, rms_norm, split_heads

State = tuple[Array, Array, Array]  # memory, normaliser and their log scale
GATE_CAP = 15.0  # gates are cap * tanh(x / cap), as in Beck et al. 2025, arXiv:2503.13427
FORGET_BIAS = (3.0, 6.0)  # from the first head to the last
INPUT_BIAS = -2.0
NOTHING = -1e30  # log weight of what is not seen


def recurrent(q: Array, k: Array, v: Array, input_gate: Array, forget_gate: Array) -> Array:
    """Outputs of the cell, one token after another (eqs. 19 to 27 with sigmoid forget gates).

    Parameters
    ----------
    q, k : array, shape (batch, head, token, key dim)
    v : array, shape (batch, head, token, value dim)
    input_gate, forget_gate : array, shape (batch, head, token)
        Before their activations.

    Returns
    -------
    array, shape (batch, head, token, value dim)
    """

    def step(state: State, token: tuple[Array, ...]) -> tuple[State, Array]:
        memory, normaliser, top = state
        q, k, v, write, keep = token
        new_top = jnp.maximum(keep + top, write)
        keep = jnp.exp(keep + top - new_top)[..., None]
        write = jnp.exp(write - new_top)[..., None]
        normaliser = keep * normaliser + write * k
        memory = keep[..., None] * memory + (write * k)[..., None] * v[..., None, :]
        h = jnp.einsum("bhkv,bhk->bhv", memory, q)
        scale = jnp.maximum(jnp.abs(jnp.sum(normaliser * q, axis=-1)), jnp.exp(-new_top))
        return (memory, normaliser, new_top), h / scale[..., None]

    tokens = (q, k * k.shape[-1] ** -0.5, v, input_gate, jax.nn.log_sigmoid(forget_gate))
    _, h = jax.lax.scan(step, _empty(q, v), tuple(jnp.moveaxis(x, 2, 0) for x in tokens))
    return jnp.moveaxis(h, 0, 2)


def chunkwise(
    q: Array, k: Array, v: Array, input_gate: Array, forget_gate: Array, chunk_size: int = 64
) -> Array:
    """The outputs of `recurrent`: in parallel inside chunks, a state passed from each to the next.

    Raises
    ------
    ValueError
        The chunks do not divide the tokens; fewer tokens than `chunk_size` are one chunk.
    """
    tokens = q.shape[2]
    size = min(chunk_size, tokens)
    if tokens % size:
        raise ValueError(f"{tokens} tokens are no whole number of chunks of {size}")
    parts = (q, k * k.shape[-1] ** -0.5, v, input_gate, jax.nn.log_sigmoid(forget_gate))
    q, k, v, write, keep = (x.reshape(*x.shape[:2], tokens // size, size, *x.shape[3:]) for x in parts)
    decay = jnp.cumsum(keep, axis=-1)  # ln of what is left of the chunk's first state after each token
    states = _states_before(k, v, write, decay)
    h = _outputs(q, k, v, write, decay, states)
    return h.reshape(*h.shape[:2], tokens, h.shape[-1])


def _empty(q: Array, v: Array) -> State:
    (batch, heads), key, value = q.shape[:2], q.shape[-1], v.shape[-1]
    sizes = (batch, heads, key, value), (batch, heads, key), (batch, heads)
    memory, normaliser, scale = (jnp.zeros(size, q.dtype) for size in sizes)
    return memory, normaliser, scale


def _states_before(k: Array, v: Array, write: Array, decay: Array) -> State:
    """Memory, normaliser and their log scale before each chunk; chunks are axis 2."""
    to_end = decay[..., -1:] - decay + write
    top = jnp.max(to_end, axis=-1)
    weighted = k * jnp.exp(to_end - top[..., None])[..., None]
    added = jnp.einsum("bhclk,bhclv->bhckv", weighted, v), jnp.sum(weighted, axis=3)

    def step(state: State, chunk: tuple[Array, ...]) -> tuple[State, State]:
        memory, normaliser, scale = state
        kept, top, new_memory, new_normaliser = chunk
        new_scale = jnp.maximum(kept + scale, top)
        old = jnp.exp(kept + scale - new_scale)[..., None]
        new = jnp.exp(top - new_scale)[..., None]
        after = old[..., None] * memory + new[..., None] * new_memory, old * normaliser + new * new_normaliser
        return (*after, new_scale), state

    chunks = (decay[..., -1], top, *added)
    _, before = jax.lax.scan(step, _empty(k[:, :, 0], v), tuple(jnp.moveaxis(x, 2, 0) for x in chunks))
    memory, normaliser, scale = (jnp.moveaxis(x, 0, 2) for x in before)
    return memory, normaliser, scale


def _outputs(q: Array, k: Array, v: Array, write: Array, decay: Array, states: State) -> Array:
    """Outputs inside all chunks at once."""
    memory, normaliser, scale = states
    size = q.shape[3]
    seen = np.arange(size) <= np.arange(size)[:, None]
    log_weight = jnp.where(seen, decay[..., :, None] - decay[..., None, :] + write[..., None, :], NOTHING)
    from_state = decay + scale[..., None]
    top = jnp.maximum(jnp.max(log_weight, axis=-1), from_state)
    scores = jnp.einsum("bhctk,bhcsk->bhcts", q, k) * jnp.exp(log_weight - top[..., None])
    old = q * jnp.exp(from_state - top)[..., None]
    value = jnp.einsum("bhcts,bhcsv->bhctv", scores, v) + jnp.einsum("bhctk,bhckv->bhctv", old, memory)
    norm = jnp.sum(scores, axis=-1) + jnp.einsum("bhctk,bhck->bhct", old, normaliser)
    return value / jnp.maximum(jnp.abs(norm), jnp.exp(-top))[..., None]


def remember(weights: Weights, x: Array, shape: Shape) -> Array:
    """The mLSTM layer on (batch, token, width): cells, a norm per head, an output gate, a projection."""
    heads = int(shape.num_heads)
    keys = int(shape.num_heads * shape.head_dim_qk)
    width = x.shape[-1]
    q, k, v, gate = jnp.split(x @ weights["qkvo"], (keys, 2 * keys, 2 * keys + width), axis=-1)
    gates = GATE_CAP * jnp.tanh((x @ weights["gates"] + weights["gate_bias"]) / GATE_CAP)
    write, keep = (part.transpose(0, 2, 1) for part in jnp.split(gates, 2, axis=-1))
    q = split_heads(q, heads)
    k = split_heads(k, heads)
    v = split_heads(v, heads)
    h = chunkwise(q, k, v, write, keep, int(shape.chunk_size))
    h = rms_norm(h, 1.0).transpose(0, 2, 1, 3).reshape(x.shape) * weights["head_norm"]
    return (jax.nn.sigmoid(gate) * h) @ weights["out"]


def start_mlstm(key: Array, shape: Shape, gain: float) -> Weights:
    """Weights of one mLSTM layer; gates start from their biases alone."""
    inputs, out = jax.random.split(key)
    heads = int(shape.num_heads)
    keys = int(shape.num_heads * shape.head_dim_qk)
    width = int(shape.embedding_dim)
    bias = np.concatenate([np.full(heads, INPUT_BIAS), np.linspace(*FORGET_BIAS, heads)])
    return {
        "qkvo": matrix(inputs, width, 2 * keys + 2 * width),
        "gates": jnp.zeros((width, 2 * heads), jnp.float32),
        "gate_bias": jnp.asarray(bias, jnp.float32),
        "head_norm": jnp.ones(width, jnp.float32),
        "out": matrix(out, width, width, gain),
    }
