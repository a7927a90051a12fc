"""The runs that a budget allows: params, the tokens left for them, and the loss of each draw."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bayes_scaling.decisions.intervals import LARGEST, SMALLEST
from bayes_scaling.laws.surface import Surface

HALVINGS = 60


@dataclass(frozen=True, eq=False)
class BudgetLine:
    """Runs of one group that spend a budget, or as much of it as the tokens allowed can take.

    Attributes
    ----------
    surface : Surface
    curve : object with value(xp, ln_params)
        ln of training FLOPs per token.
    log_compute : float
        ln FLOPs.
    most_log_tokens : float
        ln of the most tokens; infinite for no limit.
    """

    surface: Surface
    curve: Any
    log_compute: float
    most_log_tokens: float = np.inf

    def log_tokens(self, log_params: np.ndarray) -> np.ndarray:
        """ln tokens for ln params."""
        left = self.log_compute - self.curve.value(np, log_params)
        return np.asarray(np.minimum(left, self.most_log_tokens))

    def loss(self, log_params: np.ndarray) -> np.ndarray:
        """Loss (draw, point) at ln params (point,) that all draws share; chains in a row."""
        tokens = np.exp(self.log_tokens(log_params))
        found = self.surface.loss_at(np.exp(log_params), tokens)
        return found.reshape(-1, len(log_params))

    def loss_each(self, log_params: np.ndarray) -> np.ndarray:
        """Loss (draw, point) at ln params (draw, point) of each draw's own."""
        x = log_params.reshape(*self.draws, -1)
        return self.surface.loss(np.exp(x), np.exp(self.log_tokens(x))).reshape(log_params.shape)

    def spent(self, log_params: np.ndarray) -> np.ndarray:
        """FLOPs that are spent."""
        return np.asarray(np.exp(self.log_tokens(log_params) + self.curve.value(np, log_params)))

    def moved(self, by: float) -> BudgetLine:
        """The line of a budget ``by`` e-folds larger."""
        return BudgetLine(self.surface, self.curve, self.log_compute + by, self.most_log_tokens)

    @cached_property
    def optimum(self) -> np.ndarray:
        """ln N* (draw,) of each draw if tokens had no limit."""
        found = self.surface.optimal_log_params(np.array([self.log_compute]), self.curve)
        return np.asarray(found.reshape(-1))

    @cached_property
    def lost(self) -> np.ndarray:
        """Draws (draw,) whose optimum lies at the edge of its search."""
        return self.unsearched(self.optimum)

    def unsearched(self, log_params: np.ndarray) -> np.ndarray:
        """Whether ln params (draw,) lie at the edge of the draw's search or beyond it."""
        x = log_params.reshape(*self.draws, 1)
        return self.surface.at_edge(x, np.array([self.log_compute]), self.curve).reshape(-1)

    @cached_property
    def kink(self) -> float | None:
        """ln params below which the tokens allowed do not take the whole budget; None without a limit."""
        if not np.isfinite(self.most_log_tokens):
            return None
        low = SMALLEST
        high = LARGEST
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            short = self.log_compute - self.curve.value(np, np.array(middle)) > self.most_log_tokens
            if short:
                low = middle
            else:
                high = middle
        return 0.5 * (low + high)

    @property
    def draws(self) -> tuple[int, int]:
        """Chains, and draws of each."""
        shape = np.broadcast_shapes(*(np.shape(value) for value in self.surface.values.values()))
        return int(shape[0]), int(shape[1])
