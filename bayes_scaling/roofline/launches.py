"""The kernels of one block by class: how many are launched, and what the small ones move.

Counted from the architecture, for blocks whose elementwise work is *eager* (each operation a kernel of its
own, as an unfused program runs it) or *fused* (a norm with its residual sum, the rotation, a gate: a kernel
each).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from bayes_scaling.accounting import Shape, xlstm

Array = Any
Fusion = Literal["eager", "fused"]
FUSIONS = ("eager", "fused")


@dataclass(frozen=True)
class BlockLaunches:
    """Launches of one block.

    Attributes
    ----------
    products : float
        Matrix products.
    mixers : float
        Kernels of the sequence mixer.
    small : float
        Norms, sums, gates and copies.
    """

    products: float
    mixers: float
    small: float


# Products of a Transformer: queries, keys, values, output; gate, up and down of the feed-forward layer.
# Small ones: 2 norms, 2 residual sums, the rotation of queries and of keys (2 products, a turned copy, its
# concatenation, a sum), silu and product, 2 writes to the cache. Fused: 2 norms with their sums, the rotation
# with its writes, the gate.
# Products of an xLSTM: queries, keys, values, 2 gates, output gate, output; and the same three.
# Small ones: 3 norms, 2 sums, the caps of 2 gates (3 each), the output gate (2), silu and product. Fused: 2
# norms with their sums and one of the heads, both caps, the output gate, the gate.
_LAUNCHES = {
    ("transformer", "eager"): BlockLaunches(7.0, 1.0, 18.0),
    ("transformer", "fused"): BlockLaunches(7.0, 1.0, 4.0),
    ("xlstm", "eager"): BlockLaunches(10.0, 1.0, 15.0),
    ("xlstm", "fused"): BlockLaunches(10.0, 1.0, 6.0),
}


def block_launches(name: str, fusion: Fusion) -> BlockLaunches:
    """Launches of one block of the architecture of that name."""
    return _LAUNCHES[name, fusion]


def numbers_moved(name: str, shape: Shape, fusion: Fusion) -> Array:
    """Numbers per token that the small kernels of one block read and write."""
    return (_moved_transformer if name == "transformer" else _moved_xlstm)(shape, fusion)


def _moved_transformer(shape: Shape, fusion: Fusion) -> Array:
    width = 1.0 * shape.embedding_dim
    queries = shape.num_heads * shape.head_dim_qk
    keys = shape.num_kv_heads * shape.head_dim_qk
    values = shape.num_kv_heads * shape.head_dim_v
    if fusion == "fused":
        return 8 * width + 2 * (queries + keys + values) + 3 * shape.ffn_dim
    norms_and_sums = 2 * 2 * width + 2 * 3 * width
    rotation = 13 * (queries + keys)  # products 3 and 3, turned copy and concatenation 4, sum 3
    return norms_and_sums + rotation + 2 * (keys + values) + 5 * shape.ffn_dim


def _moved_xlstm(shape: Shape, fusion: Fusion) -> Array:
    width = 1.0 * shape.embedding_dim
    values = xlstm.value_width(shape)
    inputs = xlstm.qkv_width(shape)
    if fusion == "fused":
        return 8 * width + 2 * values + 3 * values + 3 * shape.ffn_dim
    norms_and_sums = 2 * 2 * width + 2 * 3 * width + 2 * values
    layouts = 2 * (inputs + values)  # the mixer wants its tokens in another order
    return norms_and_sums + layouts + 5 * values + 5 * shape.ffn_dim
