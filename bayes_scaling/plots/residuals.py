"""Runs against what the model says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_scaling.plots import style
from bayes_scaling.posterior.fit import Fit

SAME_COMPUTE = 2  # decimals of a decade


def residual_table(fit: Fit) -> pd.DataFrame:
    """How far each fitted run lies from its posterior prediction.

    Returns
    -------
    DataFrame
        row, architecture, context_length, compute (FLOPs), loss and predicted (nats per token, the
        posterior predictive median), residual, q05 and q95 (percent of predicted: the run, and the
        90% interval of a new run of its design), inside (whether the interval holds the run).
    """
    frame = fit.runs.frame
    draws = fit.idata["posterior_predictive"]["loss"].transpose("chain", "draw", "run").to_numpy()
    low, middle, high = np.quantile(draws.reshape(-1, draws.shape[-1]), [0.05, 0.5, 0.95], axis=0)
    loss = frame["loss"].to_numpy(dtype=float)
    table = frame[["architecture", "context_length", "flops", "loss"]].rename(columns={"flops": "compute"})
    table.insert(0, "row", range(len(table)))
    percent = {k: 100 * (v / middle - 1) for k, v in (("residual", loss), ("q05", low), ("q95", high))}
    return table.assign(predicted=middle, **percent, inside=(loss >= low) & (loss <= high))


@style.in_own_unit
def plot_residuals(
    found: Fit | pd.DataFrame, *, ax: Any = None, figsize: tuple[float, float] | None = None
) -> Figure:
    """Residuals in percent of the loss against compute, with the 90% predictive interval.

    The band is the mean of the intervals of runs of equal compute; whether a run is
    inside is judged by its own interval.

    Parameters
    ----------
    found : Fit, or `residual_table`
    ax : array of Axes, a row for each architecture, a column for each context length, optional
        Where to draw. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure
    """
    table = residual_table(found) if isinstance(found, Fit) else found
    place = style.Place(ax, figsize)
    names = sorted(table["architecture"].unique())
    lengths = sorted(table["context_length"].unique())
    palette = style.colours(names)
    figure, axes = style.panels(len(names), len(lengths), place, sharex=True, sharey=True)
    groups = dict(iter(table.groupby(["architecture", "context_length"])))
    for row, name in zip(axes, names, strict=True):
        for panel, length in zip(row, lengths, strict=True):
            style.title(panel, f"{name}, {style.tokens_label(length)}")
            style.log_axis(panel, "x")
            if (name, length) in groups:
                _panel(panel, groups[name, length], palette[name])
        row[0].set_ylabel("loss less prediction (%)")
    for panel in axes[-1]:
        panel.set_xlabel("compute (FLOPs)")
    entries = style.inside_entries(table["inside"].mean(), "run", "90% predictive interval")
    style.legend_below(figure, entries, place)
    return figure


def _panel(ax: Axes, table: pd.DataFrame, colour: str) -> None:
    ax.axhline(0, color=style.GREY, lw=0.8)
    band = _band(table)
    ax.fill_between(band["compute"], band["q05"], band["q95"], color=colour, alpha=style.BAND, lw=0)
    for inside, part in table.groupby("inside"):
        face, edge, width = (colour, "white", 0.4) if inside else ("white", colour, 1.1)
        ax.plot(part["compute"], part["residual"], "o", ms=3.8, mfc=face, mec=edge, mew=width)


def _band(table: pd.DataFrame) -> pd.DataFrame:
    """The intervals of the runs, averaged over runs of nearly one compute, in order of compute."""
    bins = np.log10(table["compute"]).round(SAME_COMPUTE)
    return table.groupby(bins)[["compute", "q05", "q95"]].mean()
