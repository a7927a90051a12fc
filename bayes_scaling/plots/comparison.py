"""Which architecture wins, against compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.plots import style

if TYPE_CHECKING:
    import pandas as pd


def plot_comparison(table: pd.DataFrame) -> Figure:
    """Probability of the lower loss and compute multiplier against compute, one column a pair.

    Parameters
    ----------
    table : DataFrame
        `bayes_scaling.compare.Comparison.table`; two budgets or more. Of the two orders of a pair the
        one with the higher probability on average is drawn.

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
    palette = style.colours(sorted(table["context_length"].unique()))
    figure, axes = style.panels(2, len(pairs), sharex=True, sharey="row", height_ratios=(1, 1.5))
    figure.set_figwidth(max(4.6, figure.get_figwidth()))
    for (first, other), (top, bottom) in zip(pairs, axes.T, strict=True):
        part = table[(table["architecture"] == first) & (table["other"] == other)]
        _probability(top, part, palette)
        _multiplier(bottom, part, palette)
        top.set_title(f"{first} against {other}", loc="left", fontsize=style.TEXT)
        top.set_ylabel(f"P({first} has the lower loss)")
        bottom.set_ylabel(f"compute {other} needs\nfor the same loss")
        bottom.set_xlabel(f"training compute of {first} (FLOPs)")
    entries: list[Any] = [style.swatch(colour, style.tokens_label(c)) for c, colour in palette.items()]
    style.legend_below(figure, [*entries, style.band_swatch()], columns=4 if len(pairs) > 1 else 2)
    return figure


def _pairs(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Each pair once, the likelier winner first."""
    mean = table.groupby(["architecture", "other"])["probability"].mean()
    ranked = mean.sort_values(ascending=False, kind="stable").index.tolist()
    chosen = {frozenset(pair): pair for pair in reversed(ranked)}
    return sorted(chosen.values())


def _probability(ax: Axes, table: pd.DataFrame, palette: dict[Any, str]) -> None:
    style.log_axis(ax, "x")
    ax.axhline(0.5, color=style.GREY, lw=0.8)
    for length, part in table.groupby("context_length"):
        part = part.sort_values("compute")
        ax.plot(part["compute"], part["probability"], color=palette[length], lw=1.5, clip_on=False)
    ax.set_ylim(0, 1.02)


def _multiplier(ax: Axes, table: pd.DataFrame, palette: dict[Any, str]) -> None:
    style.log_axis(ax, "x")
    style.log_axis(ax, "y", counts=True, subs=(1, 1.5, 2, 3, 5, 7))
    ax.axhline(1, color=style.GREY, lw=0.8)
    for length, part in table.groupby("context_length"):
        part, colour = part.sort_values("compute"), palette[length]
        low, high = (part[f"multiplier_{q}"] for q in ("q05", "q95"))
        ax.fill_between(part["compute"], low, high, color=colour, alpha=style.BAND, lw=0)
        ax.plot(part["compute"], part["multiplier_median"], color=colour, lw=1.5)
    ax.set_xlim(table["compute"].min(), table["compute"].max())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
