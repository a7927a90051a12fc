"""Figures, each drawn from a table that is public too.

Every function returns a matplotlib ``Figure`` and leaves matplotlib's global state alone.
"""

from __future__ import annotations

from bayes_scaling.plots.coefficients import coefficient_densities, plot_coefficients
from bayes_scaling.plots.comparison import plot_comparison
from bayes_scaling.plots.frontier import plot_frontier
from bayes_scaling.plots.isoflop import isoflop_curves, plot_isoflop
from bayes_scaling.plots.residuals import plot_residuals, residual_table
from bayes_scaling.plots.style import save_figure

__all__ = [
    "coefficient_densities",
    "isoflop_curves",
    "plot_coefficients",
    "plot_comparison",
    "plot_frontier",
    "plot_isoflop",
    "plot_residuals",
    "residual_table",
    "save_figure",
]
