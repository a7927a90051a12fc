"""What repetition costs beyond being worth less: a term that is added to the loss, and its derivatives.

    O = P (20 N / U)^kappa (1 - exp(-(D / U - 1) / R))    for more tokens D than the U unique ones, else 0

P is ``overfit``, the most that repetition adds where there is one parameter for 20 unique tokens; kappa is
``overfit_params``, R is ``overfit_epochs``. A large model learns its tokens by heart, a small one cannot;
and a model that knows them all gets no worse. With this term the loss has a minimum in the tokens: a
further epoch beyond it harms.

All logs may be relative to reference sizes, ``pivot_ratio`` and ``log_unique`` too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_scaling.laws.effective_sizes import LARGE

Array = Any
TOKENS_PER_PARAM = 20.0  # of the unique tokens, where overfit is the term itself
FLOOR = 1e-30  # stands for 0 in logs, in single precision too
NAMES = ("overfit", "overfit_params", "overfit_epochs")


def ratio_pivot(xp: Any, params: float, tokens: float) -> Array:
    """ln of the params per unique token at which ``overfit`` is the term, relative to reference sizes."""
    return xp.log(tokens / (params * TOKENS_PER_PARAM))


def log_overfit(xp: Any, log_params: Array, log_tokens: Array, theta: Mapping[str, Array]) -> Array:
    """ln O; about ln 1e-30 where nothing repeats."""
    unique = theta["log_unique"]
    ratio = log_params - unique - theta["pivot_ratio"]
    again = xp.expm1(xp.minimum(xp.maximum(log_tokens - unique, 0.0), LARGE))
    reached = -xp.expm1(-again / theta["overfit_epochs"])
    return xp.log(theta["overfit"] + FLOOR) + theta["overfit_params"] * ratio + xp.log(reached + FLOOR)


def slopes_of_tokens(log_tokens: Array, theta: Mapping[str, Array]) -> tuple[Array, Array]:
    """d ln O / d ln D and the second derivative; 0 where nothing repeats."""
    over = log_tokens - theta["log_unique"]
    repeats = theta["overfit_epochs"]
    size = np.exp(np.clip(over, 0.0, LARGE / 2))
    learnt = np.minimum((size - 1) / repeats, LARGE / 2)
    usual = learnt > 0
    left = np.where(usual, np.expm1(learnt), 1.0)
    first = np.where(usual, size / repeats / left, 0.0)
    return first, first - first**2 * np.exp(learnt)
