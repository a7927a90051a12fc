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
from bayes_scaling.questions.compare import Comparison, pairs_once

OUTSIDE = 3.0  # times the medians' range, at which the multiplier's axis ends
NEVER: dict[str, Any] = {"ls": (0, (1.2, 1.6)), "lw": 1.2}
REACHED = 0.005  # share of the draws; fewer are not shown


@style.in_own_unit
def plot_comparison(
    found: Comparison | pd.DataFrame, *, ax: Any = None, figsize: tuple[float, float] | None = None
) -> Figure:
    """Probability of the lower loss and compute multiplier against compute, one column a context length.

    Where the other architecture reaches the loss in some draws only, the share of draws in which it never
    does is dotted beside the probability, and the band of the multiplier runs out of its axis.

    Parameters
    ----------
    found : Comparison, or its full table
        Of two budgets or more. Each pair is drawn in one order: first the one that wins more often.
    ax : array of Axes, optional
        Two rows for each pair, a column for each context length. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure

    Raises
    ------
    BayesScalingError
        Fewer than two budgets, or another number of axes.
    """
    table = pairs_once(style.full_table(found))
    if table["compute"].nunique() < 2:
        raise BayesScalingError("a comparison is drawn over two budgets or more; give more compute values")
    pairs = list(table[["architecture", "other"]].drop_duplicates().itertuples(index=False, name=None))
    lengths = sorted(table["context_length"].unique())
    palette = style.colours(sorted({*table["architecture"], *table["other"]}))
    place = style.Place(ax, figsize)
    ratios = [1.0, 1.3] * len(pairs)
    figure, axes = style.panels(
        2 * len(pairs), len(lengths), place, height=1.6, sharex=True, sharey="row", height_ratios=ratios
    )
    for i, (first, other) in enumerate(pairs):
        part = table[(table["architecture"] == first) & (table["other"] == other)]
        ends = _ends(part)
        for column, length in enumerate(lengths):
            here = part[part["context_length"] == length].sort_values("compute")
            _probability(axes[2 * i, column], here, palette[first])
            _multiplier(axes[2 * i + 1, column], here, palette[first], ends)
            style.title(axes[2 * i, column], style.tokens_label(length))
        axes[2 * i, 0].set_ylabel(f"P({first} has\nthe lower loss)")
        axes[2 * i + 1, 0].set_ylabel(f"compute {other} needs\nfor the same loss")
    for bottom in axes[-1]:
        bottom.set_xlabel("compute (FLOPs)")
    style.legend_below(figure, _entries(table, pairs, palette), place)
    return figure


def _ends(table: pd.DataFrame) -> tuple[float, float]:
    """Ends of the multiplier's axis: the intervals, as far as they stay near the medians."""
    low = table["multiplier_q05"].to_numpy(dtype=float)
    median = table["multiplier_median"].to_numpy(dtype=float)
    high = table["multiplier_q95"].to_numpy(dtype=float)
    known = median[np.isfinite(median)]
    least, most = (known.min(), known.max()) if known.size else (1.0, 1.0)
    start = max(low.min(), least / OUTSIDE)
    end = min(high.max(), most * OUTSIDE)
    return min(start, 1.0) / 1.05, max(end, 1.0) * 1.05


def _probability(ax: Axes, table: pd.DataFrame, colour: str) -> None:
    style.log_axis(ax, "x")
    ax.axhline(0.5, color=style.GREY, lw=0.8)
    ax.plot(table["compute"], table["probability"], color=colour, lw=1.5, clip_on=False)
    unreached = table["unreached_probability"].where(table["unreached_probability"] > REACHED)
    ax.plot(table["compute"], unreached, color=colour, **NEVER)
    ax.set_xlim(table["compute"].min(), table["compute"].max())
    ax.set_ylim(0, 1.02)
    style.beyond(ax, style.runs_end(table))


def _multiplier(ax: Axes, table: pd.DataFrame, colour: str, ends: tuple[float, float]) -> None:
    style.log_axis(ax, "x")
    style.log_axis(ax, "y")
    ax.axhline(1, color=style.GREY, lw=0.8)
    # An infinite end would leave a hole in the band; a finite one far outside runs out of the axis.
    most = 10 * ends[1]
    low = table["multiplier_q05"].clip(upper=most)
    high = table["multiplier_q95"].clip(upper=most)
    ax.fill_between(table["compute"], low, high, color=colour, alpha=style.BAND, lw=0)
    ax.plot(table["compute"], table["multiplier_median"].clip(upper=most), color=colour, lw=1.5)
    ax.set_xlim(table["compute"].min(), table["compute"].max())
    ax.set_ylim(*ends)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    style.beyond(ax, style.runs_end(table))


def _entries(table: pd.DataFrame, pairs: list[Any], palette: dict[Any, str]) -> list[Any]:
    entries: list[Any] = [
        style.swatch(palette[first], f"{first} against {other}, median") for first, other in pairs
    ]
    entries.append(style.band_swatch())
    if (table["unreached_probability"] > REACHED).any():
        entries.append(Line2D([], [], color=style.GREY, label="P(the other never reaches it)", **NEVER))
    return [*entries, *style.beyond_entry(table)]
