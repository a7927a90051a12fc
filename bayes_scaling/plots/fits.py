"""Figures of questions that a fit is asked while it is drawn: over the runs, and a decade beyond."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from bayes_scaling.classical import isoflop_fit
from bayes_scaling.decisions.winner_map import compare_map
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.plots.budgets import budgets_of
from bayes_scaling.plots.comparison import plot_comparison
from bayes_scaling.plots.frontier import plot_frontier
from bayes_scaling.plots.optima import plot_context, plot_optima
from bayes_scaling.plots.winners import plot_map
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.questions import compare as comparing
from bayes_scaling.questions import frontier as asking


def frontier(fit: Fit, compute: Any = None, *, ax: Any = None, figsize: Any = None, **asked: Any) -> Figure:
    """Compute-optimal params, tokens and loss; ``asked`` as for `bayes_scaling.frontier`."""
    found = asking.frontier(fit, budgets_of(fit.runs) if compute is None else compute, **asked)
    return plot_frontier(found, ax=ax, figsize=figsize)


def comparison(fit: Fit, compute: Any = None, *, ax: Any = None, figsize: Any = None, **asked: Any) -> Figure:
    """Which architecture wins; ``asked`` as for `bayes_scaling.compare`."""
    found = comparing.compare(fit, budgets_of(fit.runs) if compute is None else compute, **asked)
    return plot_comparison(found, ax=ax, figsize=figsize)


def win_map(fit: Fit, compute: Any = None, *, ax: Any = None, figsize: Any = None, **asked: Any) -> Figure:
    """Which architecture wins where; ``asked`` as for `bayes_scaling.compare_map`."""
    return plot_map(compare_map(fit, compute, **asked), ax=ax, figsize=figsize)


def optima(fit: Fit, compute: Any = None, *, ax: Any = None, figsize: Any = None, **asked: Any) -> Figure:
    """Optima beside the parabolas of the runs' budgets, where they have any."""
    budgets = budgets_of(fit.runs) if compute is None else compute
    found = asking.frontier(fit, budgets, **asked)
    try:
        parabolas = isoflop_fit(fit.runs)
    except BayesScalingError:
        return plot_optima(found, ax=ax, figsize=figsize)
    lines = parabolas.frontier(found.query.compute)
    return plot_optima(found, parabolas.table(), lines, ax=ax, figsize=figsize)


def context(fit: Fit, compute: Any = None, *, ax: Any = None, figsize: Any = None, **asked: Any) -> Figure:
    """Optima against context length, at the runs' most compute by default."""
    budget = float(fit.runs.frame["flops"].max()) if compute is None else compute
    return plot_context(asking.frontier(fit, budget, **asked), ax=ax, figsize=figsize)
