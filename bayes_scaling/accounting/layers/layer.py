"""What a layer of a stack is made of: a sequence mixer, a feed-forward layer, norms.

Both parts are frozen values, so that layers compare equal where they are the same. Their counts broadcast
over shapes and contexts, as those of every architecture do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from bayes_scaling.accounting.shapes import Shape
from bayes_scaling.accounting.work import Precision

Array = Any


class Mixer(ABC):
    """A part that mixes the tokens of a sequence."""

    @abstractmethod
    def weights(self, shape: Shape) -> Array:
        """Weights of one layer's mixer, its inner norms included."""

    @abstractmethod
    def forward_flops(self, shape: Shape, tokens: Array, mode: str) -> Array:
        """Forward FLOPs of one sequence; ``mode`` is one of `scores.MODES`."""

    @abstractmethod
    def cache_bytes(self, shape: Shape, tokens: Array, precision: Precision) -> Array:
        """Bytes that one sequence keeps after ``tokens`` tokens."""

    def check(self, shape: Shape) -> None:  # noqa: B027 - most mixers take any shape
        """Refuse a shape that this mixer cannot have.

        Raises
        ------
        AccountingError
            Naming the size.
        """


class FeedForward(ABC):
    """A part that treats each token alone."""

    @abstractmethod
    def weights(self, shape: Shape) -> Array:
        """Weights of one layer."""

    @abstractmethod
    def active_weights(self, shape: Shape) -> Array:
        """Weights that one token meets."""

    @abstractmethod
    def forward_flops(self, shape: Shape, tokens: Array) -> Array:
        """Forward FLOPs of one sequence."""


@dataclass(frozen=True)
class Layer:
    """One layer of a stack.

    Attributes
    ----------
    mixer : Mixer
    feed_forward : FeedForward
    norms : int
        Norms as wide as the embedding: 2 before the parts, 4 where others follow them (Gemma).
    """

    mixer: Mixer
    feed_forward: FeedForward
    norms: int = 2

    def weights(self, shape: Shape) -> Array:
        """Weights of the layer."""
        return self._around(shape) + self.feed_forward.weights(shape)

    def active_weights(self, shape: Shape) -> Array:
        """Weights that one token meets."""
        return self._around(shape) + self.feed_forward.active_weights(shape)

    def forward_flops(self, shape: Shape, tokens: Array, mode: str) -> Array:
        """Forward FLOPs of one sequence."""
        mixed = self.mixer.forward_flops(shape, tokens, mode)
        return mixed + self.feed_forward.forward_flops(shape, tokens)

    def _around(self, shape: Shape) -> Array:
        return self.mixer.weights(shape) + self.norms * shape.embedding_dim
