"""Softmax attention: multi-head, grouped-query or multi-query by the shape's ``num_kv_heads``; a window.

Sources: Shazeer 2019, arXiv:1911.02150 (one key-value head); Ainslie et al. 2023, arXiv:2305.13245 (groups);
Beltagy et al. 2020, arXiv:2004.05150 (windows). Norms, rotations and gates are not counted as FLOPs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bayes_scaling.accounting.layers.layer import Mixer
from bayes_scaling.accounting.scores import counted_pairs, keys_within, pair_flops
from bayes_scaling.accounting.shapes import Shape, check_size
from bayes_scaling.accounting.transformer import out_width, qkv_width
from bayes_scaling.accounting.work import Precision

Array = Any


@dataclass(frozen=True)
class Attention(Mixer):
    """Causal attention.

    Attributes
    ----------
    window : int, optional
        Latest tokens that a query sees, its own included; default all.
    gated : bool
        A projection as wide as the values gates the outputs.
    normed : bool
        Queries and keys are normed, each by one weight per number of a head.
    """

    window: int | None = None
    gated: bool = False
    normed: bool = False

    def __post_init__(self) -> None:
        if self.window is not None:
            check_size("window", self.window, continuous=False)

    def projections(self, shape: Shape) -> Array:
        """Weights of the matrices: queries, keys, values, gate, output."""
        width = qkv_width(shape) + out_width(shape) + self.gated * out_width(shape)
        return shape.embedding_dim * width

    def weights(self, shape: Shape) -> Array:
        """Weights of one layer's attention."""
        return self.projections(shape) + self.normed * 2 * shape.head_dim_qk

    def forward_flops(self, shape: Shape, tokens: Array, mode: str) -> Array:
        """Forward FLOPs of one sequence."""
        pairs = counted_pairs(tokens, self.window, mode)
        scores = pairs * shape.num_heads * pair_flops(shape.head_dim_qk, shape.head_dim_v, mode)
        return 2.0 * tokens * self.projections(shape) + scores

    def cache_bytes(self, shape: Shape, tokens: Array, precision: Precision) -> Array:
        """Bytes of keys and values, of the window's tokens alone."""
        per_token = shape.num_kv_heads * (shape.head_dim_qk + shape.head_dim_v)
        return 1.0 * per_token * keys_within(tokens, self.window) * precision.cached
