"""What a query costs a device: FLOPs and bytes, and the precisions they depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from bayes_scaling.accounting.shapes import Shape

Array = Any


class Work(NamedTuple):
    """Floating-point operations and bytes moved by one prefill or one decoding step of a batch.

    Attributes
    ----------
    flops : array
    bytes : array
    """

    flops: Array
    bytes: Array


@dataclass(frozen=True)
class Precision:
    """Bytes per number.

    Attributes
    ----------
    activation, weight : float
        2 for bfloat16.
    state : float
        Recurrent states; 4 for float32.
    cache : float, optional
        Keys and values that are kept; by default as wide as activations.
    """

    activation: float = 2.0
    weight: float = 2.0
    state: float = 4.0
    cache: float | None = None

    @property
    def cached(self) -> float:
        """Bytes of a kept key or value."""
        return self.activation if self.cache is None else self.cache


BF16 = Precision()


@dataclass(frozen=True)
class Decoding:
    """A decoding step, averaged over the tokens generated after a prompt.

    Attributes
    ----------
    prompt, generated : array
        Tokens before the first step, and steps taken.
    weight_reads : array
        Reads of all weights per step: 1 on real devices. The xLSTM study divides one read over the whole
        generation, ``1 / generated``.
    """

    prompt: Array
    generated: Array = 1
    weight_reads: Array = 1.0

    @property
    def mean_keys(self) -> Array:
        """Keys seen by one step, its own token included."""
        return self.prompt + (self.generated + 1) / 2


def ffn_forward(shape: Shape, tokens: Array) -> Array:
    """Forward FLOPs of one SwiGLU layer: three projections and the gate."""
    return tokens * (6.0 * shape.embedding_dim * shape.ffn_dim + 2.0 * shape.ffn_dim)


def logits_flops(shape: Shape) -> Array:
    """Forward FLOPs of one token's logits."""
    return 2.0 * shape.embedding_dim * shape.vocab_size


def ffn_activations(shape: Shape) -> Array:
    """Numbers moved per token by the norm and the SwiGLU layer."""
    return shape.embedding_dim + 3 * (shape.embedding_dim + shape.ffn_dim)


def ffn_weights(shape: Shape) -> Array:
    """Weights of the norm and the SwiGLU layer."""
    return shape.embedding_dim + 3 * shape.embedding_dim * shape.ffn_dim


def head_activations(shape: Shape) -> Array:
    """Numbers moved per token by the last norm and the logits."""
    return 2 * shape.embedding_dim + shape.vocab_size


def model_bytes(
    shape: Shape,
    precision: Precision,
    block: tuple[Array, Array],
    tokens: tuple[Array, Array],
    weight_reads: Array = 1.0,
) -> Array:
    """Bytes of all but the mixers: embedding, blocks, head.

    Parameters
    ----------
    shape : Shape
    precision : Precision
    block : (activations per token, weights) of one block
    tokens : (through the blocks, through the head), the batch included
    weight_reads : array
    """
    activations, weights = block
    body, head = tokens
    through_body = 1.0 * body * (shape.embedding_dim + shape.num_blocks * activations)
    moved = through_body + head * head_activations(shape)
    held = shape.num_blocks * weights + shape.embedding_dim * (1 + shape.vocab_size)
    return moved * precision.activation + 1.0 * held * weight_reads * precision.weight
