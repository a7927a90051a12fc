"""Step times after each stage of evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling.plots import style

QUERIES = 12  # of one architecture, spread over its times
OFFSET = 0.22  # between the stages of one query
TITLES = {"ttft_ms": "time to first token", "step_time_ms": "step time"}


@style.in_own_unit
def plot_stages(table: pd.DataFrame, *, ax: Any = None, figsize: tuple[float, float] | None = None) -> Figure:
    """A row of panels a quantity, a column an architecture: 90% intervals of queries after each stage.

    Parameters
    ----------
    table : DataFrame
        Of `bayes_scaling.latency.stages.latency_stages`, or several of it with other quantities.
    ax : array of Axes, a row for each quantity, a column for each architecture, optional
        Where to draw. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure
    """
    names = list(dict.fromkeys(table["architecture"]))
    stages = list(dict.fromkeys(table["stage"]))
    quantities = list(dict.fromkeys(table["quantity"]))
    colours = style.colours(stages)
    place = style.Place(ax, figsize)
    figure, axes = style.panels(len(quantities), len(names), place, height=2.6)
    for row, quantity in zip(axes, quantities, strict=True):
        for panel, name in zip(row, names, strict=True):
            _panel(panel, table[(table["architecture"] == name) & (table["quantity"] == quantity)], colours)
            panel.set_xlabel(f"{TITLES[quantity]} (ms)")
            style.title(panel, name)
    handles = [style.swatch(colours[stage], f"after the {stage}: 90% interval") for stage in stages]
    handles.append(Line2D([], [], color="black", marker="o", linestyle="", markersize=3, label="measured"))
    style.legend_below(figure, handles, place, columns=2)
    return figure


def _panel(ax: Axes, part: pd.DataFrame, colours: Mapping[str, str]) -> None:
    """One architecture's queries in the order of their times."""
    stages = list(dict.fromkeys(part["stage"]))
    order = np.argsort(part[part["stage"] == stages[-1]]["time_ms"].to_numpy())
    chosen = order[np.unique(np.linspace(0, len(order) - 1, QUERIES).round().astype(int))]
    for i, stage in enumerate(stages):
        rows = part[part["stage"] == stage].iloc[chosen]
        y = np.arange(len(rows)) + OFFSET * (i - (len(stages) - 1) / 2)
        ax.hlines(y, rows["q05"], rows["q95"], color=colours[stage], linewidth=2.2)
        ax.plot(rows["median"], y, "|", color=colours[stage], markersize=5)
    rows = part[part["stage"] == stages[-1]].iloc[chosen]
    ax.plot(rows["time_ms"], np.arange(len(rows)), "o", color="black", markersize=3, zorder=5)
    ax.set_yticks(np.arange(len(rows)), [_label(row) for row in rows.itertuples()])
    style.log_axis(ax, "x", "{:g}".format)


def _label(row: Any) -> str:
    """Params, batch and prompt of a query."""
    params = row.params
    batch = row.batch_size
    prompt = row.prefill
    return f"{style.short_count(params)}, {int(batch)} x {int(prompt):,}"
