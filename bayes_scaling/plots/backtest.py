"""A back-test: coverage and error against distance, and where truths fell in their forecasts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bayes_scaling.calibration.backtest import Backtest
from bayes_scaling.plots import style

BINS = 10
NOMINAL = 0.9
BESIDE = 0.12  # of one distance, between forecasters


@style.in_own_unit
def plot_backtest(
    found: Backtest | pd.DataFrame,
    by_distance: pd.DataFrame | None = None,
    *,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Three panels: coverage of 90% intervals and mean absolute error by distance, histogram of PIT values.

    Parameters
    ----------
    found : Backtest, or its ``rows``
    by_distance : DataFrame, optional
        Full ``Backtest.table("distance")``; made of the rows by default.
    ax : array of three Axes, optional
        Where to draw. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure
    """
    rows = found.rows if isinstance(found, Backtest) else found
    if by_distance is None:
        by_distance = Backtest(rows).table("distance", full=True)
    place = style.Place(ax, figsize)
    figure, axes = style.panels(1, 3, place)
    cover, error, histogram = axes.ravel()
    names = list(dict.fromkeys(by_distance["forecaster"]))
    colour = style.colours(names)
    order = sorted(set(by_distance["distance"]), key=_place)
    for i, name in enumerate(names):
        part = by_distance[by_distance["forecaster"] == name].set_index("distance").reindex(order)
        x = np.arange(len(order)) + BESIDE * (i - (len(names) - 1) / 2)
        share = part["in_90"]
        spread = np.sqrt(part["in_90"] * (1 - part["in_90"]) / part["runs"])
        cover.errorbar(x, share, spread, fmt="o-", ms=4, lw=1, color=colour[name])
        error.plot(x, part["mae"], "o-", ms=4, lw=1, color=colour[name])
        pit = rows.loc[(rows["forecaster"] == name) & rows["median"].notna(), "pit"]
        histogram.stairs(*np.histogram(pit, BINS, (0, 1), density=True), color=colour[name])
    cover.axhline(NOMINAL, color=style.GREY, lw=0.8, ls="--")
    cover.set(ylim=(0, 1.03), ylabel="share in 90% interval")
    error.set(ylim=(0, None), ylabel="mean error (nats/token)")
    for panel in (cover, error):
        panel.set_xticks(range(len(order)), order, rotation=30, ha="right")
        panel.set_xlabel("decades beyond the fitted runs")
    histogram.axhline(1, color=style.GREY, lw=0.8, ls="--")
    histogram.set(xlim=(0, 1), xlabel="share of draws below (PIT)", ylabel="density")
    style.legend_below(figure, [style.swatch(colour[name], name) for name in names], place)
    return figure


def _place(label: str) -> float:
    if label == "within":
        return -1.0
    return float(label.split()[1]) if label.startswith("over") else float(label.split()[0])
