"""The loss over params and tokens, with the compute-optimal path."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling.draws import summarise_draws
from bayes_scaling.plots import style
from bayes_scaling.posterior.coefficients import coefficients
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.groups import surface_of

POINTS = 40
THIN = 4  # one draw in so many
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


def plot_surface(surface: pd.DataFrame, runs: pd.DataFrame, frontier: pd.DataFrame | None = None) -> Figure:
    """Contours of the loss, one panel an architecture, with the runs and the compute-optimal path.

    Parameters
    ----------
    surface : DataFrame
        `loss_surface`.
    runs : DataFrame
        ``fit.runs.frame``.
    frontier : DataFrame, optional
        `bayes_scaling.Frontier.table` at the same context length.

    Returns
    -------
    Figure
    """
    names = sorted(surface["architecture"].unique())
    length = int(surface["context_length"].iloc[0])
    figure, axes = style.panels(1, len(names), extra_height=1.0, sharex=True, sharey=True)
    low = surface["median"].min()
    high = surface["median"].quantile(0.98)
    levels = np.round(np.linspace(low, high, 12), 2)
    for ax, name in zip(axes[0], names, strict=True):
        _contours(ax, surface[surface["architecture"] == name], levels)
        here = runs[(runs["architecture"].astype(str) == name) & (runs["context_length"] == length)]
        ax.plot(here["params"], here["tokens"], "o", color="black", ms=2, mew=0)
        if frontier is not None:
            _path(ax, frontier[(frontier["architecture"] == name) & (frontier["context_length"] == length)])
        ax.set_title(f"{name}, {style.tokens_label(length)}", loc="left", fontsize=style.TEXT)
        ax.set_xlabel("params")
    axes[0, 0].set_ylabel("tokens")
    entries = [
        Line2D([], [], color="#777777", lw=1, label="loss, posterior median (nats/token)"),
        Line2D([], [], color="black", marker="o", ms=3, lw=0, label="runs"),
        Line2D([], [], color=style.PALETTE[1], lw=2, label="compute-optimal, 90% interval of params"),
    ]
    style.legend_below(figure, entries if frontier is not None else entries[:2], columns=3)
    return figure


def _contours(ax: Axes, surface: pd.DataFrame, levels: np.ndarray) -> None:
    grid = surface.pivot(index="tokens", columns="params", values="median")
    style.log_axis(ax, "x", counts=True)
    style.log_axis(ax, "y", counts=True)
    x = grid.columns.to_numpy()
    y = grid.index.to_numpy()
    lines = ax.contour(x, y, grid.to_numpy(), np.unique(levels), cmap="viridis", linewidths=1)
    ax.clabel(lines, fontsize=style.SMALL - 1, fmt="%.2f")
    ax.set_xlim(x.min(), x.max())
    ax.set_ylim(y.min(), y.max())


def _path(ax: Axes, table: pd.DataFrame) -> None:
    table = table.sort_values("compute")
    y = table["tokens_median"]
    ax.fill_betweenx(y, table["params_q05"], table["params_q95"], color=style.PALETTE[1], alpha=0.3, lw=0)
    ax.plot(table["params_median"], y, color=style.PALETTE[1], lw=2)


def _range(values: np.ndarray, points: int) -> np.ndarray:
    low = np.log(values.min())
    high = np.log(values.max())
    margin = MARGIN * (high - low)
    return np.exp(np.linspace(low - margin, high + margin, points))
