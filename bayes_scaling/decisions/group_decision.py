"""The decision of one group at one budget, all of its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bayes_scaling.decisions.budget_line import BudgetLine
from bayes_scaling.decisions.flat_region import flat_region, rounded, shown_shape
from bayes_scaling.decisions.group_problem import GroupProblem, shadow_prices
from bayes_scaling.decisions.intervals import Region, is_end, make_grid
from bayes_scaling.decisions.preference import Preference
from bayes_scaling.decisions.search import BEYOND, TAILS, WIDENINGS, Action, best_action, best_each

NUDGE = 0.1  # e-folds of the budget by which sensitivities are taken
QUANTILES = {"q05": 0.05, "median": 0.5, "q95": 0.95}


@dataclass(frozen=True, eq=False)
class Solved:
    """A group at a budget whose limits leave something.

    Attributes
    ----------
    problem : GroupProblem
    preference : Preference
    action : Action
    loss : ndarray (draw,)
        At the action.
    optimum, optimum_loss : ndarray (draw,)
        ln params and loss of each draw's own optimum.
    """

    problem: GroupProblem
    preference: Preference
    action: Action
    loss: np.ndarray
    optimum: np.ndarray
    optimum_loss: np.ndarray

    @cached_property
    def line(self) -> BudgetLine:
        """Runs that the budget allows."""
        return self.problem.line()

    @property
    def region(self) -> Region:
        """ln params allowed."""
        return self.problem.region()

    @property
    def regret(self) -> np.ndarray:
        """Loss at the action over each draw's optimum."""
        return self.loss - self.optimum_loss

    def within(self) -> np.ndarray:
        """Share of the draws that lose less than the tolerance at each point of the grid."""
        return self._share(self.action.loss)

    def row(self, family: Any, exact: bool) -> dict[str, Any]:
        """What is known, flat."""
        x = np.array([self.action.log_params])
        regret = self.regret
        little = regret < self.preference.tolerance
        return {
            "params": float(np.exp(x[0])),
            "tokens": float(np.exp(self.line.log_tokens(x)[0])),
            "spent": float(self.line.spent(x)[0]),
            "objective": self.action.value,
            **spread("loss", self.loss),
            **spread("regret", regret),
            "regret_probability": float(little.mean()),
            **self._flat(),
            **self._shape(family, exact),
            **spread("optimum_params", np.exp(self.optimum)),
            **self._sensitivity(),
            "lost_share": float(self.line.lost.mean()),
        }

    def _flat(self) -> dict[str, float]:
        low, high = np.exp(self._flat_ends())
        return {"flat_low": float(low), "flat_high": float(high), "flat_factor": float(high / low)}

    def _flat_ends(self) -> tuple[float, float]:
        """ln params, looked for further where the grid ends first."""
        grid = self.action.grid
        share = self.within()
        confidence = self.preference.confidence
        for _ in range(WIDENINGS):
            ends = flat_region(grid, share, confidence)
            cut = [
                at == last and not is_end(last, self.region)
                for at, last in zip(ends, grid[[0, -1]], strict=True)
            ]
            if not any(cut):
                break
            grid = make_grid(self.region, grid[0] - BEYOND * cut[0], grid[-1] + BEYOND * cut[1])
            share = self._share(self.line.loss(grid))
        return ends

    def _share(self, loss: np.ndarray) -> np.ndarray:
        return np.asarray((loss - self.optimum_loss[:, None] < self.preference.tolerance).mean(0))

    def _shape(self, family: Any, exact: bool) -> dict[str, Any]:
        group = self.problem.group
        cell = (group.architecture, group.context_length)
        near = rounded(self.line, self.region, self.action.log_params, cell, family, exact)
        if near is None:
            return {"shape": None, "shape_params": np.nan, "shape_tokens": np.nan, "shape_price": np.nan}
        price = float(self.preference.utility(near.loss)) - self.action.value
        return {
            "shape": shown_shape(near.real),
            "shape_params": float(near.real.params),
            "shape_tokens": near.tokens,
            "shape_price": price,
        }

    def _sensitivity(self) -> dict[str, float]:
        """d L* / d ln C and d ln N* / d ln C, of each draw's optimum under the limits."""
        up = optima(self.line.moved(NUDGE), self.region)
        down = optima(self.line.moved(-NUDGE), self.region)
        rise = up[0] - down[0]
        fall = up[1] - down[1]
        return spread("loss_slope", fall / (2 * NUDGE)) | spread("params_exponent", rise / (2 * NUDGE))


def spread(name: str, draws: np.ndarray) -> dict[str, float]:
    """Mean, median and ends of the 90% interval of draws, as columns."""
    ends = np.quantile(draws, list(QUANTILES.values()))
    named = {f"{name}_{key}": float(value) for key, value in zip(QUANTILES, ends, strict=True)}
    return named | {f"{name}_mean": float(draws.mean())}


def optima(line: BudgetLine, region: Region) -> tuple[np.ndarray, np.ndarray]:
    """Each draw's optimum along a line: ln params and loss."""
    low, high = np.quantile(line.optimum, TAILS) + np.array([-BEYOND, BEYOND])
    grid = make_grid(region, float(low), float(high))
    return best_each(line, region, grid, line.loss(grid))


def solve(problem: GroupProblem, preference: Preference) -> Solved | None:
    """The group's decision; None where the limits leave nothing."""
    if not problem.region():
        return None
    line = problem.line()
    action = best_action(line, problem.region(), preference.utility)
    optimum, optimum_loss = best_each(line, problem.region(), action.grid, action.loss)
    loss = line.loss(np.array([action.log_params]))[:, 0]
    optimum = np.where(loss < optimum_loss, action.log_params, optimum)
    return Solved(problem, preference, action, loss, optimum, np.minimum(loss, optimum_loss))


def priced_limits(
    problem: GroupProblem, preference: Preference, solved: Solved | None
) -> list[dict[str, Any]]:
    """The limits with their prices."""
    value = solved.action.value if solved else None
    return shadow_prices(problem, preference.utility, value)


def curve(solved: Solved) -> dict[str, np.ndarray]:
    """Loss along the budget, for a figure: columns (point,)."""
    x = solved.action.grid
    loss = solved.action.loss
    low, median, high = np.quantile(loss, list(QUANTILES.values()), axis=0)
    regret = (loss - solved.optimum_loss[:, None]).mean(0)
    return {
        "params": np.exp(x),
        "tokens": np.exp(solved.line.log_tokens(x)),
        "objective": solved.preference.utility(loss),
        "loss_q05": low,
        "loss_median": median,
        "loss_q95": high,
        "regret_mean": regret,
        "within": solved.within(),
    }
