"""A language model of either architecture: the same stream, norms, FFN and embeddings round its mixer."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from bayes_scaling.accounting import Shape
from bayes_scaling.sweep.training.attention import attend, start_attention
from bayes_scaling.sweep.training.layers import (
    EMBEDDING_SD,
    HEAD_GAIN,
    Array,
    Weights,
    matrix,
    rms_norm,
    start_ffn,
    swiglu,
)
from bayes_scaling.sweep.training.mlstm import remember, start_mlstm


class Mixer(NamedTuple):
    """The layer that moves information between tokens: how it runs and how its weights start."""

    apply: Callable[[Weights, Array, Shape], Array]
    start: Callable[[Array, Shape, float], Weights]


MIXERS = {"transformer": Mixer(attend, start_attention), "xlstm": Mixer(remember, start_mlstm)}


def start_weights(architecture: str, shape: Shape, seed: int) -> Weights:
    """Random weights of a model, float32.

    Parameters
    ----------
    architecture : {"transformer", "xlstm"}
    shape : Shape
    seed : int

    Returns
    -------
    dict
        ``embedding``, ``blocks`` (a list), ``final_norm`` and ``head``.
    """
    width = int(shape.embedding_dim)
    depth = int(shape.num_blocks)
    vocab = int(shape.vocab_size)
    first, last, *keys = jax.random.split(jax.random.PRNGKey(seed), 2 + depth)
    gain = (2 * depth) ** -0.5  # two layers a block join the stream (Radford et al. 2019)
    return {
        "embedding": jax.random.normal(first, (vocab, width), jnp.float32) * jnp.float32(EMBEDDING_SD),
        "blocks": [_start_block(architecture, shape, key, gain) for key in keys],
        "final_norm": jnp.ones(width, jnp.float32),
        "head": matrix(last, width, vocab, HEAD_GAIN),
    }


def _start_block(architecture: str, shape: Shape, key: Array, gain: float) -> Weights:
    mixer, ffn = jax.random.split(key)
    width = int(shape.embedding_dim)
    return {
        "mixer_norm": jnp.ones(width, jnp.float32),
        "mixer": MIXERS[architecture].start(mixer, shape, gain),
        **start_ffn(ffn, width, int(shape.ffn_dim), gain),
    }


def logits(weights: Weights, tokens: Array, architecture: str, shape: Shape) -> Array:
    """Scores of the next token after each one.

    Parameters
    ----------
    tokens : array of int, shape (batch, token)

    Returns
    -------
    array, shape (batch, token, vocab)
    """
    mix = MIXERS[architecture].apply
    stream = weights["embedding"][tokens]
    for block in weights["blocks"]:
        stream = stream + mix(block["mixer"], rms_norm(stream, block["mixer_norm"]), shape)
        stream = stream + swiglu(block, rms_norm(stream, block["ffn_norm"]))
    return rms_norm(stream, weights["final_norm"]) @ weights["head"]


def mean_loss(weights: Weights, windows: Array, architecture: str, shape: Shape) -> Array:
    """Mean cross-entropy (nats per token) of windows of ``context_length + 1`` tokens.

    Parameters
    ----------
    windows : array of int, shape (batch, context_length + 1)
    """
    scores = logits(weights, windows[:, :-1], architecture, shape)
    return optax.softmax_cross_entropy_with_integer_labels(scores, windows[:, 1:]).mean()


def count_params(weights: Weights) -> int:
    """Numbers in the weights of a built model."""
    return sum(int(leaf.size) for leaf in jax.tree.leaves(weights))
