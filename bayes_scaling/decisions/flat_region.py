"""The region of params in which little is lost, and what real shapes lose in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_scaling.accounting import AccountingError, RealShape, nearest_shape
from bayes_scaling.accounting.registry import is_known
from bayes_scaling.decisions.budget_line import BudgetLine
from bayes_scaling.decisions.intervals import Region

SHRINK = 0.98  # of the size asked for, where the shape nearest to it breaks a limit
TRIES = 12


def flat_region(grid: np.ndarray, share: np.ndarray, confidence: float) -> tuple[float, float]:
    """Ends (ln params) of the region round the best share in which it is at least ``confidence``.

    Parameters
    ----------
    grid : ndarray (point,)
        ln params.
    share : ndarray (point,)
        Of the draws that lose little there.
    confidence : float

    Returns
    -------
    tuple of float
        Straight between points; NaN where the share is lower everywhere.
    """
    best = int(share.argmax())
    if share[best] < confidence:
        return np.nan, np.nan
    return _edge(grid, share, confidence, best, -1), _edge(grid, share, confidence, best, 1)


def _edge(grid: np.ndarray, share: np.ndarray, confidence: float, at: int, step: int) -> float:
    while 0 <= at + step < len(grid) and share[at + step] >= confidence:
        at += step
    if not 0 <= at + step < len(grid):
        return float(grid[at])
    part = (share[at] - confidence) / (share[at] - share[at + step])
    return float(grid[at] + part * (grid[at + step] - grid[at]))


@dataclass(frozen=True, eq=False)
class Rounded:
    """A real shape near the params wanted, trained for what is left of the budget.

    Attributes
    ----------
    real : RealShape
    tokens : float
    loss : ndarray (draw,)
    """

    real: RealShape
    tokens: float
    loss: np.ndarray


def rounded(
    line: BudgetLine,
    region: Region,
    log_params: float,
    group: tuple[str, int],
    family: Any = None,
    exact: bool = False,
) -> Rounded | None:
    """The real shape nearest to the params that a region allows; None where there is none.

    Parameters
    ----------
    line : BudgetLine
    region : Region
    log_params : float
    group : (architecture, context length)
    family : ShapeFamily, optional
    exact : bool
        Count the shape's own training FLOPs instead of the cost curve's at its params.
    """
    real = _allowed(region, log_params, group, family)
    if real is None:
        return None
    x = np.log([float(real.params)])
    per_token = np.log(real.flops_per_token) if exact else line.curve.value(np, x)[0]
    log_tokens = min(line.log_compute - per_token, line.most_log_tokens)
    loss = line.surface.loss_at(np.exp(x), np.exp([log_tokens])).reshape(-1)
    return Rounded(real, float(np.exp(log_tokens)), loss)


def _allowed(region: Region, log_params: float, group: tuple[str, int], family: Any) -> RealShape | None:
    if not is_known(group[0]):
        return None
    for i in range(TRIES):
        try:
            real = nearest_shape(group[0], float(np.exp(log_params) * SHRINK**i), group[1], family)
        except AccountingError:
            return None
        if any(low <= np.log(real.params) <= high for low, high in region):
            return real
    return None


def shown_shape(real: RealShape) -> str:
    """Width, depth and heads in words."""
    shape = real.shape
    return f"width {shape.embedding_dim}, {shape.num_blocks} blocks, {shape.num_heads} heads"
