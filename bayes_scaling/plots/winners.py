"""Who wins where, as a map over compute and context length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.plots import style

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.decisions.winners import Map

LEVELS = (0.05, 0.5, 0.95)


def plot_map(found: Map) -> Figure:
    """Probability of winning over compute and context length.

    Of two architectures one panel, P(the one beats the other); of more one panel each, P(it is best).

    Parameters
    ----------
    found : Map
        Of two budgets and two context lengths or more.

    Returns
    -------
    Figure

    Raises
    ------
    BayesScalingError
        Fewer budgets or context lengths.
    """
    table = found.table()
    if min(table["compute"].nunique(), table["context_length"].nunique()) < 2:
        raise BayesScalingError("a map needs two budgets and two context lengths or more")
    names = sorted(table["architecture"].unique())
    palette = style.colours(names)
    shown = _pair(found, names) if len(names) == 2 else dict.fromkeys(names, (table, "best_probability"))
    figure, axes = style.panels(1, len(shown), extra_height=0.9, sharey=True)
    figure.set_figwidth(max(4.8, figure.get_figwidth()))
    for ax, (title, (rows, column)) in zip(axes[0], shown.items(), strict=True):
        part = rows[rows["architecture"] == title]
        other = palette[names[1]] if len(names) == 2 else "#FFFFFF"
        mesh = _panel(ax, part, column, (other, palette[title]))
        told = f"P({title} beats {names[1]})" if len(names) == 2 else f"P({title} is best)"
        ax.set_title(told, loc="left", fontsize=style.TEXT)
        figure.colorbar(mesh, ax=ax, ticks=(0, 0.5, 1), aspect=30, pad=0.02).ax.tick_params(
            labelsize=style.SMALL
        )
    axes[0, 0].set_ylabel("context length (tokens)")
    style.legend_below(figure, _entries(table), columns=4)
    return figure


def _pair(found: Map, names: list[str]) -> dict[str, tuple[pd.DataFrame, str]]:
    pairs = found.pairs()
    return {names[0]: (pairs[pairs["other"] == names[1]], "probability")}


def _panel(ax: Axes, part: pd.DataFrame, column: str, ends: tuple[str, str]) -> Any:
    grid = part.pivot(index="context_length", columns="compute", values=column)
    compute, lengths = grid.columns.to_numpy(dtype=float), grid.index.to_numpy(dtype=float)
    middle = "#F7F7F7" if ends[0] != "#FFFFFF" else "#B9CDDD"
    colours = LinearSegmentedColormap.from_list("wins", [ends[0], middle, ends[1]])
    if ends[0] == "#FFFFFF":
        colours = LinearSegmentedColormap.from_list("best", list(ends))
    ax.grid(False)
    mesh = ax.pcolormesh(compute, lengths, grid.to_numpy(), cmap=colours, vmin=0, vmax=1, shading="gouraud")
    style.log_axis(ax, "x")
    style.log_axis(ax, "y")
    values = grid.to_numpy()
    inside = [level for level in LEVELS if np.nanmin(values) < level < np.nanmax(values)]
    if inside and np.isfinite(values).all():
        widths = [1.6 if level == 0.5 else 0.8 for level in inside]
        ax.contour(compute, lengths, values, levels=inside, colors="black", linewidths=widths)
    ax.yaxis.set_major_locator(FixedLocator(list(lengths)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("training compute (FLOPs)")
    edge = part.loc[part["extrapolation_decades"] == 0, "compute"]
    if len(edge) and edge.max() < compute.max():
        ax.axvline(edge.max(), color="black", lw=0.9, ls=(0, (3, 2)))
    return mesh


def _entries(table: pd.DataFrame) -> list[Any]:
    entries: list[Any] = [
        Line2D([], [], color="black", lw=1.6, label="even odds"),
        Line2D([], [], color="black", lw=0.8, label="5% and 95%"),
    ]
    if (table["extrapolation_decades"] > 0).any():
        entries.append(Line2D([], [], color="black", lw=0.9, ls=(0, (3, 2)), label="last budget of the runs"))
    return entries
