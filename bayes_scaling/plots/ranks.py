"""Ranks of simulated truths: their empirical distribution less the uniform one."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling.calibration.sbc import RANKED, Sbc
from bayes_scaling.calibration.uniformity import ecdf_at, uniform_band
from bayes_scaling.plots import style

COLUMNS = 4


@style.in_own_unit
def plot_ranks(
    found: Sbc | pd.DataFrame,
    draws: int = RANKED,
    level: float = 0.95,
    *,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """One panel a kind of quantity, one line a group; the band holds a calibrated line with ``level``.

    Parameters
    ----------
    found : Sbc, or its ``ranks``
    draws : int
        The largest rank.
    level : float
    ax : array of Axes, four in a row, optional
        Where to draw. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure
    """
    ranks = found.ranks if isinstance(found, Sbc) else found
    kinds = list(dict.fromkeys(str(name).split(" [")[0] for name in ranks))
    band = uniform_band(len(ranks), draws, level)
    rows = -(-len(kinds) // COLUMNS)
    place = style.Place(ax, figsize)
    figure, axes = style.panels(rows, COLUMNS, place, height=1.5, sharex=True, sharey=True)
    for panel, kind in zip(axes.ravel(), kinds, strict=False):
        panel.fill_between(
            band.points, band.lower - band.points, band.upper - band.points, color=style.GREY, alpha=0.3, lw=0
        )
        for i, name in enumerate(n for n in ranks if str(n).split(" [")[0] == kind):
            curve = ecdf_at(ranks[name].to_numpy(), draws, band.points)
            panel.plot(band.points, curve - band.points, color=style.PALETTE[i % len(style.PALETTE)], lw=1)
        panel.axhline(0, color=style.GREY, lw=0.6)
        style.title(panel, kind.replace("_", " "))
        panel.set_xlim(0, 1)
    for panel in axes.ravel()[len(kinds) :]:
        panel.set_visible(False)
    for panel in axes[:, 0]:
        panel.set_ylabel("ECDF less uniform")
    for panel in axes.ravel()[: len(kinds)][-COLUMNS:]:
        panel.set_xlabel("rank of truth (share)")
        panel.tick_params(labelbottom=True)
    entries = [
        style.band_swatch(style.GREY, f"{level:.0%} of calibrated lines", 0.3),
        Line2D([], [], color=style.PALETTE[0], lw=1, label="one line per group"),
    ]
    style.legend_below(figure, entries, place)
    return figure
