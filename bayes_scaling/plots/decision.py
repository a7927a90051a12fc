"""Loss along a budget with the action and the region in which little is lost, rivals side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling.decisions.decide import Decision
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.plots import style

QUESTION = ["context_length", "compute"]
MOST = 6


@style.in_own_unit
def plot_decision(found: Decision, *, ax: Any = None, figsize: tuple[float, float] | None = None) -> Figure:
    """Loss and P(little is lost) against params, one column a context length and budget.

    Parameters
    ----------
    found : Decision
        Of six context lengths and budgets at most.
    ax : array of Axes, optional
        Two rows, a column for each context length and budget. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure

    Raises
    ------
    BayesScalingError
        Nothing is feasible, there are more columns than six, or another number of axes.
    """
    table = found.table(full=True)
    table = table[table["feasible"]]
    questions = list(table[QUESTION].drop_duplicates().itertuples(index=False, name=None))
    if not 0 < len(questions) <= MOST:
        raise BayesScalingError(
            f"{len(questions)} decisions cannot be drawn: ask for 1 to {MOST} context lengths and budgets"
        )
    palette = style.colours(sorted(table["architecture"].unique()))
    place = style.Place(ax, figsize)
    figure, axes = style.panels(2, len(questions), place, sharex="col", sharey="row", height_ratios=(1.5, 1))
    for (length, compute), (top, bottom) in zip(questions, axes.T, strict=True):
        rows = table[(table["context_length"] == length) & (table["compute"] == compute)]
        for row in rows.to_dict("records"):
            curve = _curve(found.curves, row)
            colour = palette[row["architecture"]]
            _loss(top, curve, row, colour)
            _within(bottom, curve, row, colour)
        bottom.axhline(found.confidence, color=style.GREY, lw=0.8, ls=(0, (3, 2)))
        bottom.set_ylim(0, 1.02)
        bottom.set_xlabel("params")
        style.title(top, f"{style.short_power(compute)} FLOPs,\n{style.tokens_label(length)}")
    axes[0, 0].set_ylabel("loss (nats/token)")
    axes[1, 0].set_ylabel(f"P(regret < {found.tolerance:g})")
    style.legend_below(figure, _entries(found, table, palette), place)
    return figure


def _curve(curves: pd.DataFrame, row: dict[Any, Any]) -> pd.DataFrame:
    """The curve of one architecture along one budget."""
    for name in ("architecture", *QUESTION):
        curves = curves[curves[name] == row[name]]
    return curves


def _loss(ax: Axes, curve: pd.DataFrame, row: dict[Any, Any], colour: str) -> None:
    style.log_axis(ax, "x", style.short_count)
    ax.fill_between(
        curve["params"], curve["loss_q05"], curve["loss_q95"], color=colour, alpha=style.BAND, lw=0
    )
    ax.plot(curve["params"], curve["objective"], color=colour, lw=1.5)
    fill = colour if row["chosen"] else "white"
    ax.plot([row["params"]], [row["objective"]], "o", mfc=fill, mec=colour, ms=5, zorder=4)


def _within(ax: Axes, curve: pd.DataFrame, row: dict[Any, Any], colour: str) -> None:
    style.log_axis(ax, "x", style.short_count)
    ax.plot(curve["params"], curve["within"], color=colour, lw=1.5)
    if np.isfinite(row["flat_low"]):
        inside = curve["params"].between(row["flat_low"] * (1 - 1e-9), row["flat_high"] * (1 + 1e-9))
        ax.fill_between(
            curve["params"], 0, curve["within"], where=inside.to_numpy(), color=colour, alpha=0.15, lw=0
        )


def _entries(found: Decision, table: pd.DataFrame, palette: dict[Any, str]) -> list[Any]:
    dot: dict[str, Any] = {"marker": "o", "ls": "", "ms": 5, "mec": style.GREY}
    entries: list[Any] = [
        *(style.swatch(colour, f"{name}, {found.utility}") for name, colour in palette.items()),
        style.band_swatch(label="90% of the draws"),
        Line2D([], [], mfc=style.GREY, label="chosen", **dot),
    ]
    if not table["chosen"].all():
        entries.append(Line2D([], [], mfc="white", label="rival", **dot))
    if table["flat_low"].notna().any():
        entries.append(style.band_swatch(label=f"flat region, {found.confidence:.0%}", alpha=0.2))
    return entries
