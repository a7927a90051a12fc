"""Derivatives along a budget of what the walks add, and of the drifting ln L, at each draw's points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_scaling.laws.drift import TARGETS
from bayes_scaling.laws.drift_draws import Drift
from bayes_scaling.laws.law_rates import law_rates
from bayes_scaling.laws.rates import Rates, constant


def loss_rates(
    theta: Mapping[str, Any],
    drift: Drift,
    index: np.ndarray,
    log_params: np.ndarray,
    log_tokens: np.ndarray,
    rise: np.ndarray,
) -> Rates:
    """Of ln L at points of the draws that ``index`` names; ``rise`` as for `law_rates`."""
    walks = walk_rates(drift, index, log_params, log_tokens, rise)
    return law_rates(theta, log_params, log_tokens, rise, walks)


def walk_rates(
    drift: Drift, index: np.ndarray, log_params: np.ndarray, log_tokens: np.ndarray, rise: np.ndarray
) -> list[Rates]:
    """Of what the walks add to each of `bayes_scaling.laws.drift.Shifts`."""
    found = [constant(0.0)] * TARGETS
    for axis, walks in drift.along(index, log_params, log_tokens):
        in_params, in_tokens = axis.along
        gain = in_params - in_tokens * rise
        for target, walk in zip(axis.targets, walks, strict=True):
            turned = gain * walk.turn
            more = Rates(
                walk.value,
                gain * walk.slope,
                gain * turned,
                in_tokens * walk.slope,
                in_tokens * turned,
            )
            found[target] = found[target].plus(more)
    return found
