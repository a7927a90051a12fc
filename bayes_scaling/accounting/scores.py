"""Scores of causal attention: how many pairs of tokens are counted, and what each costs.

``distill_scaling`` counts the causal half of the pairs (Busbridge et al. 2025), ``chinchilla`` all of them
(Hoffmann et al. 2022, appendix F).
"""

from __future__ import annotations

from typing import Any

Array = Any

MODES = ("distill_scaling", "chinchilla")
SOFTMAX_HALF = 2.5  # half of five operations per score


def keys_within(tokens: Array, window: float | None) -> Array:
    """Keys that a query sees after ``tokens`` tokens; a window of None has no end."""
    if window is None:
        return tokens
    return tokens - (tokens - window) * (tokens > window)  # a minimum that traced numbers know too


def counted_pairs(context_length: Array, window: float | None, mode: str) -> Array:
    """Pairs of query and key in one sequence and head.

    The half is the mean of the masks with and without a token's own key: T^2 / 2, and for a window W of at
    most T it is W T - W^2 / 2.
    """
    keys = keys_within(1.0 * context_length, window)
    if mode == "chinchilla":
        return context_length * keys
    return keys * (context_length - keys / 2)


def pair_flops(key: Array, value: Array, mode: str) -> Array:
    """FLOPs of one pair and head: its score over ``key`` numbers, softmax, and ``value`` weighted numbers."""
    softmax = 3.0 if mode == "chinchilla" else 2 * SOFTMAX_HALF
    return 2 * key + 2 * value + softmax
