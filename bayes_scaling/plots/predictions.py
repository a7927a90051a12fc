"""Predictions written down beforehand, and the runs trained since."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling.plots import style
from bayes_scaling.posterior.predictions import Predictions


@style.in_own_unit
def plot_predictions(
    found: Predictions | pd.DataFrame, *, ax: Any = None, figsize: tuple[float, float] | None = None
) -> Figure:
    """Predicted loss against params with 50% and 90% response intervals, and what was measured.

    Parameters
    ----------
    found : Predictions, or DataFrame
        ``runs`` of a `bayes_scaling.sweep.verdict.SweepVerdict`: architecture, context_length, params, q05,
        q25, median, q75, q95, loss (nats per token) and inside_90.
    ax : array of Axes, a row for each architecture, a column for each context length, optional
        Where to draw. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure
    """
    table = style.full_table(found)
    place = style.Place(ax, figsize)
    names = sorted(table["architecture"].unique())
    lengths = sorted(table["context_length"].unique())
    palette = style.colours(names)
    figure, axes = style.panels(len(names), len(lengths), place, sharex=True, sharey=True)
    for row, name in zip(axes, names, strict=True):
        for panel, length in zip(row, lengths, strict=True):
            here = (table["architecture"] == name) & (table["context_length"] == length)
            _panel(panel, table[here].sort_values("params"), palette[name])
            style.title(panel, f"{name}, {style.tokens_label(length)}")
        row[0].set_ylabel("loss (nats/token)")
    for panel in axes[-1]:
        panel.set_xlabel("params")
    style.legend_below(figure, _entries("loss" in table), place)
    return figure


def _panel(ax: Axes, table: pd.DataFrame, colour: str) -> None:
    style.log_axis(ax, "x", style.short_count)
    if _is_curve(table):
        bands = (("q05", "q95", style.BAND), ("q25", "q75", style.INNER_BAND))
        for low, high, opacity in bands:
            ax.fill_between(table["params"], table[low], table[high], color=colour, alpha=opacity, lw=0)
        ax.plot(table["params"], table["median"], color=colour, lw=1.2)
    else:
        for low, high, width in (("q05", "q95", 0.8), ("q25", "q75", 2.0)):
            ax.vlines(table["params"], table[low], table[high], color=colour, lw=width, alpha=0.6)
        ax.plot(table["params"], table["median"], "_", color=colour, ms=9, mew=1.2, zorder=3)
    for inside, part in table.groupby("inside_90") if "loss" in table else ():
        ax.plot(
            part["params"], part["loss"], "o", ms=3.5, mfc="black" if inside else "white", mec="black", lw=0
        )


def _is_curve(table: pd.DataFrame) -> bool:
    """Whether a line leads through the runs: a run a size, and tokens that rise or fall with it."""
    tokens = table["tokens"] if "tokens" in table else table["params"]
    one_way = tokens.is_monotonic_increasing or tokens.is_monotonic_decreasing
    return bool(table["params"].is_unique and one_way)


def _entries(measured: bool) -> list[Any]:
    def dot(fill: str, label: str) -> Line2D:
        return Line2D([], [], marker="o", ls="", ms=5, mfc=fill, mec="black", label=label)

    told = [dot("black", "measured"), dot("white", "measured, outside 90%")] if measured else []
    return [
        style.swatch(style.GREY, "predicted median"),
        style.band_swatch(label="50% and 90% intervals"),
        *told,
    ]
