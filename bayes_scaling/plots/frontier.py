"""Compute-optimal params, tokens and loss against compute."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.plots import style
from bayes_scaling.runs.reach import column_of

COMPUTE = column_of("compute")
QUANTITIES = {"params": "optimal params", "tokens": "optimal tokens", "loss": "loss there (nats/token)"}


def plot_frontier(table: pd.DataFrame, truth: pd.DataFrame | None = None) -> Figure:
    """Median, 50% and 90% bands of N*, D* and L* against compute, one row of panels a context length.

    Parameters
    ----------
    table : DataFrame
        `bayes_scaling.questions.frontier.Frontier.table`; two budgets or more.
    truth : DataFrame, optional
        Known optima of simulated runs: architecture, context_length, compute, params, tokens, loss.

    Returns
    -------
    Figure

    Raises
    ------
    BayesScalingError
        Fewer than two budgets.

    Examples
    --------
    >>> table = frontier(fit, compute=np.geomspace(1e19, 1e22, 30)).table()  # doctest: +SKIP
    >>> plot_frontier(table).savefig("frontier.png")  # doctest: +SKIP
    """
    if table["compute"].nunique() < 2:
        raise BayesScalingError("a frontier is drawn over two budgets or more; give more compute values")
    lengths = sorted(table["context_length"].unique())
    palette = style.colours(sorted(table["architecture"].unique()))
    figure, axes = style.panels(len(lengths), len(QUANTITIES), sharex=True)
    for row, length in zip(axes, lengths, strict=True):
        part = table[table["context_length"] == length]
        known = None if truth is None else truth[truth["context_length"] == length]
        for ax, name in zip(row, QUANTITIES, strict=True):
            _panel(ax, name, part, palette, known)
        row[0].set_title(style.tokens_label(length), loc="left", fontsize=style.TEXT)
    for ax in axes[-1]:
        ax.set_xlabel("training compute (FLOPs)")
    style.legend_below(figure, _entries(palette, truth is not None, _beyond(table) is not None))
    return figure


def _panel(
    ax: Axes, name: str, table: pd.DataFrame, palette: dict[str, str], truth: pd.DataFrame | None
) -> None:
    style.log_axis(ax, "x")
    if name != "loss":
        style.log_axis(ax, "y", counts=True)
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
    edge = _beyond(table)
    if edge is not None:
        ax.axvspan(edge, table["compute"].max(), color="#F0F0F0", zorder=0, lw=0)


def _beyond(table: pd.DataFrame) -> float | None:
    """Smallest budget above the runs of every group, None where none is."""
    if COMPUTE not in table:
        return None
    reach = table.groupby("compute")[COMPUTE].min()
    inside = reach[reach == 0].index
    if not len(inside) or inside.max() == reach.index.max():
        return None
    return float(inside.max())


def _entries(palette: dict[str, str], truth: bool, beyond: bool) -> list[object]:
    entries: list[object] = [style.swatch(colour, name) for name, colour in palette.items()]
    entries.append(style.band_swatch(label="50% and 90% intervals"))
    if truth:
        entries.append(Line2D([], [], color="black", lw=1, ls=(0, (2, 2)), label="simulated truth"))
    if beyond:
        entries.append(style.band_swatch("#D8D8D8", "beyond the runs", 0.6))
    return entries
