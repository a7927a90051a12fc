"""Ranks of simulated truths: their empirical distribution less the uniform one."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling.calibration.uniformity import ecdf_at, uniform_band
from bayes_scaling.plots import style

COLUMNS = 4


def plot_ranks(ranks: pd.DataFrame, draws: int, level: float = 0.95) -> Figure:
    """One panel a kind of quantity, one line a group; the band holds a calibrated line with ``level``.

    Parameters
    ----------
    ranks : DataFrame
        `bayes_scaling.calibration.sbc.Sbc.ranks`.
    draws : int
        The largest rank.
    level : float

    Returns
    -------
    Figure
    """
    kinds = list(dict.fromkeys(str(name).split(" [")[0] for name in ranks))
    band = uniform_band(len(ranks), draws, level)
    rows = -(-len(kinds) // COLUMNS)
    figure, axes = style.panels(rows, COLUMNS, sharex=True, sharey=True)
    for ax, kind in zip(axes.ravel(), kinds, strict=False):
        ax.fill_between(
            band.points, band.lower - band.points, band.upper - band.points, color=style.GREY, alpha=0.3, lw=0
        )
        for i, name in enumerate(n for n in ranks if str(n).split(" [")[0] == kind):
            curve = ecdf_at(ranks[name].to_numpy(), draws, band.points)
            ax.plot(band.points, curve - band.points, color=style.PALETTE[i % len(style.PALETTE)], lw=1)
        ax.axhline(0, color=style.GREY, lw=0.6)
        ax.set_title(kind.replace("_", " "), loc="left", fontsize=style.TEXT)
        ax.set_xlim(0, 1)
    for ax in axes.ravel()[len(kinds) :]:
        ax.set_visible(False)
    for ax in axes[:, 0]:
        ax.set_ylabel("ECDF less uniform")
    for ax in axes[-1]:
        ax.set_xlabel("rank of the truth")
    entries = [
        style.band_swatch(style.GREY, f"{level:.0%} of calibrated lines", 0.3),
        Line2D([], [], color=style.PALETTE[0], lw=1, label="one group"),
    ]
    style.legend_below(figure, entries)
    return figure
