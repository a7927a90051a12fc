"""Draws of what a decision hangs on, and of what candidate runs would show, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.decisions.line import BudgetLine
from bayes_scaling.decisions.region import EVERYTHING
from bayes_scaling.decisions.search import best_action, best_each
from bayes_scaling.decisions.utility import Utility
from bayes_scaling.errors import DecisionError
from bayes_scaling.posterior import Fit, coefficients
from bayes_scaling.surface import surface_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayes_scaling.accounting import Cost

NUDGE = 0.1  # e-folds of the budget


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Draws of all that matters.

    Attributes
    ----------
    losses : ndarray (draw, action)
    optimum : ndarray (draw,)
        Lowest loss of each draw.
    target : ndarray (draw,)
    outcomes, sigma : ndarray (draw, run)
        ln losses of the candidates and the scatter round them.
    nu : ndarray (draw,)
    slope : float
        Of the expected loss with ln compute.
    """

    losses: np.ndarray
    optimum: np.ndarray
    target: np.ndarray
    outcomes: np.ndarray
    sigma: np.ndarray
    nu: np.ndarray
    slope: float


def draw_ensemble(
    fit: Fit, table: pd.DataFrame, names: list[str], asked: tuple[int, float], cost: Cost, goal: str
) -> Ensemble:
    """Draws for the decision at a context length and FLOPs, between architectures, and of all candidates.

    Groups without runs are drawn once, so that what is asked and what is run agree.
    """
    length, flops = asked
    lengths = sorted({length, *map(int, table["context_length"])})
    theta = coefficients(fit, sorted({*names, *table["architecture"]}), lengths)
    lines = {
        name: BudgetLine(
            surface_of(fit, theta, name, length), cost.curve(float(length), name), float(np.log(flops))
        )
        for name in names
    }
    actions = {name: best_action(line, EVERYTHING, Utility()) for name, line in lines.items()}
    own = {
        name: best_each(line, EVERYTHING, actions[name].grid, actions[name].loss)
        for name, line in lines.items()
    }
    best = min(names, key=lambda name: actions[name].value)
    optima = np.stack([own[name][1] for name in names])
    outcomes, sigma = _outcomes(fit, theta, table)
    at = np.array([actions[best].log_params])
    richer, poorer = (best_action(lines[best].moved(s * NUDGE), EVERYTHING, Utility()).value for s in (1, -1))
    targets = {
        "regret": lambda: optima.min(0),
        "loss": lambda: lines[best].loss(at)[:, 0],
        "params": lambda: own[best][0],
        "difference": lambda: _difference(optima, names),
    }
    nu = fit.posterior["nu"].transpose("chain", "draw").to_numpy().reshape(-1)
    losses = np.concatenate([actions[name].loss for name in names], axis=-1)
    slope = (richer - poorer) / (2 * NUDGE)
    return Ensemble(losses, optima.min(0), targets[goal](), outcomes, sigma, nu, slope)


def _difference(optima: np.ndarray, names: list[str]) -> np.ndarray:
    if len(names) != 2:
        raise DecisionError(f"goal 'difference' is between two architectures, not {len(names)}: name two")
    return np.asarray(optima[0] - optima[1])


def _outcomes(fit: Fit, theta: xr.Dataset, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """ln loss and scatter of every candidate: (draw, run) each."""
    draws = theta.sizes["chain"] * theta.sizes["draw"]
    found, sigma = np.empty((draws, len(table))), np.empty((draws, len(table)))
    for (name, length), part in table.groupby(["architecture", "context_length"]):
        at = table.index.get_indexer(part.index)
        surface = surface_of(fit, theta, str(name), int(str(length)))
        sizes = (part[column].to_numpy(dtype=float) for column in ("params", "tokens"))
        found[:, at] = np.log(surface.loss_at(*sizes)).reshape(draws, -1)
        cell = theta["sigma"].sel(architecture=name, context_length=length).transpose("chain", "draw")
        sigma[:, at] = cell.to_numpy().reshape(draws, 1)
    return found, sigma
