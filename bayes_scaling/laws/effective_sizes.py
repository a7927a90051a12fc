"""Effective params and tokens: what a law's two terms see instead of N and D.

A coefficient that a law lacks changes nothing. ``repeat_tokens`` and ``repeat_params`` let the worth of
repeated tokens and of excess params fade; ``eta`` lets the exponent of tokens change with params.

All logs may be relative to reference sizes, ``pivot_params``, ``pivot_tokens`` and ``log_unique`` too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any
PIVOT_PARAMS, PIVOT_TOKENS = 1e9, 2e10  # where eta has no effect on the exponent, on the term
UNLIMITED = 1e40  # unique tokens where none repeat
LARGE = 600.0  # of a log, so that its number is a float


def changes(theta: Mapping[str, Array]) -> bool:
    """Whether effective sizes differ from the sizes themselves."""
    return "eta" in theta or "log_unique" in theta


def effective(
    xp: Any, log_params: Array, log_tokens: Array, theta: Mapping[str, Array]
) -> tuple[Array, Array]:
    """ln N' and ln D'.

    With U unique tokens, N_U the params that are optimal for them and R, S the coefficients
    ``repeat_tokens`` and ``repeat_params``,

        D' = U + U R (1 - exp(-(D / U - 1) / R))        above U, else D
        N' = N_U + N_U S (1 - exp(-(N / N_U - 1) / S))  above N_U, else N

    and then ln D' moves to pivot + (N / pivot_params)^eta (ln D' - pivot).

    References
    ----------
    Muennighoff et al. 2023, arXiv:2305.16264, equations 5 and 6 (U there is never more than D).
    """
    n, d = log_params, log_tokens
    if "log_unique" in theta:
        n = _faded(xp, n, matching_log_params(xp, theta), theta["repeat_params"])
        d = _faded(xp, d, theta["log_unique"], theta["repeat_tokens"])
    if "eta" in theta:
        pivot = theta["pivot_tokens"]
        d = pivot + xp.exp(theta["eta"] * (log_params - theta["pivot_params"])) * (d - pivot)
    return n, d


def matching_log_params(xp: Any, theta: Mapping[str, Array]) -> Array:
    """ln N_U, the params for which the unique tokens are compute-optimal under C = 6ND."""
    gain = xp.log(theta["alpha"] / theta["beta"]) + theta["log_A"] - theta["log_B"]
    return (gain + theta["beta"] * theta["log_unique"]) / theta["alpha"]


def _faded(xp: Any, log_size: Array, log_unique: Array, repeats: Array) -> Array:
    over = xp.maximum(log_size - log_unique, 0.0)
    again = xp.expm1(xp.minimum(over, LARGE))  # beyond it nothing is left to gain, and a slope is not finite
    return xp.minimum(log_size, log_unique) + xp.log1p(-repeats * xp.expm1(-again / repeats))


@dataclass(frozen=True)
class Path:
    """ln N' and ln D' along a budget whose cost curve is straight there, with derivatives.

    Far beyond the unique tokens slopes are too small for a float, so they stand here as logs and ratios.

    Attributes
    ----------
    params, tokens : ndarray
        ln N' and ln D'.
    log_slope, curve : ndarray
        ln of d ln N' / d ln N, and the second derivative over the first.
    log_price : ndarray
        ln of d ln D' / d ln D at fixed N. The others are over that price:
    tokens_fall, tokens_curve : ndarray
        Minus the first derivative of ln D' with ln N along the budget, and the second.
    tokens_turn : ndarray
        Derivative with ln D, at fixed N, of the first.
    """

    params: Array
    tokens: Array
    log_slope: Array
    curve: Array
    log_price: Array
    tokens_fall: Array
    tokens_curve: Array
    tokens_turn: Array


def path(theta: Mapping[str, Array], log_params: Array, log_tokens: Array, rise: Array) -> Path:
    """Along d ln D / d ln N = -rise."""
    n = log_params
    log_slope = 0.0
    curve = 0.0
    d = log_tokens
    log_price = 0.0
    bent = 0.0
    if "log_unique" in theta:
        n, log_slope, curve = _faded_slopes(n, matching_log_params(np, theta), theta["repeat_params"])
        d, log_price, bent = _faded_slopes(d, theta["log_unique"], theta["repeat_tokens"])
    if "eta" not in theta:
        return Path(n, d, log_slope, curve, log_price, rise, rise**2 * bent, -rise * bent)
    eta = theta["eta"]
    pivot = theta["pivot_tokens"]
    log_factor = eta * (log_params - theta["pivot_params"])
    own = eta * (d - pivot) * np.exp(np.minimum(-log_price, LARGE))
    return Path(
        params=n,
        tokens=pivot + np.exp(log_factor) * (d - pivot),
        log_slope=log_slope,
        curve=curve,
        log_price=log_factor + log_price,
        tokens_fall=rise - own,
        tokens_curve=eta * own - 2 * rise * eta + rise**2 * bent,
        tokens_turn=eta - rise * bent,
    )


def _faded_slopes(log_size: Array, log_unique: Array, repeats: Array) -> tuple[Array, Array, Array]:
    """`_faded`, ln of its slope, and its second derivative over the first."""
    over = np.maximum(log_size - log_unique, 0.0)
    again = np.expm1(over)
    value = np.minimum(log_size, log_unique) + np.log1p(-repeats * np.expm1(-again / repeats))
    log_slope = log_size - again / repeats - value
    return value, log_slope, np.where(over > 0, 1 - np.exp(over) / repeats - np.exp(log_slope), 0.0)
