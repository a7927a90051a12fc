"""Derivatives of ln L along a budget, walks and all: from the two terms up, one rule a step.

Along a budget whose cost curve is straight, d ln D / d ln N = -rise. A quantity q has there the slope q',
the bend q'', and, with ln D at fixed N, the slope q_D and that of q', q'_D. For the sum S of two terms of
logs P and T, of which P has the share s, and its ln S,

    (ln S)'   = s P' + (1 - s) T'
    (ln S)''  = s P'' + (1 - s) T'' + s (1 - s) (P' - T')^2
    (ln S)_D  = s P_D + (1 - s) T_D
    (ln S)'_D = s P'_D + (1 - s) T'_D + s (1 - s) (P' - T') (P_D - T_D)

which serves twice: for the terms, and for E beside the reducible loss. What the walks add to ln S, each by its
term's share, follows the rules of products and chains.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from bayes_scaling.laws.drift_draws import TARGETS, Drift
from bayes_scaling.laws.effective_sizes import changes, path

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


NOTHING = Rates(0.0, 0.0, 0.0, 0.0, 0.0)
ONE = Rates(1.0, 0.0, 0.0, 0.0, 0.0)


def loss_rates(
    theta: Mapping[str, Any],
    drift: Drift,
    index: np.ndarray,
    log_params: np.ndarray,
    log_tokens: np.ndarray,
    rise: np.ndarray,
) -> Rates:
    """Of ln L where each draw has points of its own; ``index`` names their draws."""
    of_params, of_tokens = _terms(theta, log_params, log_tokens, rise)
    walks = walk_rates(drift, index, log_params, log_tokens, rise)
    share = _share(of_params.plus(of_tokens.times(-1.0)))
    rest = share.times(-1.0).plus(ONE)
    walked = share.product(walks[0]).plus(rest.product(walks[1]))
    inner = _log_sum(of_params, of_tokens).plus(walked)
    floor = Rates(theta["log_E"], 0.0, 0.0, 0.0, 0.0)
    return _log_sum(inner.times(theta["gamma"]), floor).plus(walks[2])


def walk_rates(
    drift: Drift, index: np.ndarray, log_params: np.ndarray, log_tokens: np.ndarray, rise: np.ndarray
) -> list[Rates]:
    """Of what the walks add to each of `Shifts`."""
    found = [NOTHING] * TARGETS
    for axis, walks in drift.along(index, log_params, log_tokens):
        in_params, in_tokens = axis.along
        gain = in_params - in_tokens * rise
        for target, walk in zip(axis.targets, walks, strict=True):
            turned = gain * walk.turn
            more = Rates(
                walk.value, gain * walk.slope, gain * turned, in_tokens * walk.slope, in_tokens * turned
            )
            found[target] = found[target].plus(more)
    return found


def _terms(
    theta: Mapping[str, Any], log_params: np.ndarray, log_tokens: np.ndarray, rise: np.ndarray
) -> tuple[Rates, Rates]:
    """Of the logs of the params term and of the tokens term, without walks."""
    if not changes(theta):
        of_params = Rates(theta["log_A"] - theta["alpha"] * log_params, -theta["alpha"], 0.0, 0.0, 0.0)
        price = theta["beta"]
        return of_params, Rates(theta["log_B"] - price * log_tokens, rise * price, 0.0, -price, 0.0)
    at = path(theta, log_params, log_tokens, rise)
    gain = theta["alpha"] * np.exp(at.log_slope)
    price = theta["beta"] * np.exp(at.log_price)
    of_params = Rates(theta["log_A"] - theta["alpha"] * at.params, -gain, -gain * at.curve, 0.0, 0.0)
    value = theta["log_B"] - theta["beta"] * at.tokens
    return of_params, Rates(
        value, at.tokens_fall * price, -price * at.tokens_curve, -price, -price * at.tokens_turn
    )


def _share(apart: Rates) -> Rates:
    """Of 1 / (1 + e^-apart), the share of a term whose log is greater by that: the chain rule."""
    share = 1 / (1 + np.exp(-apart.value))
    once = share * (1 - share)
    twice = once * (1 - 2 * share)
    return Rates(
        share,
        once * apart.along,
        twice * apart.along**2 + once * apart.bend,
        once * apart.of_tokens,
        twice * apart.along * apart.of_tokens + once * apart.turn,
    )


def _log_sum(first: Rates, second: Rates) -> Rates:
    """Of ln(e^first + e^second): the rules above."""
    share = 1 / (1 + np.exp(second.value - first.value))
    rest = 1 - share
    mixed = share * rest
    apart = first.along - second.along
    return Rates(
        np.logaddexp(first.value, second.value),
        share * first.along + rest * second.along,
        share * first.bend + rest * second.bend + mixed * apart**2,
        share * first.of_tokens + rest * second.of_tokens,
        share * first.turn
        + rest * second.turn
        + mixed * apart * (first.of_tokens - second.of_tokens),
    )
