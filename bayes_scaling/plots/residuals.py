"""Runs against what the model says of them."""

from __future__ import annotations

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


def plot_residuals(table: pd.DataFrame) -> Figure:
    """Residuals in percent of the loss against compute, with the 90% predictive interval.

    The band is the mean of the intervals of runs of equal compute; whether a run is
    inside is judged by its own interval.

    Parameters
    ----------
    table : DataFrame
        `residual_table`.

    Returns
    -------
    Figure
    """
    names = sorted(table["architecture"].unique())
    lengths = sorted(table["context_length"].unique())
    palette = style.colours(names)
    figure, axes = style.panels(len(names), len(lengths), sharex=True, sharey=True)
    groups = dict(iter(table.groupby(["architecture", "context_length"])))
    for row, name in zip(axes, names, strict=True):
        for ax, length in zip(row, lengths, strict=True):
            ax.set_title(f"{name}, {style.tokens_label(length)}", loc="left", fontsize=style.TEXT)
            style.log_axis(ax, "x")
            if (name, length) in groups:
                _panel(ax, groups[name, length], palette[name])
        row[0].set_ylabel("loss over prediction (%)")
    for ax in axes[-1]:
        ax.set_xlabel("training compute (FLOPs)")
    entries = style.inside_entries(table["inside"].mean(), "run", "90% predictive interval")
    style.legend_below(figure, entries)
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
