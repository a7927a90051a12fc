"""The runs of a table: what was trained, and on how much."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling.plots import style
from bayes_scaling.runs.table import Runs

MARKERS = "osD^v<>P"


@style.in_own_unit
def plot_runs(found: Runs, *, ax: Any = None, figsize: tuple[float, float] | None = None) -> Figure:
    """Tokens against params of every run: a colour an architecture, a marker a context length.

    Parameters
    ----------
    found : Runs
    ax : Axes, optional
        Where to draw. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure
    """
    place = style.Place(ax, figsize)
    figure, axes = style.panels(1, 1, place, height=2.6)
    panel = axes[0, 0]
    style.log_axis(panel, "x", style.short_count)
    style.log_axis(panel, "y", style.short_count)
    palette = style.colours(found.architectures)
    marks = {length: MARKERS[i % len(MARKERS)] for i, length in enumerate(found.context_lengths)}
    for (name, length), part in found.frame.groupby(["architecture", "context_length"], observed=True):
        look: dict[str, Any] = {
            "color": palette[str(name)],
            "mec": "white",
            "mew": 0.3,
            "ms": 4,
            "alpha": 0.8,
        }
        panel.plot(part["params"], part["tokens"], marks[int(str(length))], **look)
    panel.set(xlabel="params", ylabel="tokens")
    entries = [style.swatch(colour, name) for name, colour in palette.items()]
    for length, mark in marks.items():
        label = style.tokens_label(length)
        entries.append(Line2D([], [], color=style.GREY, marker=mark, ls="", ms=4, label=label))
    style.legend_below(figure, entries, place)
    return figure
