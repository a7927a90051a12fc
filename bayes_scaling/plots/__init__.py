"""Figures of results, or of their tables.

Every function takes a result or its full table, ``ax`` and ``figsize``, and returns a matplotlib ``Figure``.
Jupyter shows it, once, and matplotlib's global state is left alone. A figure is `COLUMN` inches wide, or
`PAGE` where it has several panels, with text of 8 points: set it in a paper as it is.
"""

from __future__ import annotations

from bayes_scaling.plots.backtest import plot_backtest
from bayes_scaling.plots.coefficients import coefficient_densities, plot_coefficients
from bayes_scaling.plots.comparison import plot_comparison
from bayes_scaling.plots.decision import plot_decision
from bayes_scaling.plots.frontier import plot_frontier
from bayes_scaling.plots.isoflop import isoflop_curves, plot_isoflop
from bayes_scaling.plots.optima import plot_context, plot_optima
from bayes_scaling.plots.predictions import plot_predictions
from bayes_scaling.plots.ranks import plot_ranks
from bayes_scaling.plots.ratios import plot_ratios, ratio_curves
from bayes_scaling.plots.residuals import plot_residuals, residual_table
from bayes_scaling.plots.run_comparison import plot_run_comparison
from bayes_scaling.plots.runs import plot_runs
from bayes_scaling.plots.style import COLUMN, PAGE, Picture, open_folder, save_figure
from bayes_scaling.plots.surface import loss_surface, plot_surface
from bayes_scaling.plots.target import plot_target
from bayes_scaling.plots.timings import TIME_TITLES, plot_timings, timing_table
from bayes_scaling.plots.verdict import plot_verdict
from bayes_scaling.plots.winners import plot_map

__all__ = [
    "COLUMN",
    "PAGE",
    "TIME_TITLES",
    "Picture",
    "coefficient_densities",
    "isoflop_curves",
    "loss_surface",
    "open_folder",
    "plot_backtest",
    "plot_coefficients",
    "plot_comparison",
    "plot_context",
    "plot_decision",
    "plot_frontier",
    "plot_isoflop",
    "plot_map",
    "plot_optima",
    "plot_predictions",
    "plot_ranks",
    "plot_ratios",
    "plot_residuals",
    "plot_run_comparison",
    "plot_runs",
    "plot_surface",
    "plot_target",
    "plot_timings",
    "plot_verdict",
    "ratio_curves",
    "residual_table",
    "save_figure",
    "timing_table",
]
