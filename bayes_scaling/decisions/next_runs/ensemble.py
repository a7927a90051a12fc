"""Draws of what a decision hangs on, and of what candidate runs would show, side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.decisions.group_decision import Solved, solve
from bayes_scaling.decisions.group_problem import GroupProblem, make_group
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.decisions.preference import Preference
from bayes_scaling.decisions.search import best_action
from bayes_scaling.decisions.serving_limits import Serving, served_regions
from bayes_scaling.decisions.utility import Utility
from bayes_scaling.errors import DecisionError
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.groups import surface_of
from bayes_scaling.questions.groups import coefficients_of
from bayes_scaling.questions.query import Query

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


@dataclass(frozen=True, eq=False)
class Purpose:
    """The decision that runs are to help.

    Attributes
    ----------
    query : Query
        Of one budget and one context length.
    limits : Limits
    serving : Serving or None
    goal : str
    """

    query: Query
    limits: Limits
    serving: Serving | None
    goal: str


def draw_ensemble(fit: Fit, table: pd.DataFrame, purpose: Purpose) -> Ensemble:
    """Draws for a decision and of all candidates.

    Groups without runs are drawn once, so that what is asked and what is run agree.

    Raises
    ------
    DecisionError
        Nothing keeps to the limits, or the goal is the difference of other than two architectures.
    """
    theta = coefficients_of(fit, _with_candidates(purpose.query, table))
    found = _solved(fit, theta, purpose)
    best = min(found, key=lambda one: one.action.value)
    optima = np.stack([one.optimum_loss for one in found])
    outcomes, sigma = _outcomes(fit, theta, table)
    richer = best_action(best.line.moved(NUDGE), best.region, Utility()).value
    poorer = best_action(best.line.moved(-NUDGE), best.region, Utility()).value
    targets = {
        "regret": lambda: optima.min(0),
        "loss": lambda: best.loss,
        "params": lambda: best.optimum,
        "difference": lambda: _difference(optima),
    }
    nu = fit.posterior["nu"].transpose("chain", "draw").to_numpy().reshape(-1)
    losses = np.concatenate([one.action.loss for one in found], axis=-1)
    slope = (richer - poorer) / (2 * NUDGE)
    return Ensemble(losses, optima.min(0), targets[purpose.goal](), outcomes, sigma, nu, slope)


def _with_candidates(query: Query, table: pd.DataFrame) -> Query:
    """The question's groups and the candidates'."""
    names = {*query.architecture, *map(str, table["architecture"])}
    lengths = {*query.context_length, *map(int, table["context_length"])}
    return replace(query, architecture=tuple(sorted(names)), context_length=tuple(sorted(lengths)))


def _solved(fit: Fit, theta: xr.Dataset, purpose: Purpose) -> list[Solved]:
    """The decision of each architecture that keeps to the limits."""
    query = purpose.query
    length = query.context_length[0]
    flops = float(query.flops[0])
    served = served_regions(purpose.serving, purpose.limits, query.architecture)
    groups = [make_group(fit, theta, query, (name, length), regions) for name, regions in served.items()]
    answers = [solve(GroupProblem(group, flops, purpose.limits), Preference()) for group in groups]
    found = [answer for answer in answers if answer is not None]
    if not found:
        raise DecisionError("nothing keeps to all limits, so no run can help the choice: loosen one")
    return found


def _difference(optima: np.ndarray) -> np.ndarray:
    if len(optima) != 2:
        raise DecisionError(f"goal 'difference' is between two architectures, not {len(optima)}: name two")
    return np.asarray(optima[0] - optima[1])


def _outcomes(fit: Fit, theta: xr.Dataset, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """ln loss and scatter of every candidate: (draw, run) each."""
    draws = theta.sizes["chain"] * theta.sizes["draw"]
    found = np.empty((draws, len(table)))
    sigma = np.empty((draws, len(table)))
    for (name, length), part in table.groupby(["architecture", "context_length"]):
        at = table.index.get_indexer(part.index)
        surface = surface_of(fit, theta, str(name), int(str(length)))
        params = part["params"].to_numpy(dtype=float)
        tokens = part["tokens"].to_numpy(dtype=float)
        found[:, at] = np.log(surface.loss_at(params, tokens)).reshape(draws, -1)
        cell = theta["sigma"].sel(architecture=name, context_length=length).transpose("chain", "draw")
        sigma[:, at] = cell.to_numpy().reshape(draws, 1)
    return found, sigma
