"""Compute-optimal params, tokens and loss against compute."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.plots import style
from bayes_scaling.questions.frontier import Frontier

QUANTITIES = {"params": "optimal params", "tokens": "optimal tokens", "loss": "loss (nats/token)"}


@style.in_own_unit
def plot_frontier(
    found: Frontier | pd.DataFrame,
    truth: pd.DataFrame | None = None,
    *,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Median, 50% and 90% bands of N*, D* and L* against compute, one row of panels a context length.

    Parameters
    ----------
    found : Frontier, or its full table
        Of two budgets or more.
    truth : DataFrame, optional
        Known optima of simulated runs: architecture, context_length, compute, params, tokens, loss.
    ax : array of Axes, optional
        Three for each context length. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure

    Raises
    ------
    BayesScalingError
        Fewer than two budgets, or another number of axes.

    Examples
    --------
    >>> found = frontier(fit, compute=np.geomspace(1e19, 1e22, 30))  # doctest: +SKIP
    >>> plot_frontier(found).savefig("frontier.pdf")  # doctest: +SKIP
    """
    table = style.full_table(found)
    if table["compute"].nunique() < 2:
        raise BayesScalingError("a frontier is drawn over two budgets or more; give more compute values")
    lengths = sorted(table["context_length"].unique())
    palette = style.colours(sorted(table["architecture"].unique()))
    place = style.Place(ax, figsize)
    figure, axes = style.panels(len(lengths), len(QUANTITIES), place, sharex=True)
    for row, length in zip(axes, lengths, strict=True):
        part = table[table["context_length"] == length]
        known = None if truth is None else truth[truth["context_length"] == length]
        for panel, name in zip(row, QUANTITIES, strict=True):
            _panel(panel, name, part, palette, known)
        style.title(row[0], style.tokens_label(length))
    for panel in axes[-1]:
        panel.set_xlabel("compute (FLOPs)")
    entries = [style.swatch(colour, name) for name, colour in palette.items()]
    style.legend_below(figure, [*entries, *_entries(table, truth is not None)], place)
    return figure


def _panel(
    ax: Axes, name: str, table: pd.DataFrame, palette: dict[str, str], truth: pd.DataFrame | None
) -> None:
    style.log_axis(ax, "x")
    if name != "loss":
        style.log_axis(ax, "y", style.short_count)
    ax.set_ylabel(QUANTITIES[name])
    for architecture, part in table.groupby("architecture"):
        colour = palette[str(architecture)]
        part = part.sort_values("compute")
        x = part["compute"]
        for low, high, alpha in (("q05", "q95", style.BAND), ("q25", "q75", style.INNER_BAND)):
            ax.fill_between(x, part[f"{name}_{low}"], part[f"{name}_{high}"], color=colour, alpha=alpha, lw=0)
        ax.plot(x, part[f"{name}_median"], color=colour, lw=1.5)
    for _, part in truth.groupby("architecture") if truth is not None else ():
        part = part.sort_values("compute")
        ax.plot(part["compute"], part[name], color="black", lw=1, ls=(0, (2, 2)))
    ax.set_xlim(table["compute"].min(), table["compute"].max())
    style.beyond(ax, style.runs_end(table))


def _entries(table: pd.DataFrame, truth: bool) -> list[Any]:
    entries: list[Any] = [style.band_swatch(label="50% and 90% intervals")]
    if truth:
        entries.append(Line2D([], [], color="black", lw=1, ls=(0, (2, 2)), label="simulated truth"))
    return [*entries, *style.beyond_entry(table)]
