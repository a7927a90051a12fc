"""Multi-head latent attention: keys and values out of one small latent vector a token.

Source: DeepSeek-V2, arXiv:2405.04434, section 2.1 and appendix C. Training makes keys and values of every
head; only the latent vector and the rotated key, which all heads share, are kept in the cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bayes_scaling.accounting.layers.layer import Mixer
from bayes_scaling.accounting.scores import counted_pairs, pair_flops
from bayes_scaling.accounting.shapes import Shape, check_one_head_count, check_size
from bayes_scaling.accounting.transformer import out_width
from bayes_scaling.accounting.work import Precision

Array = Any


@dataclass(frozen=True)
class LatentAttention(Mixer):
    """Causal attention over latent keys and values; in the shape, ``head_dim_qk`` is the part not rotated.

    Attributes
    ----------
    kv_rank : int
        Numbers of the latent vector of keys and values.
    rotary_dim : int
        Numbers of the rotated part of queries and keys.
    query_rank : int, optional
        Numbers of the queries' latent vector; default none, queries are projected at once.
    """

    kv_rank: int = 512
    rotary_dim: int = 64
    query_rank: int | None = 1536

    def __post_init__(self) -> None:
        for name in ("kv_rank", "rotary_dim", "query_rank"):
            if getattr(self, name) is not None:
                check_size(name, getattr(self, name), continuous=False)

    def check(self, shape: Shape) -> None:
        """Refuse grouped heads."""
        check_one_head_count("latent attention", shape)

    def key_width(self, shape: Shape) -> Array:
        """Numbers of one head's query or key: plain and rotated."""
        return shape.head_dim_qk + self.rotary_dim

    def query_weights(self, shape: Shape) -> Array:
        """Weights of the queries' matrices."""
        queries = shape.num_heads * self.key_width(shape)
        if self.query_rank is None:
            return shape.embedding_dim * queries
        return (shape.embedding_dim + queries) * self.query_rank

    def projections(self, shape: Shape) -> Array:
        """Weights of the matrices: queries, down to the latent vector, up to keys and values, output."""
        down = shape.embedding_dim * (self.kv_rank + self.rotary_dim)
        up = self.kv_rank * shape.num_heads * (shape.head_dim_qk + shape.head_dim_v)
        return self.query_weights(shape) + down + up + out_width(shape) * shape.embedding_dim

    def weights(self, shape: Shape) -> Array:
        """Weights of one layer's attention, the latent vectors' norms included."""
        return self.projections(shape) + self.kv_rank + (self.query_rank or 0)

    def forward_flops(self, shape: Shape, tokens: Array, mode: str) -> Array:
        """Forward FLOPs of one sequence."""
        pairs = counted_pairs(tokens, None, mode)
        scores = pairs * shape.num_heads * pair_flops(self.key_width(shape), shape.head_dim_v, mode)
        return 2.0 * tokens * self.projections(shape) + scores

    def cache_bytes(self, shape: Shape, tokens: Array, precision: Precision) -> Array:
        """Bytes of the latent vectors and rotated keys, whatever the number of heads."""
        return 1.0 * (self.kv_rank + self.rotary_dim) * tokens * precision.cached
