"""Optima against compute and against context length: the posterior beside isoFLOP parabolas."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.plots import style
from bayes_scaling.questions.context_effect import ContextEffect
from bayes_scaling.questions.frontier import Frontier

QUANTITIES = {"params": "optimal params", "tokens": "optimal tokens"}
MOST_TICKS = 4  # context lengths that are each named on their axis


@style.in_own_unit
def plot_optima(
    found: Frontier | pd.DataFrame,
    isoflop: pd.DataFrame | None = None,
    lines: pd.DataFrame | None = None,
    *,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """N* and D* against compute: posterior bands, parabola minima with error bars, their power laws.

    Parameters
    ----------
    found : Frontier, or its full table
        Over two budgets or more.
    isoflop : DataFrame, optional
        `bayes_scaling.classical.IsoflopFit.table`.
    lines : DataFrame, optional
        `bayes_scaling.classical.IsoflopFit.frontier` over the same budgets.
    ax : array of Axes, optional
        Two rows, a column for each context length. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure
    """
    table = style.full_table(found)
    place = style.Place(ax, figsize)
    lengths = sorted(table["context_length"].unique())
    palette = style.colours(sorted(table["architecture"].unique()))
    figure, axes = style.panels(len(QUANTITIES), len(lengths), place, sharex=True, sharey="row")
    for row, (name, label) in zip(axes, QUANTITIES.items(), strict=True):
        for panel, length in zip(row, lengths, strict=True):
            power = None if lines is None else lines[lines["context_length"] == length]
            here = table[table["context_length"] == length]
            points = None if isoflop is None else isoflop[isoflop["context_length"] == length]
            _against(panel, "compute", name, here, points, power, palette=palette)
        row[0].set_ylabel(label)
    for panel, length in zip(axes[0], lengths, strict=True):
        style.title(panel, style.tokens_label(length))
    for panel in axes[-1]:
        panel.set_xlabel("compute (FLOPs)")
    style.legend_below(figure, _entries(palette, lines is not None, isoflop is not None), place, columns=3)
    return figure


@style.in_own_unit
def plot_context(
    found: Frontier | ContextEffect | pd.DataFrame,
    isoflop: pd.DataFrame | None = None,
    *,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """N*, D* against context length at fixed budgets, one column a budget.

    Parameters
    ----------
    found : ContextEffect, Frontier, or the full table of a frontier
        At two context lengths or more.
    isoflop : DataFrame, optional
        `bayes_scaling.classical.IsoflopFit.table`; its curves nearest each budget are drawn.
    ax : array of Axes, optional
        Two rows, a column for each budget. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure

    Raises
    ------
    BayesScalingError
        One context length alone, or another number of axes.
    """
    table = style.full_table(found.frontier if isinstance(found, ContextEffect) else found)
    if table["context_length"].nunique() < 2:
        raise BayesScalingError("the effect of context is drawn over two context lengths or more")
    place = style.Place(ax, figsize)
    budgets = sorted(table["compute"].unique())
    palette = style.colours(sorted(table["architecture"].unique()))
    figure, axes = style.panels(len(QUANTITIES), len(budgets), place, sharex=True, sharey="row")
    for row, (name, label) in zip(axes, QUANTITIES.items(), strict=True):
        for panel, budget in zip(row, budgets, strict=True):
            points = None if isoflop is None else isoflop[(isoflop["compute"] / budget - 1).abs() < 0.1]
            here = table[table["compute"] == budget]
            _against(panel, "context_length", name, here, points, None, palette=palette)
        row[0].set_ylabel(label)
    for panel, budget in zip(axes[0], budgets, strict=True):
        style.title(panel, f"{style.short_power(budget)} FLOPs")
    for panel in axes[-1]:
        panel.set_xlabel("context length (tokens)")
    style.legend_below(figure, _entries(palette, False, isoflop is not None), place, columns=3)
    return figure


def _against(
    ax: Axes,
    x: str,
    name: str,
    table: pd.DataFrame,
    points: pd.DataFrame | None,
    lines: pd.DataFrame | None,
    *,
    palette: dict[str, str],
) -> None:
    style.log_axis(ax, "x", None if x == "compute" else style.short_count)
    style.log_axis(ax, "y", style.short_count)
    lengths = sorted(table["context_length"].unique())
    if x == "context_length" and len(lengths) <= MOST_TICKS:
        ax.set_xticks(lengths, [f"{length:,}" for length in lengths])
    for architecture, colour in palette.items():
        part = _of(table, architecture, x)
        ax.fill_between(
            part[x], part[f"{name}_q05"], part[f"{name}_q95"], color=colour, alpha=style.BAND, lw=0
        )
        ax.plot(part[x], part[f"{name}_median"], color=colour, lw=1.5)
        if points is not None:
            part = _of(points, architecture, x)
            error = 2 * part[f"{name}_se"].fillna(0)
            ax.errorbar(part[x], part[name], error, fmt="o", color=colour, ms=2.5, elinewidth=1, capsize=1.5)
        if lines is not None:
            part = _of(lines, architecture, x)
            ax.plot(part[x], part[f"{name}_estimate"], color=colour, lw=1, ls=(0, (3, 2)))


def _of(table: pd.DataFrame, architecture: str, x: str) -> pd.DataFrame:
    return table[table["architecture"] == architecture].sort_values(x)


def _entries(palette: dict[str, str], lines: bool, points: bool = True) -> list[Any]:
    entries: list[Any] = [style.swatch(colour, name) for name, colour in palette.items()]
    entries.append(style.band_swatch(label="posterior median, 90% interval"))
    if points:
        label = "minimum of a parabola, 2 standard errors"
        entries.append(Line2D([], [], color=style.GREY, marker="o", ms=4, lw=1, label=label))
    if lines:
        entries.append(Line2D([], [], color=style.GREY, lw=1, ls=(0, (3, 2)), label="power law through them"))
    return entries
