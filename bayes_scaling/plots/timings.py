"""Timings against what the latency model says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_scaling.latency import LatencyFit, predict_table
from bayes_scaling.plots import style

TIME_TITLES = {"ttft_ms": "time to first token", "step_time_ms": "step time"}
BINS = 12  # of equal count, over which the band is averaged


def timing_table(fit: LatencyFit) -> pd.DataFrame:
    """How far each fitted time lies from its posterior prediction.

    Returns
    -------
    DataFrame
        One row a time: architecture, params, batch_size, prefill, quantity, time_ms and predicted_ms (the
        response median), residual, q05 and q95 (percent of predicted: the time, and the 90% response
        interval), inside (whether the interval holds the time).
    """
    predicted = predict_table(fit, fit.timings)
    frame = fit.timings.frame.reset_index(drop=True)
    kept = frame[["architecture", "params", "batch_size", "prefill"]]
    parts = []
    for quantity in TIME_TITLES:
        time = frame[quantity].to_numpy(dtype=float)
        middle = predicted[f"{quantity}_median"].to_numpy()
        low = predicted[f"{quantity}_q05"].to_numpy()
        high = predicted[f"{quantity}_q95"].to_numpy()
        percent = {k: 100 * (v / middle - 1) for k, v in (("residual", time), ("q05", low), ("q95", high))}
        part = kept.assign(quantity=quantity, time_ms=time, predicted_ms=middle, **percent)
        part["inside"] = (low <= time) & (time <= high)
        parts.append(part[np.isfinite(time) & np.isfinite(middle)])
    return pd.concat(parts, ignore_index=True)


@style.in_own_unit
def plot_timings(
    found: LatencyFit | pd.DataFrame, *, ax: Any = None, figsize: tuple[float, float] | None = None
) -> Figure:
    """Times in percent above or below their prediction, one row of panels a quantity.

    The band is the 90% response interval averaged over predictions of nearly one time; whether a time is
    inside is judged by its own interval.

    Parameters
    ----------
    found : LatencyFit, or `timing_table`
    ax : array of Axes, a row for each quantity, a column for each architecture, optional
        Where to draw. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure
    """
    table = timing_table(found) if isinstance(found, LatencyFit) else found
    place = style.Place(ax, figsize)
    names = sorted(table["architecture"].unique())
    quantities = [name for name in TIME_TITLES if name in set(table["quantity"])]
    palette = style.colours(names)
    figure, axes = style.panels(len(quantities), len(names), place, sharey="row")
    groups = dict(iter(table.groupby(["quantity", "architecture"])))
    for row, quantity in zip(axes, quantities, strict=True):
        for panel, name in zip(row, names, strict=True):
            style.title(panel, f"{name}, {TIME_TITLES[quantity]}")
            style.log_axis(panel, "x", "{:g}".format)
            if (quantity, name) in groups:
                _panel(panel, groups[quantity, name], palette[name])
        row[0].set_ylabel("measured less predicted (%)")
    for panel in axes[-1]:
        panel.set_xlabel("predicted (ms)")
    entries = style.inside_entries(table["inside"].mean(), "time", "90% response interval")
    style.legend_below(figure, entries, place)
    return figure


def _panel(ax: Axes, table: pd.DataFrame, colour: str) -> None:
    ax.axhline(0, color=style.GREY, lw=0.8)
    band = _band(table)
    ax.fill_between(band["predicted_ms"], band["q05"], band["q95"], color=colour, alpha=style.BAND, lw=0)
    for inside, part in table.groupby("inside"):
        face, edge, width = (colour, "white", 0.3) if inside else ("white", colour, 0.9)
        ax.plot(part["predicted_ms"], part["residual"], "o", ms=3.0, mfc=face, mec=edge, mew=width)


def _band(table: pd.DataFrame) -> pd.DataFrame:
    """The intervals, averaged over times of nearly equal prediction, from the shortest to the longest."""
    ordered = table.sort_values("predicted_ms")[["predicted_ms", "q05", "q95"]].reset_index(drop=True)
    bins = np.minimum(np.arange(len(ordered)) * BINS // len(ordered), BINS - 1)
    found = ordered.groupby(bins).mean()
    found.iloc[0, 0], found.iloc[-1, 0] = ordered["predicted_ms"].iloc[[0, -1]]
    return found
