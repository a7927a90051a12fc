"""Loss along a budget with the action and the region in which little is lost."""

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

KEYS = ["architecture", "context_length", "compute"]
MOST = 6
FLAT = style.PALETTE[2]
ACTION = "black"


def plot_decision(decision: Decision) -> Figure:
    """Loss and P(little is lost) against params, one column a group and budget.

    Parameters
    ----------
    decision : Decision
        Of six groups and budgets at most.

    Returns
    -------
    Figure

    Raises
    ------
    BayesScalingError
        Nothing is feasible, or there are more columns than six.
    """
    table = decision.table(full=True)
    table = table[table["feasible"]]
    if not 0 < len(table) <= MOST:
        raise BayesScalingError(
            f"{len(table)} decisions cannot be drawn: ask for 1 to {MOST} groups and budgets"
        )
    figure, axes = style.panels(2, len(table), sharex=False, sharey="row", height_ratios=(1.5, 1))
    figure.set_figwidth(max(4.6, figure.get_figwidth()))
    for row, (top, bottom) in zip(table.to_dict("records"), axes.T, strict=True):
        part = decision.curves
        for key in KEYS:
            part = part[part[key] == row[key]]
        _loss(top, part, row)
        _within(bottom, part, row, decision)
        title = f"{row['architecture']}, {style.tokens_label(int(str(row['context_length'])))}"
        top.set_title(
            f"{title}\n{style.short_power(float(str(row['compute'])))} FLOPs", loc="left", fontsize=style.TEXT
        )
    axes[0, 0].set_ylabel("loss (nats/token)")
    axes[1, 0].set_ylabel(f"P(regret < {decision.tolerance:g})")
    style.legend_below(figure, _entries(decision), columns=2 if len(table) == 1 else 4)
    return figure


def _loss(ax: Axes, curve: pd.DataFrame, row: dict[Any, Any]) -> None:
    style.log_axis(ax, "x", counts=True, subs=_subs(curve))
    ax.fill_between(
        curve["params"], curve["loss_q05"], curve["loss_q95"], color=style.PALETTE[0], alpha=style.BAND, lw=0
    )
    ax.plot(curve["params"], curve["objective"], color=style.PALETTE[0], lw=1.6)
    ax.plot([row["params"]], [row["objective"]], "o", color=ACTION, ms=5, zorder=4)
    _flat(ax, row)


def _within(ax: Axes, curve: pd.DataFrame, row: dict[Any, Any], decision: Decision) -> None:
    style.log_axis(ax, "x", counts=True, subs=_subs(curve))
    ax.plot(curve["params"], curve["within"], color=style.PALETTE[0], lw=1.6)
    ax.axhline(decision.confidence, color=style.GREY, lw=0.8, ls=(0, (3, 2)))
    ax.axvline(row["params"], color=ACTION, lw=0.8)
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("params")
    _flat(ax, row)


def _subs(curve: pd.DataFrame) -> tuple[float, ...]:
    return (1,) if np.log10(curve["params"].max() / curve["params"].min()) > 2.5 else (1, 3)


def _flat(ax: Axes, row: dict[Any, Any]) -> None:
    if np.isfinite(row["flat_low"]):
        ax.axvspan(row["flat_low"], row["flat_high"], color=FLAT, alpha=0.15, lw=0, zorder=0)


def _entries(decision: Decision) -> list[Any]:
    return [
        style.swatch(style.PALETTE[0], f"{decision.utility} of the loss"),
        style.band_swatch(style.PALETTE[0], "90% of the draws"),
        Line2D([], [], color=ACTION, marker="o", ls="", ms=5, label="action"),
        style.band_swatch(FLAT, f"flat region, {decision.confidence:.0%}", alpha=0.3),
    ]
