"""A language model of a stack of layers in plain jax.numpy, to count what the accounting counts by formula.

Its products are written down from the papers, not from the accounting; positions are not encoded.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from bayes_scaling.accounting import Shape
from bayes_scaling.accounting.layers import Attention, Experts, GatedDeltaNet, LatentAttention, Stack
from tests.helpers import delta_net_model
from tests.helpers.delta_net_model import delta_net
from tests.helpers.operation_count import PRODUCTS, operations
from tests.helpers.stacked_arrays import ROUTED, abstract_arrays, arrays

Array = Any
SCOPES = frozenset({"scores", "windowed_scores", "swiglu", "decaying", "passing"})


@cache
def scopes() -> dict[str, Any]:
    """Jitted functions that are counted apart."""
    import jax
    import jax.numpy as jnp

    def scores(q: Array, k: Array, v: Array) -> Array:
        """Every query meets every key; masked after that."""
        found = jnp.einsum("thk,shk->hts", q, k)
        seen = jnp.tril(jnp.ones(found.shape[1:], bool))
        weights = jnp.where(seen, jnp.exp(found), 0.0)
        return jnp.einsum("hts,shv->thv", weights / weights.sum(-1, keepdims=True), v)

    def windowed_scores(q: Array, k: Array, v: Array, behind: Array) -> Array:
        """Every query meets the keys of its window, those before the first token masked."""
        place = jnp.arange(len(q))[:, None] - behind[None, :]
        found = jnp.einsum("thk,twhk->htw", q, k[place])
        weights = jnp.where(place >= 0, jnp.exp(found), 0.0)
        return jnp.einsum("htw,twhv->thv", weights / weights.sum(-1, keepdims=True), v[place])

    def swiglu(gate: Array, x: Array) -> Array:
        return gate * jax.nn.sigmoid(gate) * x

    functions = {"scores": scores, "windowed_scores": windowed_scores, "swiglu": swiglu}
    return {name: jax.jit(function) for name, function in functions.items()} | delta_net_model.scopes()


def logits(stack: Stack, shape: Shape, p: dict[str, Any], tokens: Array) -> Array:
    """Logits (token, vocabulary) of one sequence (token,)."""
    import jax.numpy as jnp

    x = jnp.asarray(p["tables"]["embedding"])[tokens]
    for i in range(shape.num_blocks):
        layer, own = stack.pattern[i % len(stack.pattern)], p[f"layer {i}"]
        norms = list(own["norms"].values())
        mixed = _mixed(layer.mixer, shape, own["mixer"], _normed(x, norms[0]))
        x = x + (_normed(mixed, norms[2]) if layer.norms == 4 else mixed)
        fed = _fed(layer.feed_forward, own["feed"], _normed(x, norms[1]))
        x = x + (_normed(fed, norms[3]) if layer.norms == 4 else fed)
    table = p["tables"]["embedding" if stack.tied else "head"]
    return jnp.einsum("td,vd->tv", _normed(x, p["tables"]["norm"]), table)


def _normed(x: Array, weight: Array) -> Array:
    import jax.numpy as jnp

    return x / jnp.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * weight


def _mixed(mixer: Any, shape: Shape, p: dict[str, Array], x: Array) -> Array:
    if isinstance(mixer, GatedDeltaNet):
        return delta_net(p, x, shape.chunk_size)
    if isinstance(mixer, LatentAttention):
        return _latent(p, x)
    return _attention(mixer, p, x)


def _attention(mixer: Attention, p: dict[str, Array], x: Array) -> Array:
    import jax
    import jax.numpy as jnp

    q, k, v = (jnp.einsum("td,dhk->thk", x, p[name]) for name in ("query", "key", "value"))
    if mixer.normed:
        q, k = _normed(q, p["query_norm"]), _normed(k, p["key_norm"])
    group = q.shape[1] // k.shape[1]
    k, v = jnp.repeat(k, group, axis=1), jnp.repeat(v, group, axis=1)
    if mixer.window is None:
        found = scopes()["scores"](q, k, v)
    else:
        found = scopes()["windowed_scores"](q, k, v, jnp.arange(min(mixer.window, len(x))))
    if mixer.gated:
        found = found * jax.nn.sigmoid(jnp.einsum("td,dhv->thv", x, p["gate"]))
    return jnp.einsum("thv,hvd->td", found, p["output"])


def _latent(p: dict[str, Array], x: Array) -> Array:
    import jax.numpy as jnp

    source = _normed(x @ p["query_down"], p["query_norm"]) if "query_down" in p else x
    q = jnp.einsum("tr,rhk->thk", source, p["query"])
    latent = _normed(x @ p["down"], p["down_norm"])
    plain = jnp.einsum("tr,rhk->thk", latent, p["up_key"])
    rotary = x @ p["rotary_key"]
    shared = jnp.broadcast_to(rotary[:, None, :], (*plain.shape[:2], rotary.shape[1]))
    v = jnp.einsum("tr,rhv->thv", latent, p["up_value"])
    found = scopes()["scores"](q, jnp.concatenate([plain, shared], axis=-1), v)
    return jnp.einsum("thv,hvd->td", found, p["output"])


def _fed(feed: Any, p: dict[str, Array], x: Array) -> Array:
    import jax
    import jax.numpy as jnp

    swiglu = scopes()["swiglu"]
    out = jnp.zeros_like(x)
    if "shared_in" in p:
        inner = (jnp.einsum("td,sdf->tsf", x, p[name]) for name in ("shared_gate", "shared_in"))
        out = jnp.einsum("tsf,sfd->td", swiglu(*inner), p["shared_out"])
    if "share" in p:
        out = out * jax.nn.sigmoid(x @ p["share"])[:, None]
    if not isinstance(feed, Experts):
        return out
    rank = x @ p["router"]
    chosen = jax.lax.top_k(rank + p.get("router_bias", 0.0), feed.active)[1]
    share = jax.nn.softmax(jnp.take_along_axis(rank, chosen, axis=1))
    routed = {name: jnp.asarray(p[ROUTED + name])[chosen] for name in ("gate", "in", "out")}
    inner = (jnp.einsum("td,tkdf->tkf", x, routed[name]) for name in ("gate", "in"))
    given = jnp.einsum("tkf,tkfd->tkd", swiglu(*inner), routed["out"])
    return out + (given * share[:, :, None]).sum(axis=1)


def causal_share(context: int, window: int) -> float:
    """Share of all queries times the keys in their window that the causal mask leaves.

    The mean of the masks with and without a token's own key.
    """
    behind = np.arange(context)[:, None] - np.arange(context)[None, :]
    keys = min(window, context)
    inclusive = (behind >= 0) & (behind < keys)
    exclusive = (behind >= 1) & (behind <= keys)
    return (inclusive.sum() + exclusive.sum()) / 2 / (context * keys)


def count_forward(stack: Stack, shape: Shape, context: int, mode: str) -> float:
    """Forward FLOPs of one sequence by the operations that JAX traces, by the accounting's conventions.

    Products of all matrices; scores with softmax in full (``chinchilla``: three operations each) or the
    causal share of them (five each); two operations a gated number of a feed-forward layer; decays of a
    delta net.
    """
    import jax

    found = operations(
        lambda p, tokens: logits(stack, shape, p, tokens),
        abstract_arrays(arrays(stack, shape)),
        jax.ShapeDtypeStruct((context,), np.int32),
        scopes=SCOPES,
    )
    total = sum(flops for (scope, name), flops in found.items() if name == PRODUCTS and "scores" not in scope)
    windows = {layer.mixer.window for layer in stack.pattern if isinstance(layer.mixer, Attention)} - {None}
    for scope, window in (("scores", context), ("windowed_scores", max(windows, default=context))):
        pairs = found[scope, "exp"]
        products = found[scope, PRODUCTS]
        share = causal_share(context, window)
        total += products + 3 * pairs if mode == "chinchilla" else share * (products + 5 * pairs)
    gates = 2 * found["swiglu", "logistic"]
    decays = found["decaying", "mul"] + found["passing", "mul"] + found["passing", "add"]
    return total + gates + decays
