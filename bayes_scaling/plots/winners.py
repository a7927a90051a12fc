"""Who wins where, as a map over compute and context length."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bayes_scaling.decisions.winner_map import Map
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.plots import style
from bayes_scaling.runs.reach import column_of

COMPUTE = column_of("compute")
LEVELS = (0.05, 0.5, 0.95)
MOST_NUMBERS = 7  # along the budgets
# On the colours of cells, which are the same on any paper: so are these.
DARK_INK, LIGHT_INK = "#010101", "#FDFDFD"
LIGHT = 0.36  # luminance of a cell above which dark ink is read better


@style.in_own_unit
def plot_map(found: Map, *, ax: Any = None, figsize: tuple[float, float] | None = None) -> Figure:
    """Probability of winning over compute and context length, as colour and in numbers.

    Of two architectures one panel, P(the one beats the other); of more one panel each, P(it is best). The
    heavy line is where the odds are even; between the light ones, of 5% and 95%, lies the 90% interval of the
    compute at which the order changes. Dashed: where each context length's runs end.

    Parameters
    ----------
    found : Map
        Of two budgets and two context lengths or more.
    ax : Axes, optional
        Where to draw; of more than two architectures one each.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure

    Raises
    ------
    BayesScalingError
        Fewer budgets or context lengths, or nothing feasible anywhere.
    """
    table = found.table(full=True)
    if min(table["compute"].nunique(), table["context_length"].nunique()) < 2:
        raise BayesScalingError("a map needs two budgets and two context lengths or more")
    if not table["feasible"].any():
        raise BayesScalingError("nothing keeps to the limits anywhere on this map: loosen one")
    names = sorted(table["architecture"].unique())
    palette = style.colours(names)
    shown = _pair(found, names) if len(names) == 2 else dict.fromkeys(names, (table, "best_probability"))
    place = style.Place(ax, figsize or (style.PAGE, 1.1 + 0.36 * max(table["context_length"].nunique(), 4)))
    figure, axes = style.panels(1, len(shown), place, sharey=True)
    for panel, (title, (rows, column)) in zip(axes[0], shown.items(), strict=True):
        part = rows[rows["architecture"] == title]
        other = palette[names[1]] if len(names) == 2 else "#FFFFFF"
        mesh = _panel(panel, part, column, (other, palette[title]), len(shown) == 1)
        told = f"P({title} beats {names[1]})" if len(names) == 2 else f"P({title} is best)"
        style.title(panel, told)
        figure.colorbar(mesh, ax=panel, ticks=(0, 0.5, 1), aspect=30, pad=0.02).ax.tick_params(
            labelsize=style.SMALL
        )
    axes[0, 0].set_ylabel("context length (tokens)")
    style.legend_below(figure, _entries(table), place)
    return figure


def _pair(found: Map, names: list[str]) -> dict[str, tuple[pd.DataFrame, str]]:
    pairs = found.pairs()
    return {names[0]: (pairs[pairs["other"] == names[1]], "probability")}


def _panel(ax: Axes, part: pd.DataFrame, column: str, ends: tuple[str, str], numbers: bool) -> Any:
    grid = part.pivot(index="context_length", columns="compute", values=column)
    compute = grid.columns.to_numpy(dtype=float)
    lengths = list(grid.index)
    values = grid.to_numpy()
    across = _edges(compute)
    down = np.arange(len(lengths) + 1) - 0.5  # a row a context length, however far apart
    ax.grid(False)
    style.log_axis(ax, "x")
    mesh = ax.pcolormesh(across, down, values, cmap=_colours(ends), vmin=0, vmax=1)
    _lines(ax, compute, values)
    if numbers:
        _numbers(ax, compute, values, mesh)
    ax.set(xlim=across[[0, -1]], ylim=down[[0, -1]])
    ax.yaxis.set_major_locator(FixedLocator(range(len(lengths))))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda _, i: f"{lengths[i or 0]:,}"))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("compute (FLOPs)")
    _edge(ax, part, lengths, across[-1])
    return mesh


def _edge(ax: Axes, part: pd.DataFrame, lengths: list[int], end: float) -> None:
    """A step line: in each row of the map where its runs end."""
    inside = part[part[COMPUTE] == 0].groupby("context_length")["compute"].max()
    x = [min(float(inside.get(length, np.nan)), end) for length in lengths]
    known = [edge for edge in x if np.isfinite(edge)]
    if known and (min(known) < part["compute"].max() or len(known) < len(x)):
        down = np.arange(len(lengths) + 1) - 0.5
        ax.plot(np.repeat(x, 2), np.repeat(down, 2)[1:-1], color=DARK_INK, lw=0.9, ls=(0, (3, 2)))


def _colours(ends: tuple[str, str]) -> LinearSegmentedColormap:
    """From the other's colour by white to ours; from white where there are many others."""
    many = ends[0] == "#FFFFFF"
    return LinearSegmentedColormap.from_list("wins", list(ends) if many else [ends[0], "#F7F7F7", ends[1]])


def _edges(centres: np.ndarray) -> np.ndarray:
    """Edges half-way between, in logs, the outermost as far out as the next is in."""
    x = np.log(centres)
    middle = [(left + right) / 2 for left, right in pairwise(x)]
    return np.exp([2 * x[0] - middle[0], *middle, 2 * x[-1] - middle[-1]])


def _lines(ax: Axes, compute: np.ndarray, values: np.ndarray) -> None:
    """Where the probability is even, 5% and 95%; straight on in the outer halves of the outer rows."""
    inside = [level for level in LEVELS if values.min() < level < values.max()]  # none where any is unknown
    if inside:
        rows = np.clip(np.arange(-1, len(values) + 1), 0, len(values) - 1)
        down = np.clip(np.arange(-1, len(values) + 1), -0.5, len(values) - 0.5)
        widths = [1.8 if level == 0.5 else 0.8 for level in inside]
        ax.contour(compute, down, values[rows], levels=inside, colors=DARK_INK, linewidths=widths)


def _numbers(ax: Axes, compute: np.ndarray, values: np.ndarray, mesh: Any) -> None:
    """The probability in every cell, or in every so many-th where they are narrow; over the lines."""
    step = -(-len(compute) // MOST_NUMBERS)
    for i, row in enumerate(values):
        for at, value in zip(compute[::step], row[::step], strict=True):
            if np.isfinite(value):
                colour = mesh.to_rgba(value)
                box = {"facecolor": colour, "edgecolor": "none", "pad": 1}
                place: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": style.SMALL}
                ax.text(at, i, _told(float(value)), color=_ink(colour), bbox=box, zorder=5, **place)


def _ink(colour: tuple[float, ...]) -> str:
    """What can be read on a colour."""
    luminance = float(np.dot(colour[:3], (0.2126, 0.7152, 0.0722)))
    return DARK_INK if luminance > LIGHT else LIGHT_INK


def _told(value: float) -> str:
    """Two decimals, and never a certainty."""
    return "<.01" if value < 0.005 else ">.99" if value > 0.995 else f"{value:.2f}"


def _entries(table: pd.DataFrame) -> list[Any]:
    entries: list[Any] = [
        Line2D([], [], color="black", lw=1.8, label="even odds"),
        Line2D([], [], color="black", lw=0.8, label="5% and 95%"),
    ]
    if (table[COMPUTE] > 0).any():
        entries.append(Line2D([], [], color="black", lw=0.9, ls=(0, (3, 2)), label="the runs end"))
    return entries
