"""What the data taught: prior against posterior of each coefficient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import gaussian_kde

from bayes_scaling.laws.coefficients import NEUTRAL
from bayes_scaling.plots import style
from bayes_scaling.posterior.fit import Fit

POINTS = 200
EDGES = (0.005, 0.995)  # quantiles between which a density is drawn
UNITS = {"E": "nats/token", "repeat_tokens": "epochs", "A": "nats$^{1/\\gamma}$", "B": "nats$^{1/\\gamma}$"}
SYMBOLS = {"alpha": "$\\alpha$", "beta": "$\\beta$", "gamma": "$\\gamma$", "eta": "$\\eta$"}
SYMBOLS |= {"repeat_tokens": "worth of repeated tokens", "repeat_params": "worth of excess params"}
SYMBOLS |= {"overfit": "most that repetition adds", "overfit_params": "its exponent of params"}
SYMBOLS |= {"overfit_epochs": "epochs of overfitting"}
UNITS |= {"overfit": "nats/token", "overfit_epochs": "epochs"}
SIGNED = ("eta",)
FEWEST = 10  # different draws that make a density
COLUMNS = 3
FEW_DECADES = 2.5


def coefficient_densities(fit: Fit) -> pd.DataFrame:
    """Prior and posterior densities of the law's coefficients in every group that has runs.

    Returns
    -------
    DataFrame
        source (prior or posterior), variable, architecture, context_length, value (in the unit of the
        variable), density (of ln value, of the value itself where it may be negative; scaled to a peak of 1).
        The prior is the first group's: groups share it, but for differences within a context slope. Of a
        stack only the draws of laws that have the coefficient.
    """
    groups = list(zip(fit.runs.groups["architecture"], fit.runs.groups["context_length"], strict=True))
    prior = fit.idata["prior"].to_dataset()
    parts = []
    for name in fit.law.names:
        parts.append(_density("prior", name, groups[0], prior))
        parts += [_density("posterior", name, group, fit.posterior) for group in groups]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


@style.in_own_unit
def plot_coefficients(
    found: Fit | pd.DataFrame, *, ax: Any = None, figsize: tuple[float, float] | None = None
) -> Figure:
    """Prior (grey) and posterior densities, one panel a coefficient.

    Parameters
    ----------
    found : Fit, or `coefficient_densities`
    ax : array of Axes, three in a row, optional
        Where to draw. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure
    """
    table = coefficient_densities(found) if isinstance(found, Fit) else found
    place = style.Place(ax, figsize)
    names = list(dict.fromkeys(table["variable"]))
    groups = table[table["source"] == "posterior"]
    palette = style.colours(sorted(groups["architecture"].unique()))
    lines = style.lines(groups["context_length"])
    figure, axes = style.panels(-(-len(names) // COLUMNS), COLUMNS, place, height=1.6)
    for panel, name in zip(axes.ravel(), names, strict=False):
        _panel(panel, table[table["variable"] == name], palette, lines)
        panel.set_xlabel(", ".join(filter(None, (SYMBOLS.get(name, name), _unit(name)))))
    for panel in axes.ravel()[len(names) :]:
        panel.set_visible(False)
    for row in axes:
        row[0].set_ylabel("density")
    style.legend_below(figure, _entries(palette, lines), place)
    return figure


def _panel(ax: Axes, table: pd.DataFrame, palette: dict[Any, str], lines: dict[Any, Any]) -> None:
    if table["value"].min() > 0:
        decades = np.log10(table["value"].max() / table["value"].min())
        style.log_axis(ax, "x", "{:g}".format if decades < FEW_DECADES else style.short_power)
    keys: Any
    for keys, part in table.groupby(["source", "architecture", "context_length"]):
        source, architecture, length = keys
        x = part["value"]
        y = part["density"]
        if source == "prior":
            ax.fill_between(x, y, color=style.GREY, alpha=0.35, lw=0)
        else:
            ax.plot(x, y, color=palette[architecture], ls=lines[length], lw=1.2)
    ax.set_ylim(0, 1.05)
    ax.yaxis.set_ticks([])


def _density(source: str, name: str, group: tuple[str, int], draws: Any) -> pd.DataFrame:
    cell = draws[name].sel(architecture=group[0], context_length=group[1])
    values = cell.to_numpy().ravel()
    values = values[values != NEUTRAL.get(name)]
    if np.unique(values).size < FEWEST:
        return pd.DataFrame()
    signed = name in SIGNED
    shown = values if signed else np.log(values)
    low, high = np.quantile(shown, EDGES)
    grid = np.linspace(low, high, POINTS)
    density = gaussian_kde(shown)(grid)
    where = {"source": source, "variable": name, "architecture": group[0], "context_length": group[1]}
    at = grid if signed else np.exp(grid)
    return pd.DataFrame({**where, "value": at, "density": density / density.max()})


def _unit(name: str) -> str:
    return UNITS.get(name, "")


def _entries(palette: dict[str, str], lines: dict[int, Any]) -> list[Any]:
    return [
        style.band_swatch(style.GREY, "prior", 0.35),
        *(style.swatch(colour, name) for name, colour in palette.items()),
        *(
            Line2D([], [], color="black", ls=line, lw=1.2, label=style.tokens_label(length))
            for length, line in lines.items()
        ),
    ]
