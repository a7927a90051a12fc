"""Two recipes: where their expected losses lie, and how far they are apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import gaussian_kde

from bayes_scaling.plots import style
from bayes_scaling.questions.compare_runs import RunComparison

POINTS = 300
EDGES = (0.01, 0.99)  # quantiles between which a density is drawn
NEAR = (0.001, 0.999)  # quantiles between which draws make its bandwidth


@style.in_own_unit
def plot_run_comparison(
    found: RunComparison, *, ax: Any = None, figsize: tuple[float, float] | None = None
) -> Figure:
    """Densities of both expected losses above the runs, and of their difference.

    Parameters
    ----------
    found : RunComparison
    ax : array of two Axes, optional
        Where to draw. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure
    """
    place = style.Place(ax, figsize)
    figure, axes = style.panels(1, 2, place)
    recipes = {"first": found.first, "second": found.second}
    palette = style.colours(recipes)
    for name, losses in recipes.items():
        _recipe(axes[0, 0], found.draws[name].to_numpy().ravel(), losses, palette[name])
    axes[0, 0].set_xlabel("expected loss (nats/token)")
    axes[0, 0].set_ylabel("density")
    _difference(axes[0, 1], found.draws["difference"].to_numpy().ravel())
    axes[0, 1].set_xlabel("second less first (nats/token)")
    axes[0, 1].set_ylabel("density")
    style.legend_below(figure, _entries(palette), place)
    return figure


def _recipe(ax: Axes, draws: np.ndarray, losses: np.ndarray, colour: str) -> None:
    at, density = _density(draws)
    ax.plot(at, density, color=colour, lw=1.5)
    ax.plot(losses, np.zeros_like(losses), "|", ms=9, mew=1.4, color=colour, clip_on=False)
    _from_zero(ax)


def _difference(ax: Axes, draws: np.ndarray) -> None:
    at, density = _density(draws)
    ax.plot(at, density, color=style.GREY, lw=1.5)
    for levels, opacity in (((0.05, 0.95), style.BAND), ((0.25, 0.75), style.INNER_BAND)):
        low, high = np.quantile(draws, levels)
        ax.fill_between(at, density, where=(at >= low) & (at <= high), color=style.GREY, alpha=opacity, lw=0)
    ax.axvline(0, color="black", lw=0.8)
    _from_zero(ax)


def _density(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places and the density there; far draws would make it too smooth."""
    least, most = np.quantile(draws, NEAR)
    near = draws[(draws >= least) & (draws <= most)]
    low, high = np.quantile(draws, EDGES)
    at = np.linspace(low, high, POINTS)
    return at, gaussian_kde(near)(at)


def _from_zero(ax: Axes) -> None:
    ax.set_ylim(bottom=0)
    ax.yaxis.set_ticks([])
    ax.locator_params(axis="x", nbins=5)


def _entries(palette: dict[Any, str]) -> list[Any]:
    return [
        *(style.swatch(colour, name) for name, colour in palette.items()),
        Line2D([], [], color=style.GREY, marker="|", ls="", ms=9, mew=1.4, label="a run"),
        style.band_swatch(label="50% and 90% intervals"),
    ]
