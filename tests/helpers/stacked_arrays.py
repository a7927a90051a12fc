"""Arrays of a language model of a stack of layers, written down from the papers, and the numbers in them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayes_scaling.accounting import Shape
from bayes_scaling.accounting.layers import Attention, Dense, Experts, GatedDeltaNet, LatentAttention, Stack
from tests.helpers.delta_net_model import delta_arrays

Array = Any
ROUTED = "routed_"  # arrays with one row for each expert that a router picks


def arrays(stack: Stack, shape: Shape) -> dict[str, Any]:
    """Shapes of all arrays of the model."""
    d = shape.embedding_dim
    tables = {"embedding": (shape.vocab_size, d), "norm": (d,)}
    if not stack.tied:
        tables["head"] = (shape.vocab_size, d)
    period = len(stack.pattern)
    return {"tables": tables} | {
        f"layer {i}": _layer_arrays(stack.pattern[i % period], shape) for i in range(shape.num_blocks)
    }


def _layer_arrays(layer: Any, shape: Shape) -> dict[str, Any]:
    kinds = {
        Attention: _attention_arrays,
        LatentAttention: _latent_arrays,
        GatedDeltaNet: delta_arrays,
        Dense: _dense_arrays,
        Experts: _expert_arrays,
    }
    return {
        "mixer": kinds[type(layer.mixer)](layer.mixer, shape),
        "feed": kinds[type(layer.feed_forward)](layer.feed_forward, shape),
        "norms": {f"norm {i}": (shape.embedding_dim,) for i in range(layer.norms)},
    }


def _attention_arrays(mixer: Attention, shape: Shape) -> dict[str, tuple[int, ...]]:
    d, heads, key, value = shape.embedding_dim, shape.num_heads, shape.head_dim_qk, shape.head_dim_v
    found = {
        "query": (d, heads, key),
        "key": (d, shape.num_kv_heads, key),
        "value": (d, shape.num_kv_heads, value),
        "output": (heads, value, d),
    }
    if mixer.gated:
        found["gate"] = (d, heads, value)
    if mixer.normed:
        found |= {"query_norm": (key,), "key_norm": (key,)}
    return found


def _latent_arrays(mixer: LatentAttention, shape: Shape) -> dict[str, tuple[int, ...]]:
    d, heads, key, value = shape.embedding_dim, shape.num_heads, shape.head_dim_qk, shape.head_dim_v
    rank, rotary, queries = mixer.kv_rank, mixer.rotary_dim, mixer.query_rank
    found = {
        "down": (d, rank),
        "down_norm": (rank,),
        "rotary_key": (d, rotary),
        "up_key": (rank, heads, key),
        "up_value": (rank, heads, value),
        "output": (heads, value, d),
    }
    if queries is None:
        return found | {"query": (d, heads, key + rotary)}
    return found | {
        "query_down": (d, queries),
        "query_norm": (queries,),
        "query": (queries, heads, key + rotary),
    }


def _dense_arrays(feed: Dense, shape: Shape) -> dict[str, tuple[int, ...]]:
    d, inner = shape.embedding_dim, int(shape.ffn_dim * feed.widening)
    return {"shared_in": (1, d, inner), "shared_gate": (1, d, inner), "shared_out": (1, inner, d)}


def _expert_arrays(feed: Experts, shape: Shape) -> dict[str, tuple[int, ...]]:
    d, inner = shape.embedding_dim, shape.ffn_dim
    found = {
        ROUTED + "in": (feed.total, d, inner),
        ROUTED + "gate": (feed.total, d, inner),
        ROUTED + "out": (feed.total, inner, d),
        "router": (d, feed.total),
    }
    if feed.shared:
        found |= {
            "shared_in": (feed.shared, d, inner),
            "shared_gate": (feed.shared, d, inner),
            "shared_out": (feed.shared, inner, d),
        }
    if feed.shared_gate:
        found["share"] = (d,)
    if feed.router_bias:
        found["router_bias"] = (feed.total,)
    return found


def walk(tree: dict[str, Any], path: str = "") -> list[tuple[str, tuple[int, ...]]]:
    """Path and shape of every array."""
    found = []
    for name, value in tree.items():
        found += walk(value, f"{path}/{name}") if isinstance(value, dict) else [(f"{path}/{name}", value)]
    return found


def count_params(stack: Stack, shape: Shape) -> int:
    """Numbers in all arrays."""
    return sum(math.prod(size) for _, size in walk(arrays(stack, shape)))


def count_active(stack: Stack, shape: Shape) -> int:
    """Numbers in all arrays, of routed ones only as many rows as a token meets."""
    period = len(stack.pattern)
    total = 0
    for path, size in walk(arrays(stack, shape)):
        if ROUTED in path:
            block = int(path.split("/")[1].removeprefix("layer "))
            size = (stack.pattern[block % period].feed_forward.active, *size[1:])
        total += math.prod(size)
    return total


def random_arrays(tree: dict[str, Any], seed: int) -> dict[str, Any]:
    """Arrays of those shapes, small and random."""
    rng = np.random.default_rng(seed)

    def filled(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: filled(value) for name, value in part.items()}
        return (rng.standard_normal(part) / 4).astype(np.float32)

    return filled(tree)


def abstract_arrays(tree: dict[str, Any]) -> dict[str, Any]:
    """The same without numbers, for tracing."""
    import jax

    if isinstance(tree, dict):
        return {name: abstract_arrays(value) for name, value in tree.items()}
    return jax.ShapeDtypeStruct(tree, np.float32)
