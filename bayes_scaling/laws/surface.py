"""Draws of one group's loss surface: the law, and its drift where the model has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayes_scaling.laws import drifting_optimum, optimum, overfitting_optimum
from bayes_scaling.laws.drift import Shifts, drifted_log_loss
from bayes_scaling.laws.drift_draws import Drift
from bayes_scaling.laws.drift_line import Frontier, Line
from bayes_scaling.laws.drifting_optimum import Falling
from bayes_scaling.laws.ladder import make_ladder
from bayes_scaling.laws.law import Law, log_form
from bayes_scaling.laws.law_rates import law_rates
from bayes_scaling.laws.optimum import OptimumError

REACH = 3.0  # decades searched on either side of what the law alone would need
TAILS = (0.01, 0.99)  # of the draws, between which that is taken


@dataclass(frozen=True, eq=False)
class Surface:
    """Loss of one group as a function of params and tokens, for all draws.

    Attributes
    ----------
    law : Law
    values : mapping of str to ndarray (chain, draw, 1) or float
        All coefficients, fixed ones too.
    drift : Drift or None
    """

    law: Law
    values: Mapping[str, Any]
    drift: Drift | None

    def every(self, step: int) -> Surface:
        """Of one draw in so many."""
        values = {k: v[:, ::step] if np.ndim(v) else v for k, v in self.values.items()}
        drift = self.drift and replace(self.drift, weights=self.drift.weights[:, ::step])
        return replace(self, values=values, drift=drift)

    @property
    def _all(self) -> dict[str, Any]:
        return {**self.values, "drift": self.drift}

    def loss(self, params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Loss at points (chain, draw, point) of each draw's own; NaN where they are."""
        if self.drift is None:
            with np.errstate(invalid="ignore"):
                return np.asarray(self.law.loss(np, params, tokens, self.values))
        draws = self.drift.weights.shape[:2]
        index = np.arange(draws[0] * draws[1]).reshape(*draws, 1)
        logs = np.log(params), np.log(tokens)
        return self._drifted(*logs, self.drift.each(index, *logs))

    def loss_at(self, params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Loss (chain, draw, point) at points (point,) that all draws share."""
        if self.drift is None:
            return np.asarray(self.law.loss(np, params, tokens, self.values))
        logs = np.log(params), np.log(tokens)
        return self._drifted(*logs, self.drift(*logs))

    def _drifted(self, log_params: np.ndarray, log_tokens: np.ndarray, shifts: Shifts) -> np.ndarray:
        theta = log_form(np, self.law.complete(self.values))
        with np.errstate(invalid="ignore"):
            return np.exp(drifted_log_loss(np, log_params, log_tokens, theta, shifts))

    def at_edge(self, log_params: np.ndarray, log_compute: np.ndarray, curve: Any) -> np.ndarray:
        """Whether an optimum lies where its search ends: the loss has no minimum near the law's own."""
        if self.drift is not None:
            alone = optimum.optimal_log_params(self.values, log_compute, curve)
            return np.asarray(
                np.abs(log_params - alone) > (drifting_optimum.WITHIN - 1) * drifting_optimum.STEP
            )
        found = np.zeros(np.shape(log_params), dtype=bool)
        ends = {
            ("eta",): optimum.WITHIN - optimum.TOLERANCE,
            ("overfit", "unique_tokens"): overfitting_optimum.REACHED,
        }
        for names, end in ends.items():
            if names[0] not in self.values:
                continue
            plain = {name: value for name, value in self.values.items() if name not in names}
            alone = optimum.optimal_log_params(plain, log_compute, curve)
            found |= np.abs(log_params - alone) > end
        return found

    def optimal_log_params(self, log_compute: np.ndarray, curve: Any) -> np.ndarray:
        """ln N* (chain, draw, budget) for budgets that all draws share."""
        if self.drift is None:
            return optimum.optimal_log_params(self.values, log_compute, curve)
        return drifting_optimum.optimal_log_params(self._all, log_compute, curve)

    def along(self, log_params: np.ndarray, log_compute: np.ndarray, curve: Any) -> Frontier:
        """What changes along the frontier, at optima (chain, draw, budget)."""
        if self.drift is not None:
            return Line(self._all, curve).along(log_params, log_compute)
        cost, rise = curve.value_and_slope(np, log_params)
        theta = log_form(np, self.law.complete(self.values))
        rates = law_rates(theta, log_params, log_compute - cost, rise)
        exponent = optimum.exponent(self.values, log_params, curve, log_compute)
        return Frontier(rates.value, rates.of_tokens, exponent)

    def least(self, log_compute: np.ndarray, curve: Any) -> tuple[np.ndarray, np.ndarray]:
        """ln L of the optima (chain, draw, budget), and its slope with ln C."""
        found = self.along(self.optimal_log_params(log_compute, curve), log_compute, curve)
        return found.log_loss, found.slope

    def optimum(self, log_compute: np.ndarray, curve: Any) -> dict[str, np.ndarray]:
        """The optimal run (chain, draw, budget) of each draw, for budgets that all draws share.

        Parameters
        ----------
        log_compute : ndarray (budget,)
            ln FLOPs.
        curve : object with value(xp, ln_params) and slope(xp, ln_params)
            ln of training FLOPs per token.

        Returns
        -------
        dict of str to ndarray
            params, tokens, loss, params_exponent (d ln N* / d ln C) and tokens_exponent (d ln D* / d ln C).
        """
        log_params = self.optimal_log_params(log_compute, curve)
        params = np.exp(log_params)
        tokens = np.exp(log_compute - curve.value(np, log_params))
        along = self.along(log_params, log_compute, curve)
        return {
            "params": params,
            "tokens": tokens,
            "loss": np.exp(along.log_loss),
            "params_exponent": along.exponent,
            "tokens_exponent": 1 - curve.slope(np, log_params) * along.exponent,  # ln C = ln D + ln f(N)
        }

    def cheapest(self, loss: np.ndarray, curve: Any) -> tuple[np.ndarray, np.ndarray]:
        """ln N and ln D (chain, draw, loss) of the cheapest run that reaches a loss; NaN where none does."""
        log_params = optimum.cheapest_log_params(self.values, loss, curve)
        log_tokens = optimum.optimal_log_tokens(self.values, log_params, curve)
        if self.drift is None:
            return log_params, log_tokens
        return self._searched(log_params, log_tokens, curve, np.log(loss), Line.value)

    def suited(self, params: np.ndarray, curve: Any) -> np.ndarray:
        """ln D (chain, draw, params) at the least budget whose optimum is a size; NaN where none is."""
        log_params = np.log(params)
        log_tokens = optimum.optimal_log_tokens(self.values, log_params, curve)
        if self.drift is None:
            return log_tokens
        alone = np.broadcast_to(log_params, log_tokens.shape)
        return self._searched(alone, log_tokens, curve, -log_params, lambda line, x, *_: -x)[1]

    def _searched(
        self, log_params: np.ndarray, log_tokens: np.ndarray, curve: Any, target: np.ndarray, falling: Falling
    ) -> tuple[np.ndarray, np.ndarray]:
        """Optimal ln N and ln D where something that falls along the frontier comes down to a target."""
        alone = curve.value(np, np.nan_to_num(log_params)) + log_tokens
        log_ladder = np.log(_ladder(alone))
        x = self.optimal_log_params(log_ladder, curve)
        wanted = np.broadcast_to(target, alone.shape)
        log_compute, found = drifting_optimum.where_it_falls(
            Line(self._all, curve), log_ladder, x, falling, wanted
        )
        return found, log_compute - curve.value(np, np.nan_to_num(found)) + 0 * found


def _ladder(log_compute: np.ndarray) -> np.ndarray:
    """Budgets round those that most draws would need."""
    known = log_compute[np.isfinite(log_compute)]
    if not known.size:
        raise OptimumError("the drift cannot be searched: the law alone reaches the target in no draw")
    low, high = np.quantile(known, TAILS)
    margin = REACH * np.log(10)
    return make_ladder(np.exp(max(low - margin, 0.0)), np.exp(min(high + margin, np.log(1e40))))
