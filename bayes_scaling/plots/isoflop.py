"""Runs of one budget and the posterior curve through them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import BayesScalingError, RunsWarning
from bayes_scaling.plots import style
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.prediction import predict_table

SAME_BUDGET = 0.06  # decades between neighbours in one budget
FEWEST = 4  # runs of a budget
SPREAD = 1.5  # the factor that their params must span
COST_DEGREE = 2
KEYS = ["architecture", "context_length"]


def isoflop_curves(fit: Fit, points: int = 40) -> pd.DataFrame:
    """Posterior of the loss against params at each budget that a group's runs were laid out on.

    Budgets are found in the runs: four or more whose compute is nearly the same while their params
    differ. Along a curve ln FLOPs per param and token follow a parabola in ln params through the runs.

    Parameters
    ----------
    fit : Fit
    points : int
        On each curve.

    Returns
    -------
    DataFrame
        architecture, context_length, compute (FLOPs), params, tokens, median, q05, q95 (nats per
        token, of the law's loss).

    Raises
    ------
    BayesScalingError
        The runs share no budgets.
    """
    frame = budgets(fit.runs.frame).dropna(subset="budget")
    if frame.empty:
        raise BayesScalingError("no isoFLOP curves: the runs share no budgets; plot the residuals instead")
    parts = [_along(part, keys, points) for keys, part in frame.groupby([*KEYS, "budget"])]
    design = pd.concat(parts, ignore_index=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)  # these are no runs
        planned = load_runs(design[[*KEYS, "params", "tokens"]], need_loss=False)
    return design.join(predict_table(fit.at(), planned)[["median", "q05", "q95"]])


def budgets(frame: pd.DataFrame) -> pd.DataFrame:
    """The runs with a column ``budget`` (FLOPs, the median of the budget's runs; NaN where in none)."""
    ordered = frame.sort_values("flops")
    logs = ordered.groupby(KEYS)["flops"].transform(lambda flops: _cluster(np.log10(flops.to_numpy())))
    groups = ordered.groupby([*KEYS, logs])
    middle = groups["flops"].transform("median")
    spread = groups["params"].transform("max") / groups["params"].transform("min")
    usable = (groups["params"].transform("size") >= FEWEST) & (spread >= SPREAD)
    return ordered.assign(budget=middle.where(usable)).sort_index()


@style.in_own_unit
def plot_isoflop(
    found: Fit | pd.DataFrame,
    runs: pd.DataFrame | None = None,
    *,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Loss against params at each budget: runs, posterior median and 90% band of the law.

    Parameters
    ----------
    found : Fit, or `isoflop_curves`
    runs : DataFrame, optional
        ``fit.runs.frame``, where curves are given; runs of no budget are left out.
    ax : array of Axes, a row for each architecture, a column for each context length, optional
        Where to draw. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure

    Raises
    ------
    BayesScalingError
        The runs share no budgets, curves without runs, or another number of axes.
    """
    if isinstance(found, Fit):
        curves = isoflop_curves(found)
        runs = found.runs.frame if runs is None else runs
    else:
        curves = found
    if runs is None:
        raise BayesScalingError("curves are drawn with the runs they are of: give runs=fit.runs.frame")
    place = style.Place(ax, figsize)
    names = sorted(curves["architecture"].unique())
    lengths = sorted(curves["context_length"].unique())
    figure, axes = style.panels(len(names), len(lengths), place, sharex=True, sharey="row")
    levels = _levels(curves["compute"].to_numpy())
    points = budgets(runs).dropna(subset="budget")
    for row, name in zip(axes, names, strict=True):
        for panel, length in zip(row, lengths, strict=True):
            here = {"architecture": name, "context_length": length}
            _panel(panel, _where(curves, here), _where(points, here), levels)
            style.title(panel, f"{name}, {style.tokens_label(length)}")
        row[0].set_ylabel("loss (nats/token)")
    for panel in axes[-1]:
        panel.set_xlabel("params")
    style.legend_below(figure, _entries(levels), place)
    return figure


def _panel(ax: Axes, curves: pd.DataFrame, runs: pd.DataFrame, levels: np.ndarray) -> None:
    style.log_axis(ax, "x", style.short_count)
    for compute, part in curves.groupby("compute"):
        colour = _colour(compute, levels)
        ax.fill_between(part["params"], part["q05"], part["q95"], color=colour, alpha=0.3, lw=0)
        ax.plot(part["params"], part["median"], color=colour, lw=1.2)
    for compute, part in runs.groupby("budget"):
        colour = _colour(compute, levels)
        ax.plot(part["params"], part["loss"], "o", color=colour, ms=3.5, mec="white", mew=0.4, lw=0)


def _along(part: pd.DataFrame, keys: Any, points: int) -> pd.DataFrame:
    """Params and tokens along one budget."""
    architecture, length, compute = keys
    part = part.sort_values("params")
    logs = np.log(part["params"].to_numpy())
    grid = np.linspace(logs[0] - 0.08, logs[-1] + 0.08, points)
    cost = np.log((part["flops"] / (part["params"] * part["tokens"])).to_numpy())
    smooth = np.polynomial.Polynomial.fit(logs, cost, COST_DEGREE)  # shapes make the cost of single runs jump
    tokens = np.log(compute) - grid - smooth(grid)
    columns = {"compute": compute, "params": np.exp(grid), "tokens": np.exp(tokens)}
    return pd.DataFrame({"architecture": architecture, "context_length": length, **columns})


def _cluster(logs: np.ndarray) -> np.ndarray:
    """A number for each stretch of sorted values without a gap."""
    return np.cumsum(np.diff(logs, prepend=logs[:1]) > SAME_BUDGET)


def _levels(compute: np.ndarray) -> np.ndarray:
    """One value for all groups' versions of a budget."""
    values = np.unique(compute)
    cluster = _cluster(np.log10(values))
    return np.array([np.median(values[cluster == c]) for c in np.unique(cluster)])


def _where(table: pd.DataFrame, values: dict[str, Any]) -> pd.DataFrame:
    for name, value in values.items():
        table = table[table[name] == value]
    return table


def _colour(compute: Any, levels: np.ndarray) -> Any:
    """Along viridis by rank, its pale end left out."""
    rank = int(np.abs(np.log(levels / compute)).argmin())
    return colormaps["viridis"](0.85 * rank / max(len(levels) - 1, 1))


def _entries(levels: np.ndarray) -> list[Any]:
    entries = [
        Line2D(
            [], [], color=_colour(c, levels), marker="o", ms=4, lw=1.2, label=f"{style.short_power(c)} FLOPs"
        )
        for c in levels
    ]
    return [*entries, style.band_swatch(label="90% interval of the law")]
