"""A stack of layers: a pattern that repeats over the blocks, embeddings, logits.

A pattern of one layer is a uniform model; three local layers and a global one are a mixed one; layers of
different mixers are a hybrid. A pattern as long as the model spells the model out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bayes_scaling.accounting.architecture import Architecture
from bayes_scaling.accounting.layers.layer import Layer
from bayes_scaling.accounting.scores import MODES
from bayes_scaling.accounting.shapes import AccountingError, Shape
from bayes_scaling.accounting.work import Precision, logits_flops

Array = Any


@dataclass(frozen=True)
class Stack:
    """Layers, embedding and head.

    Attributes
    ----------
    pattern : tuple of Layer
        In order; it repeats until all blocks are made, and its last repetition may end early. The smooth
        shapes of a family have each layer's share of their blocks.
    tied : bool
        The embedding table is also the head: its params count once, the logits' FLOPs stay.

    Examples
    --------
    >>> from bayes_scaling.accounting.layers import Attention, Experts, Layer, Stack
    >>> local = Layer(Attention(window=1024), Experts(16, 2))
    >>> whole = Layer(Attention(), Experts(16, 2))
    >>> mine = Stack((local, local, local, whole), tied=True).architecture("mine")
    >>> shape = mine.family.shape(mine.params, 1e10)
    >>> round(float(mine.params(shape)) / 1e9, 3), round(float(mine.active_params(shape)) / 1e9, 2)
    (10.0, 1.59)
    """

    pattern: tuple[Layer, ...]
    tied: bool = False

    def __post_init__(self) -> None:
        if not self.pattern or not all(isinstance(layer, Layer) for layer in self.pattern):
            raise AccountingError("the pattern of a stack is one Layer or more, as a tuple")

    def blocks(self, shape: Shape) -> dict[Layer, Array]:
        """How many blocks each kind of layer has."""
        period = len(self.pattern)
        counts: dict[Layer, Array] = {}
        for place, layer in enumerate(self.pattern):
            if shape.continuous:
                count = shape.num_blocks / period
            else:
                count = (shape.num_blocks + period - 1 - place) // period
            counts[layer] = counts.get(layer, 0) + count
        return counts

    def params(self, shape: Shape) -> Array:
        """Parameters, embeddings included."""
        return self._around(shape) + self._total(shape, lambda layer: layer.weights(shape))

    def active_params(self, shape: Shape) -> Array:
        """Parameters without the experts that are idle for a token; embeddings are included."""
        return self._around(shape) + self._total(shape, lambda layer: layer.active_weights(shape))

    def forward_flops(self, shape: Shape, context_length: Array, mode: str) -> Array:
        """Forward FLOPs of one sequence."""
        tokens = 1.0 * context_length
        layers = self._total(shape, lambda layer: layer.forward_flops(shape, tokens, mode))
        return layers + tokens * logits_flops(shape)

    def cache_bytes(self, shape: Shape, batch: Array, tokens: Array, precision: Precision) -> Array:
        """Bytes that a batch keeps after ``tokens`` tokens of each sequence."""
        return batch * self._total(shape, lambda layer: layer.mixer.cache_bytes(shape, tokens, precision))

    def check(self, shape: Shape) -> None:
        """Refuse a shape that one of the mixers cannot have."""
        for layer in self.blocks(shape):
            layer.mixer.check(shape)

    def architecture(self, name: str, **parts: Any) -> Architecture:
        """The stack as an architecture, which `register_architecture` takes.

        Parameters
        ----------
        name : str
        **parts
            Further attributes of `Architecture`, such as ``aliases``, ``source`` and ``family``.
        """
        return Architecture(
            name,
            count_params=self.params,
            count_active=self.active_params,
            count_forward=self.forward_flops,
            count_cache=self.cache_bytes,
            check=self.check,
            modes=MODES,
            **parts,
        )

    def _total(self, shape: Shape, of_one: Callable[[Layer], Array]) -> Array:
        """What all blocks have together of something."""
        return sum(count * of_one(layer) for layer, count in self.blocks(shape).items())

    def _around(self, shape: Shape) -> Array:
        """Embedding, head and the last norm."""
        tables = 1 if self.tied else 2
        return tables * shape.vocab_size * shape.embedding_dim + shape.embedding_dim
