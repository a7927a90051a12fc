"""A back-test: coverage and error against distance, and where truths fell in their forecasts."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bayes_scaling.plots import style

BINS = 10
NOMINAL = 0.9


def plot_backtest(rows: pd.DataFrame, by_distance: pd.DataFrame) -> Figure:
    """Three panels: coverage of 90% intervals and mean error by distance, histogram of PIT values.

    Parameters
    ----------
    rows : DataFrame
        `bayes_scaling.calibration.backtest.Backtest.rows`.
    by_distance : DataFrame
        ``Backtest.table("distance")``.

    Returns
    -------
    Figure
    """
    figure, axes = style.panels(1, 3)
    cover, error, histogram = axes.ravel()
    names = list(dict.fromkeys(by_distance["forecaster"]))
    colour = style.colours(names)
    order = sorted(set(by_distance["distance"]), key=_place)
    for i, name in enumerate(names):
        part = by_distance[by_distance["forecaster"] == name].set_index("distance").reindex(order)
        x = np.arange(len(order)) + 0.12 * (i - 1)
        share = part["in_90"]
        spread = np.sqrt(part["in_90"] * (1 - part["in_90"]) / part["runs"])
        cover.errorbar(x, share, spread, fmt="o-", ms=4, lw=1, color=colour[name])
        error.plot(x, 1000 * part["mae"], "o-", ms=4, lw=1, color=colour[name])
        pit = rows.loc[(rows["forecaster"] == name) & rows["median"].notna(), "pit"]
        histogram.stairs(*np.histogram(pit, BINS, (0, 1), density=True), color=colour[name])
    cover.axhline(NOMINAL, color=style.GREY, lw=0.8, ls="--")
    cover.set(ylim=(0, 1.03), ylabel="share in the 90% interval")
    error.set(ylim=(0, None), ylabel="mean absolute error (mnat)")
    for ax in (cover, error):
        ax.set_xticks(range(len(order)), order, rotation=30, ha="right")
        ax.set_xlabel("decades of compute from the fitted runs")
    histogram.axhline(1, color=style.GREY, lw=0.8, ls="--")
    histogram.set(xlim=(0, 1), xlabel="share of draws below the loss (PIT)", ylabel="density")
    style.legend_below(figure, [style.swatch(colour[name], name) for name in names])
    return figure


def _place(label: str) -> float:
    if label == "within":
        return -1.0
    return float(label.split()[1]) if label.startswith("over") else float(label.split()[0])
