"""Which architecture wins, against compute."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.plots import style

OUTSIDE = 3.0  # times the medians' range, at which the multiplier's axis ends
SUBS = (
    (4.0, (1, 1.2, 1.5, 2, 3, 5, 7)),
    (100.0, (1, 2, 5)),
    (1e4, (1, 3)),
    (np.inf, (1,)),
)  # ticks by the axis's ratio
BEYOND: dict[str, Any] = {"ls": (0, (1.2, 1.6)), "lw": 1.5}
REACHED = 0.005  # share of the draws; fewer are not shown


def plot_comparison(table: pd.DataFrame) -> Figure:
    """Probability of the lower loss and compute multiplier against compute, one column a pair.

    Where the other architecture reaches the loss in some draws only, the share of draws in which it never
    does is dotted beside the probability, and the band of the multiplier runs out of its axis.

    Parameters
    ----------
    table : DataFrame
        `bayes_scaling.questions.compare.Comparison.table`; two budgets or more. Of the two orders of a
        pair the one with the higher probability on average is drawn.

    Returns
    -------
    Figure

    Raises
    ------
    BayesScalingError
        Fewer than two budgets.
    """
    if table["compute"].nunique() < 2:
        raise BayesScalingError("a comparison is drawn over two budgets or more; give more compute values")
    pairs = _pairs(table)
    parts = [table[(table["architecture"] == first) & (table["other"] == other)] for first, other in pairs]
    palette = style.colours(sorted(table["context_length"].unique()))
    figure, axes = style.panels(2, len(pairs), sharex=True, sharey="row", height_ratios=(1, 1.5))
    figure.set_figwidth(max(4.6, figure.get_figwidth()))
    ends = _ends(parts)
    for (first, other), part, (top, bottom) in zip(pairs, parts, axes.T, strict=True):
        _probability(top, part, palette)
        _multiplier(bottom, part, palette, ends)
        top.set_title(f"{first} against {other}", loc="left", fontsize=style.TEXT)
        top.set_ylabel(f"P({first} has the lower loss)")
        bottom.set_ylabel(f"compute {other} needs\nfor the same loss")
        bottom.set_xlabel(f"training compute of {first} (FLOPs)")
    entries: list[Any] = [style.swatch(colour, style.tokens_label(c)) for c, colour in palette.items()]
    entries.append(style.band_swatch())
    if any((part["unreached_probability"] > REACHED).any() for part in parts):
        label = "P(the other never reaches the loss)"
        entries.append(Line2D([], [], color=style.GREY, label=label, **BEYOND))
    style.legend_below(figure, entries, columns=4 if len(pairs) > 1 else 2)
    return figure


def _pairs(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Each pair once, the likelier winner first."""
    mean = table.groupby(["architecture", "other"])["probability"].mean()
    ranked = mean.sort_values(ascending=False, kind="stable").index.tolist()
    chosen = {frozenset(pair): pair for pair in reversed(ranked)}
    return sorted(chosen.values())


def _ends(parts: list[pd.DataFrame]) -> tuple[float, float]:
    """Ends of the multiplier's axis: the intervals, as far as they stay near the medians."""
    table = pd.concat(parts)
    low = table["multiplier_q05"].to_numpy(dtype=float)
    median = table["multiplier_median"].to_numpy(dtype=float)
    high = table["multiplier_q95"].to_numpy(dtype=float)
    known = median[np.isfinite(median)]
    least, most = (known.min(), known.max()) if known.size else (1.0, 1.0)
    start = max(low.min(), least / OUTSIDE)
    end = min(high.max(), most * OUTSIDE)
    return min(start, 1.0) / 1.05, max(end, 1.0) * 1.05


def _probability(ax: Axes, table: pd.DataFrame, palette: dict[Any, str]) -> None:
    style.log_axis(ax, "x")
    ax.axhline(0.5, color=style.GREY, lw=0.8)
    for length, part in table.groupby("context_length"):
        part = part.sort_values("compute")
        ax.plot(part["compute"], part["probability"], color=palette[length], lw=1.5, clip_on=False)
        unreached = part["unreached_probability"].where(part["unreached_probability"] > REACHED)
        ax.plot(part["compute"], unreached, color=palette[length], **BEYOND)
    ax.set_ylim(0, 1.02)


def _multiplier(ax: Axes, table: pd.DataFrame, palette: dict[Any, str], ends: tuple[float, float]) -> None:
    style.log_axis(ax, "x")
    subs = next(subs for ratio, subs in SUBS if ends[1] / ends[0] <= ratio)
    style.log_axis(ax, "y", counts=True, subs=subs)
    ax.axhline(1, color=style.GREY, lw=0.8)
    for length, part in table.groupby("context_length"):
        part = part.sort_values("compute")
        colour = palette[length]
        # An infinite end would leave a hole in the band; a finite one far outside runs out of the axis.
        most = 10 * ends[1]
        low = part["multiplier_q05"].clip(upper=most)
        high = part["multiplier_q95"].clip(upper=most)
        ax.fill_between(part["compute"], low, high, color=colour, alpha=style.BAND, lw=0)
        ax.plot(part["compute"], part["multiplier_median"].clip(upper=most), color=colour, lw=1.5)
    ax.set_xlim(table["compute"].min(), table["compute"].max())
    ax.set_ylim(*ends)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
