"""The loss over params and tokens, with the compute-optimal path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling.draws import summarise_draws
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.plots import style
from bayes_scaling.plots.budgets import budgets_of
from bayes_scaling.posterior.coefficients import coefficients
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.groups import surface_of
from bayes_scaling.questions.frontier import frontier as ask

POINTS = 40
THIN = 4  # one draw in so many
LEVELS = 9  # contours; every second has its loss beside it
MARGIN = 0.15  # of the runs' range in logs, on each side


def loss_surface(fit: Fit, context_length: int, points: int = POINTS) -> pd.DataFrame:
    """Posterior median loss on a grid of params and tokens over the runs of one context length.

    Parameters
    ----------
    fit : Fit
    context_length : int
    points : int
        On each side of the grid.

    Returns
    -------
    DataFrame
        architecture, context_length, params, tokens, median, q05, q95 (nats per token).

    Raises
    ------
    BudgetError
        A bad context length.
    """
    frame = fit.runs.frame
    params = _range(frame["params"].to_numpy(dtype=float), points)
    tokens = _range(frame["tokens"].to_numpy(dtype=float), points)
    theta = coefficients(fit, context_length=context_length)
    parts = []
    for architecture in fit.architectures:
        surface = surface_of(fit, theta, architecture, context_length).every(THIN)
        axes = {"params": params, "tokens": tokens}
        sizes = [size.ravel() for size in np.meshgrid(params, tokens, indexing="ij")]
        drawn = surface.loss_at(*sizes)
        drawn = drawn.reshape(*drawn.shape[:2], len(params), len(tokens))
        loss = xr.DataArray(drawn, dims=("chain", "draw", *axes), coords=axes, name="loss")
        table = summarise_draws(loss)[["median", "q05", "q95"]].reset_index()
        table.insert(0, "architecture", architecture)
        table.insert(1, "context_length", context_length)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


@style.in_own_unit
def plot_surface(
    found: Fit | pd.DataFrame,
    runs: pd.DataFrame | None = None,
    frontier: pd.DataFrame | None = None,
    *,
    context_length: int | None = None,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Contours of the loss, one panel an architecture, with the runs and the compute-optimal path.

    Parameters
    ----------
    found : Fit, or `loss_surface`
    runs : DataFrame, optional
        ``fit.runs.frame``, where a surface is given.
    frontier : DataFrame, optional
        `bayes_scaling.Frontier.table` at the same context length.
    context_length : int, optional
        Of a fit. Default: that with the most runs.
    ax : array of Axes, one for each architecture, optional
        Where to draw. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure
    """
    if isinstance(found, Fit):
        length = context_length or int(found.runs.frame["context_length"].value_counts().index[0])
        surface = loss_surface(found, length)
        runs = found.runs.frame if runs is None else runs
        if frontier is None:
            frontier = ask(found, budgets_of(found.runs), length).table(full=True)
    else:
        surface = found
    if runs is None:
        raise BayesScalingError("a surface is drawn with the runs it is of: give runs=fit.runs.frame")
    place = style.Place(ax, figsize)
    names = sorted(surface["architecture"].unique())
    length = int(surface["context_length"].iloc[0])
    figure, axes = style.panels(1, len(names), place, height=2.6, sharex=True, sharey=True)
    palette = style.colours(names)
    low = surface["median"].min()
    high = surface["median"].quantile(0.98)
    levels = np.round(np.linspace(low, high, LEVELS), 2)
    for panel, name in zip(axes[0], names, strict=True):
        _contours(panel, surface[surface["architecture"] == name], levels)
        here = runs[(runs["architecture"].astype(str) == name) & (runs["context_length"] == length)]
        panel.plot(here["params"], here["tokens"], "o", color="black", ms=2, mew=0)
        if frontier is not None:
            at = (frontier["architecture"] == name) & (frontier["context_length"] == length)
            _path(panel, frontier[at], palette[name])
        style.title(panel, f"{name}, {style.tokens_label(length)}")
        panel.set_xlabel("params")
    axes[0, 0].set_ylabel("tokens")
    entries = [
        Line2D([], [], color="#777777", lw=1, label="loss, posterior median (nats/token)"),
        Line2D([], [], color="black", marker="o", ms=3, lw=0, label="runs"),
        Line2D([], [], color=style.GREY, lw=2, label="compute-optimal, 90% interval of params"),
    ]
    style.legend_below(figure, entries if frontier is not None else entries[:2], place, columns=2)
    return figure


def _contours(ax: Axes, surface: pd.DataFrame, levels: np.ndarray) -> None:
    grid = surface.pivot(index="tokens", columns="params", values="median")
    style.log_axis(ax, "x", style.short_count)
    style.log_axis(ax, "y", style.short_count)
    x = grid.columns.to_numpy()
    y = grid.index.to_numpy()
    lines = ax.contour(x, y, grid.to_numpy(), np.unique(levels), cmap="viridis", linewidths=1)
    ax.clabel(lines, list(lines.levels)[::2], fontsize=style.SMALL, fmt="%.2f", inline_spacing=2)
    ax.set_xlim(x.min(), x.max())
    ax.set_ylim(y.min(), y.max())


def _path(ax: Axes, table: pd.DataFrame, colour: str) -> None:
    table = table.sort_values("compute")
    y = table["tokens_median"]
    ax.fill_betweenx(y, table["params_q05"], table["params_q95"], color=colour, alpha=0.3, lw=0)
    ax.plot(table["params_median"], y, color=colour, lw=2)


def _range(values: np.ndarray, points: int) -> np.ndarray:
    low = np.log(values.min())
    high = np.log(values.max())
    margin = MARGIN * (high - low)
    return np.exp(np.linspace(low - margin, high + margin, points))
