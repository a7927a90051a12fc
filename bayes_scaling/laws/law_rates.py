"""Derivatives of a law's ln L along a budget, from its two terms up, with or without walks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayes_scaling.laws.effective_sizes import changes, path
from bayes_scaling.laws.overfitting import log_overfit, slopes_of_tokens
from bayes_scaling.laws.rates import Rates, constant, log_sum, share

Theta = Mapping[str, Any]


def law_rates(
    theta: Theta,
    log_params: np.ndarray,
    log_tokens: np.ndarray,
    rise: np.ndarray,
    walks: Sequence[Rates] | None = None,
) -> Rates:
    """Of ln L, at points that broadcast with the coefficients.

    Parameters
    ----------
    theta : mapping
        Of `bayes_scaling.laws.law.log_form`.
    log_params, log_tokens : ndarray
    rise : ndarray
        Minus d ln D / d ln N along the budget.
    walks : sequence of Rates, optional
        Of what is added to the log of the params term, to that of the tokens term and to ln L, in the order
        of `bayes_scaling.laws.drift.Shifts`.
    """
    of_params, of_tokens = _terms(theta, log_params, log_tokens, rise)
    inner = log_sum(of_params, of_tokens)
    if walks is not None:
        part = share(of_params.plus(of_tokens.times(-1.0)))
        rest = constant(1.0).plus(part.times(-1.0))
        inner = inner.plus(part.product(walks[0])).plus(rest.product(walks[1]))
    found = log_sum(inner.times(theta["gamma"]), constant(theta["log_E"]))
    if "overfit" in theta:
        found = log_sum(found, _overfit(theta, log_params, log_tokens, rise))
    return found if walks is None else found.plus(walks[2])


def _terms(
    theta: Theta, log_params: np.ndarray, log_tokens: np.ndarray, rise: np.ndarray
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
    of_tokens = Rates(
        theta["log_B"] - theta["beta"] * at.tokens,
        at.tokens_fall * price,
        -price * at.tokens_curve,
        -price,
        -price * at.tokens_turn,
    )
    return of_params, of_tokens


def _overfit(theta: Theta, log_params: np.ndarray, log_tokens: np.ndarray, rise: np.ndarray) -> Rates:
    """Of ln O, what repetition adds to the loss."""
    first, second = slopes_of_tokens(log_tokens, theta)
    return Rates(
        log_overfit(np, log_params, log_tokens, theta),
        theta["overfit_params"] - rise * first,
        rise**2 * second,
        first,
        -rise * second,
    )
