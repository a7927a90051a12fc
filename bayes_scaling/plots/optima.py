"""Optima against compute and against context length: the posterior beside isoFLOP parabolas."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling.plots import style

QUANTITIES = {"params": "optimal params", "tokens": "optimal tokens"}
KEYS = ["architecture", "context_length"]


def plot_optima(table: pd.DataFrame, isoflop: pd.DataFrame, lines: pd.DataFrame | None = None) -> Figure:
    """N* and D* against compute: posterior bands, parabola minima with error bars, their power laws.

    Parameters
    ----------
    table : DataFrame
        `bayes_scaling.Frontier.table` over two budgets or more.
    isoflop : DataFrame
        `bayes_scaling.classical.IsoflopFit.table`.
    lines : DataFrame, optional
        `bayes_scaling.classical.IsoflopFit.frontier` over the same budgets.

    Returns
    -------
    Figure
    """
    lengths = sorted(table["context_length"].unique())
    palette = style.colours(sorted(table["architecture"].unique()))
    figure, axes = style.panels(len(QUANTITIES), len(lengths), sharex=True, sharey="row")
    for row, (name, label) in zip(axes, QUANTITIES.items(), strict=True):
        for ax, length in zip(row, lengths, strict=True):
            power = None if lines is None else lines[lines["context_length"] == length]
            here = table[table["context_length"] == length]
            points = isoflop[isoflop["context_length"] == length]
            _against(ax, "compute", name, here, points, power, palette=palette)
        row[0].set_ylabel(label)
    for ax, length in zip(axes[0], lengths, strict=True):
        ax.set_title(style.tokens_label(length), loc="left", fontsize=style.TEXT)
    for ax in axes[-1]:
        ax.set_xlabel("training compute (FLOPs)")
    style.legend_below(figure, _entries(palette, lines is not None))
    return figure


def plot_context(table: pd.DataFrame, isoflop: pd.DataFrame | None = None) -> Figure:
    """N*, D* against context length at fixed budgets, one column a budget.

    Parameters
    ----------
    table : DataFrame
        `bayes_scaling.Frontier.table` at two context lengths or more.
    isoflop : DataFrame, optional
        `bayes_scaling.classical.IsoflopFit.table`; its curves nearest each budget are drawn.

    Returns
    -------
    Figure
    """
    budgets = sorted(table["compute"].unique())
    palette = style.colours(sorted(table["architecture"].unique()))
    figure, axes = style.panels(len(QUANTITIES), len(budgets), sharex=True, sharey="row")
    for row, (name, label) in zip(axes, QUANTITIES.items(), strict=True):
        for ax, budget in zip(row, budgets, strict=True):
            points = None if isoflop is None else isoflop[(isoflop["compute"] / budget - 1).abs() < 0.1]
            here = table[table["compute"] == budget]
            _against(ax, "context_length", name, here, points, None, palette=palette)
        row[0].set_ylabel(label)
    for ax, budget in zip(axes[0], budgets, strict=True):
        ax.set_title(f"{style.short_power(budget)} FLOPs", loc="left", fontsize=style.TEXT)
    for ax in axes[-1]:
        ax.set_xlabel("context length (tokens)")
    style.legend_below(figure, _entries(palette, False, isoflop is not None))
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
    style.log_axis(ax, "x", counts=x != "compute")
    style.log_axis(ax, "y", counts=True)
    for architecture, colour in palette.items():
        part = _of(table, architecture, x)
        ax.fill_between(
            part[x], part[f"{name}_q05"], part[f"{name}_q95"], color=colour, alpha=style.BAND, lw=0
        )
        ax.plot(part[x], part[f"{name}_median"], color=colour, lw=1.5)
        if points is not None:
            part = _of(points, architecture, x)
            error = 2 * part[f"{name}_se"].fillna(0)
            ax.errorbar(
                part[x], part[name], error, fmt="o", color=colour, ms=4, mec="white", mew=0.5, elinewidth=1
            )
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
