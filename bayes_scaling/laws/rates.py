"""A quantity with its derivatives along a budget, and the rules of sums, products and chains for it.

Along a budget whose cost curve is straight, d ln D / d ln N = -rise. A quantity q has there the slope q',
the bend q'', and, with ln D at fixed N, the slope q_D and that of q', q'_D. For the sum S of two terms of
logs P and T, of which P has the share s, and its ln S,

    (ln S)'   = s P' + (1 - s) T'
    (ln S)''  = s P'' + (1 - s) T'' + s (1 - s) (P' - T')^2
    (ln S)_D  = s P_D + (1 - s) T_D
    (ln S)'_D = s P'_D + (1 - s) T'_D + s (1 - s) (P' - T') (P_D - T_D)

which is `log_sum`. It serves for the two terms of a law, for E beside the reducible loss, and for what
overfitting adds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit

Number = np.ndarray | float


class Rates(NamedTuple):
    """A quantity and its derivatives along a budget in ln N, the cost curve taken as straight.

    Attributes
    ----------
    value, along, bend : ndarray or float
        It, its slope and its bend.
    of_tokens, turn : ndarray or float
        Slopes with ln D, at fixed N, of it and of its slope.
    """

    value: Any
    along: Any
    bend: Any
    of_tokens: Any
    turn: Any

    def plus(self, other: Rates) -> Rates:
        """Of the sum."""
        return Rates(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def times(self, factor: Number) -> Rates:
        """Of a multiple."""
        return Rates(*(factor * mine for mine in self))

    def product(self, other: Rates) -> Rates:
        """Of the product."""
        return Rates(
            self.value * other.value,
            self.along * other.value + self.value * other.along,
            self.bend * other.value + 2 * self.along * other.along + self.value * other.bend,
            self.of_tokens * other.value + self.value * other.of_tokens,
            self.turn * other.value
            + self.along * other.of_tokens
            + self.of_tokens * other.along
            + self.value * other.turn,
        )


def constant(value: Number) -> Rates:
    """Of a number that is the same everywhere."""
    return Rates(value, 0.0, 0.0, 0.0, 0.0)


def share(apart: Rates) -> Rates:
    """Of 1 / (1 + e^-apart), the share of a term whose log is greater by that: the chain rule."""
    value = expit(apart.value)
    once = value * (1 - value)
    twice = once * (1 - 2 * value)
    return Rates(
        value,
        once * apart.along,
        twice * apart.along**2 + once * apart.bend,
        once * apart.of_tokens,
        twice * apart.along * apart.of_tokens + once * apart.turn,
    )


def log_sum(first: Rates, second: Rates) -> Rates:
    """Of ln(e^first + e^second): the rules above."""
    part = expit(first.value - second.value)
    rest = 1 - part
    mixed = part * rest
    apart = first.along - second.along
    return Rates(
        np.logaddexp(first.value, second.value),
        part * first.along + rest * second.along,
        part * first.bend + rest * second.bend + mixed * apart**2,
        part * first.of_tokens + rest * second.of_tokens,
        part * first.turn + rest * second.turn + mixed * apart * (first.of_tokens - second.of_tokens),
    )
