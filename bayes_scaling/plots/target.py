"""What a wanted loss or size takes."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling.plots import style
from bayes_scaling.questions.targets import Target

TITLES = {
    "compute": "compute (FLOPs)",
    "params": "params",
    "tokens": "tokens",
    "loss": "loss (nats/token)",
}
SHOWN = {"loss": ("compute", "params"), "params": ("compute", "loss")}
APART = 0.012  # between groups at one value, as a share of it


@style.in_own_unit
def plot_target(found: Target, *, ax: Any = None, figsize: tuple[float, float] | None = None) -> Figure:
    """Medians and 90% intervals of what reaches each value: compute, and params or the loss.

    Parameters
    ----------
    found : Target
    ax : array of two Axes, optional
        Where to draw. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure
    """
    table = found.table(full=True)
    palette = style.colours(sorted(table["architecture"].unique()))
    lines = style.lines(table["context_length"])
    place = style.Place(ax, figsize)
    names = SHOWN[found.target]
    figure, axes = style.panels(1, len(names), place, height=2.4)
    groups = list(table.groupby(["architecture", "context_length"], observed=True))
    for panel, name in zip(axes[0], names, strict=True):
        if name != "loss":
            style.log_axis(panel, "y", style.short_count if name == "params" else None)
        if found.target == "params":
            style.log_axis(panel, "x", style.short_count)
        for i, ((architecture, length), part) in enumerate(groups):
            moved = 1 + APART * (i - (len(groups) - 1) / 2)
            x = part[found.target] * moved if found.target == "params" else part[found.target]
            _group(panel, x, part, name, palette[str(architecture)], lines[int(str(length))])
        panel.set_xlabel(TITLES[found.target])
        panel.set_ylabel(TITLES[name])
    entries: list[Any] = [style.swatch(colour, name) for name, colour in palette.items()]
    for length, line in lines.items():
        entries.append(Line2D([], [], color="black", ls=line, lw=1.2, label=style.tokens_label(length)))
    style.legend_below(figure, [*entries, style.band_swatch()], place)
    return figure


def _group(ax: Axes, x: Any, part: Any, name: str, colour: str, line: Any) -> None:
    """One group's band; bars where there is a single value."""
    low, middle, high = (part[f"{name}_{end}"] for end in ("q05", "median", "q95"))
    if len(part) > 1:
        ax.fill_between(x, low, high, color=colour, alpha=style.BAND, lw=0)
        ax.plot(x, middle, color=colour, ls=line, lw=1.4)
    else:
        ax.errorbar(x, middle, [middle - low, high - middle], fmt="o", ms=3, color=colour, capsize=2)
