"""Gated delta net: a linear recurrence that decays its state and overwrites what a key held.

Source: Yang, Kautz and Hatamizadeh 2024, arXiv:2412.06464; its chunkwise form with the matrix T of the
delta rule (Yang et al. 2024, arXiv:2406.06484). Scores within a chunk are counted in full, as for the other
chunkwise architectures; T is inverted row by row. Elementwise operations outside the chunks are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bayes_scaling.accounting.layers.layer import Mixer
from bayes_scaling.accounting.mamba2 import CONV_WIDTH
from bayes_scaling.accounting.shapes import Shape, check_size
from bayes_scaling.accounting.work import Precision

Array = Any


@dataclass(frozen=True)
class GatedDeltaNet(Mixer):
    """A gated delta net, its heads relative to those of the shape.

    Attributes
    ----------
    key_heads : float
        Heads of queries and keys, over ``num_heads``.
    values_per_key : int
        Heads of values to each of keys, which are repeated.
    head_share : float
        Head dimensions, over ``head_dim_qk`` and ``head_dim_v``.
    """

    key_heads: float = 1
    values_per_key: int = 1
    head_share: float = 1

    def __post_init__(self) -> None:
        check_size("key_heads", self.key_heads)
        check_size("values_per_key", self.values_per_key, continuous=False)
        check_size("head_share", self.head_share)

    def check(self, shape: Shape) -> None:
        """Refuse heads and dimensions that are not whole."""
        check_size("key heads of the delta net", self.key_heads * shape.num_heads, shape.continuous)
        check_size("key dimension of the delta net", self.key_dim(shape), shape.continuous)
        check_size("value dimension of the delta net", self.value_dim(shape), shape.continuous)

    def key_dim(self, shape: Shape) -> Array:
        """Numbers of one head's query or key."""
        return self.head_share * shape.head_dim_qk

    def value_dim(self, shape: Shape) -> Array:
        """Numbers of one head's value."""
        return self.head_share * shape.head_dim_v

    def value_heads(self, shape: Shape) -> Array:
        """Heads of values, each with a state, a decay and a writing strength."""
        return self.key_heads * shape.num_heads * self.values_per_key

    def value_width(self, shape: Shape) -> Array:
        """Values of all heads: the output gate and projection are this wide."""
        return self.value_heads(shape) * self.value_dim(shape)

    def conv_width(self, shape: Shape) -> Array:
        """Channels of the causal convolutions: queries, keys, values."""
        return 2 * self.key_heads * shape.num_heads * self.key_dim(shape) + self.value_width(shape)

    def projections(self, shape: Shape) -> Array:
        """Weights of the matrices: queries, keys, values, gate, decay, strength, output."""
        scalars = 2 * self.value_heads(shape)
        return shape.embedding_dim * (self.conv_width(shape) + 2 * self.value_width(shape) + scalars)

    def weights(self, shape: Shape) -> Array:
        """Weights of one layer: matrices, convolutions, two scalars a head, one norm of a head's output."""
        small = 2 * self.value_heads(shape) + self.value_dim(shape)
        return self.projections(shape) + CONV_WIDTH * self.conv_width(shape) + small

    def chunk_flops(self, shape: Shape) -> Array:
        """FLOPs of one head of values and chunk."""
        length = 1.0 * shape.chunk_size
        key = self.key_dim(shape)
        value = self.value_dim(shape)
        scores = 2 * 2 * length**2 * key  # keys with keys, queries with keys
        decays = 2 * length**2  # of both matrices of scores
        inverse = length * (length - 1) * (2 * length - 1) / 3  # row i: i numbers into i rows
        solved = 2 * length**2 * (key + value)  # T times keys and values
        states = 3 * 2 * length * key * value  # written values, outputs of the state, the new state
        outputs = 2 * length**2 * value
        passed = 2 * key * value  # the state decays and adds
        return scores + decays + inverse + solved + states + outputs + passed

    def forward_flops(self, shape: Shape, tokens: Array, mode: str) -> Array:
        """Forward FLOPs of one sequence, the same in every mode."""
        matrices = self.projections(shape) + CONV_WIDTH * self.conv_width(shape)
        chunks = self.value_heads(shape) * self.chunk_flops(shape) / shape.chunk_size
        return tokens * (2.0 * matrices + chunks)

    def cache_bytes(self, shape: Shape, tokens: Array, precision: Precision) -> Array:
        """Bytes of the states and the convolutions' windows, the same for any number of tokens."""
        states = self.value_width(shape) * self.key_dim(shape) * precision.state
        window = CONV_WIDTH * self.conv_width(shape) * precision.activation
        return 1.0 * states + window + 0.0 * tokens
