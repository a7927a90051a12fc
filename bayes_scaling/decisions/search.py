"""The best params along a budget: one action for all draws, and each draw's own optimum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayes_scaling.decisions.budget_line import BudgetLine
from bayes_scaling.decisions.intervals import Region, clip, is_end, make_grid
from bayes_scaling.decisions.utility import Utility
from bayes_scaling.laws.optimum import OptimumError

TAILS = (0.01, 0.99)  # of the draws' optima, between which and `BEYOND` e-folds beyond is searched
BEYOND = 1.5
WIDENINGS = 4
ZOOMS = 3
FINER = 17  # points of each
GAP = 1e-3  # of the loss: by more than that a grid may not beat the draws' own search
MISSED = 0.01  # share of the draws at which it may
ROUNDING = 1e-6  # the drift is in single precision


@dataclass(frozen=True, eq=False)
class Action:
    """The params that are best for all draws together.

    Attributes
    ----------
    log_params : float
    value : float
        Of the utility, nats per token.
    grid : ndarray (point,)
        ln params searched.
    loss : ndarray (draw, point)
        There.
    """

    log_params: float
    value: float
    grid: np.ndarray
    loss: np.ndarray


def best_action(line: BudgetLine, region: Region, utility: Utility, beyond: float = BEYOND) -> Action:
    """Params in a region that minimise a utility of the loss.

    A grid is searched first and zoomed in on; a range at whose end the utility still falls is widened.

    Raises
    ------
    OptimumError
        The utility falls without end, or the zoom found nothing as good as the grid.
    """
    low, high = np.quantile(line.optimum, TAILS) + np.array([-beyond, beyond])
    for _ in range(WIDENINGS):
        grid = make_grid(region, float(low), float(high))
        if line.kink is not None and any(a <= line.kink <= b for a, b in region):
            grid = np.union1d(grid, line.kink)
        loss = line.loss(grid)
        values = utility(loss)
        at = int(np.nanargmin(values))
        if 0 < at < len(grid) - 1 or is_end(grid[at], region):
            x, value = zoom(lambda x: utility(line.loss(x)), grid, values)
            return Action(x, value, grid, loss)
        low, high = (low - 2 * beyond, high) if at == 0 else (low, high + 2 * beyond)
    raise OptimumError(
        f"the utility {utility} still falls at {np.exp(grid[at]):.3g} params, far from the draws' optima: "
        "the drift runs away at this budget; ask nearer to the runs"
    )


def zoom(
    objective: Callable[[np.ndarray], np.ndarray], grid: np.ndarray, values: np.ndarray
) -> tuple[float, float]:
    """The minimum of an objective between the neighbours of the best point of a grid.

    Raises
    ------
    OptimumError
        It is worse than the grid's: the objective is not the one that gave the values.
    """
    for _ in range(ZOOMS):
        at = int(np.nanargmin(values))
        ends = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
        finer = np.union1d(np.linspace(*ends, FINER), grid[at])
        found = objective(finer)
        if not np.nanmin(found) <= values[at] + ROUNDING * abs(values[at]):
            raise OptimumError(f"the search near {np.exp(grid[at]):.3g} params did not move below its grid")
        grid = finer
        values = found
    at = int(np.nanargmin(values))
    return float(grid[at]), float(values[at])


def best_each(
    line: BudgetLine, region: Region, grid: np.ndarray, loss: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each draw's own optimum in a region: ln params and loss, each (draw,).

    Its exact search along the budget, brought into the region, and the grid guard each other.

    Parameters
    ----------
    line : BudgetLine
    region : Region
    grid : ndarray (point,)
        ln params in the region.
    loss : ndarray (draw, point)
        There.

    Raises
    ------
    OptimumError
        The exact search did not come near what the grid shows.
    """
    own = clip(line.optimum, region)
    if line.kink is not None:
        own = np.concatenate([own, clip(np.maximum(line.optimum, line.kink), region)], axis=-1)
    exact = line.loss_each(own)
    rows = np.arange(len(own))
    first = exact.argmin(-1)
    second = loss.argmin(-1)
    found = exact[rows, first]
    seen = loss[rows, second]
    _guard(line, region, found, seen, grid[second])
    better = seen < found
    return np.where(better, grid[second], own[rows, first]), np.where(better, seen, found)


def _guard(line: BudgetLine, region: Region, found: np.ndarray, seen: np.ndarray, where: np.ndarray) -> None:
    """Refuse a search that a grid beats where the search looked."""
    if line.kink is not None:  # the search is of budgets that are spent
        return
    reached = np.isclose(clip(line.optimum, region), line.optimum[:, None]).any(-1) & ~line.lost
    missed = reached & ~line.unsearched(where) & (found > seen * (1 + GAP))
    if np.mean(missed) > MISSED:
        raise OptimumError(
            f"the optimum was missed in {np.mean(missed):.1%} of the draws, by up to "
            f"{np.max((found - seen)[missed]):.3g} nats: the search did not move"
        )
