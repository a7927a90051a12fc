"""A verdict on predictions: errors beside the intervals that were promised, and how often they held."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling.calibration.judging import INTERVALS
from bayes_scaling.plots import style


@style.in_own_unit
def plot_verdict(
    runs: pd.DataFrame,
    groups: pd.DataFrame,
    distances: pd.DataFrame,
    *,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Three panels: error of each run over its intervals, shares inside by level, shares by distance.

    Parameters
    ----------
    runs, groups, distances : DataFrame
        Of a `bayes_scaling.calibration.judging.Verdict`.
    ax : array of three Axes, optional
        Where to draw. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure
    """
    place = style.Place(ax, figsize)
    figure, axes = style.panels(1, 3, place, height=2.3)
    errors, levels, far = axes.ravel()
    palette = style.colours(sorted(runs["architecture"].astype(str).unique()))
    _errors(errors, runs, palette)
    _levels(levels, groups.iloc[-1])
    _far(far, distances.iloc[:-1])
    names = [style.swatch(colour, name) for name, colour in palette.items()]
    style.legend_below(figure, [*names, *_entries()], place, columns=3)
    return figure


def _errors(ax: Axes, runs: pd.DataFrame, palette: dict[Any, str]) -> None:
    """Runs from the cheapest to the dearest; a bar is what was promised, a dot what came."""
    flops = "flops" if "flops" in runs else "params"
    table = runs.sort_values(flops, kind="stable").reset_index(drop=True)
    thick = min(3.0, 80 / len(table))
    for x, row in enumerate(table.to_dict("records")):
        colour = palette[str(row["architecture"])]
        for (low, high), width in ((("q05", "q95"), thick / 3), (("q25", "q75"), thick)):
            ends = (row[low] - row["median"], row[high] - row["median"])
            ax.plot([x, x], ends, color=colour, lw=width, solid_capstyle="butt", alpha=0.7)
        fill = "black" if row["inside_90"] else "white"
        ax.plot(x, row["error"], "o", ms=3.5, mfc=fill, mec="black", mew=0.8)
    ax.axhline(0, color=style.GREY, lw=0.8, ls="--")
    ax.set(xlabel=f"runs, by {'FLOPs' if flops == 'flops' else flops}", xticks=[])
    ax.set_ylabel("loss less median (nats/token)")


def _levels(ax: Axes, total: pd.Series) -> None:
    """What was promised against what held."""
    known = [level for level in INTERVALS if total[f"inside_{level}"] == total[f"inside_{level}"]]
    ax.plot([0, 1], [0, 1], color=style.GREY, lw=0.8, ls="--")
    _shares(ax, np.array(known) / 100, [total] * len(known), known)
    ax.set(xlim=(0.4, 1.0), ylim=(0, 1.03), xlabel="promised share", ylabel="share inside")
    ax.set_xticks([level / 100 for level in known], [f"{level}%" for level in known])


def _far(ax: Axes, distances: pd.DataFrame) -> None:
    ax.axhline(0.9, color=style.GREY, lw=0.8, ls="--")
    rows = [row for _, row in distances.iterrows()]
    _shares(ax, np.arange(len(rows)), rows, [90] * len(rows))
    labels = [f"{row['distance']}\n{row['runs']:.0f} runs" for row in rows]
    ax.set_xticks(range(len(rows)), labels)
    ax.set(xlim=(-0.6, len(rows) - 0.4), ylim=(0, 1.03))
    ax.set(xlabel="decades beyond the runs", ylabel="share in 90% interval")


def _shares(ax: Axes, x: np.ndarray, rows: list[pd.Series], levels: list[int]) -> None:
    """Dots with binomial intervals."""
    for at, row, level in zip(x, rows, levels, strict=True):
        name = f"inside_{level}"
        ax.plot([at, at], [row[f"{name}_low"], row[f"{name}_high"]], color="black", lw=1)
        ax.plot(at, row[name], "o", ms=4.5, color="black")


def _entries() -> list[Any]:
    dot: dict[str, Any] = {"marker": "o", "ls": "", "ms": 4, "mec": "black"}
    return [
        Line2D([], [], color=style.GREY, lw=1, label="90% interval of one run (50% thick)"),
        Line2D([], [], mfc="black", label="measured", **dot),
        Line2D([], [], mfc="white", label="measured, outside 90%", **dot),
        Line2D([], [], color="black", lw=1, label="90% range of chance"),
    ]
