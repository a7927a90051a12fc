"""Predictions written down beforehand, and the runs trained since."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling.plots import style


def plot_predictions(table: pd.DataFrame) -> Figure:
    """Predicted loss against params with 50% and 90% response intervals, and what was measured.

    Parameters
    ----------
    table : DataFrame
        ``runs`` of a `bayes_scaling.sweep.verdict.SweepVerdict`: architecture, context_length, params, q05,
        q25, median, q75, q95, loss (nats per token) and inside_90.

    Returns
    -------
    Figure
    """
    names = sorted(table["architecture"].unique())
    lengths = sorted(table["context_length"].unique())
    palette = style.colours(names)
    figure, axes = style.panels(len(names), len(lengths), sharex=True, sharey=True)
    for row, name in zip(axes, names, strict=True):
        for ax, length in zip(row, lengths, strict=True):
            here = (table["architecture"] == name) & (table["context_length"] == length)
            _panel(ax, table[here].sort_values("params"), palette[name])
            ax.set_title(f"{name}, {style.tokens_label(length)}", loc="left", fontsize=style.TEXT)
        row[0].set_ylabel("loss (nats/token)")
    for ax in axes[-1]:
        ax.set_xlabel("params")
    style.legend_below(figure, _entries())
    return figure


def _panel(ax: Axes, table: pd.DataFrame, colour: str) -> None:
    style.log_axis(ax, "x", counts=True, subs=(1, 2, 4))
    bands = (("q05", "q95", style.BAND), ("q25", "q75", style.INNER_BAND))
    for low, high, opacity in bands:
        ax.fill_between(table["params"], table[low], table[high], color=colour, alpha=opacity, lw=0)
    ax.plot(table["params"], table["median"], color=colour, lw=1.2)
    for inside, part in table.groupby("inside_90"):
        ax.plot(
            part["params"], part["loss"], "o", ms=5, mfc="black" if inside else "white", mec="black", lw=0
        )


def _entries() -> list[Any]:
    def dot(fill: str, label: str) -> Line2D:
        return Line2D([], [], marker="o", ls="", ms=5, mfc=fill, mec="black", label=label)

    return [
        style.swatch(style.GREY, "predicted median"),
        style.band_swatch(label="50% and 90% intervals of one run"),
        dot("black", "measured"),
        dot("white", "measured, outside 90%"),
    ]
