"""Loss against compute at fixed tokens per param, the posterior beside straight lines."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling.classical import token_param_slopes
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import BayesScalingError, RunsWarning
from bayes_scaling.plots import style
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.prediction import predict_table

KEYS = ["architecture", "context_length"]
POINTS = 25
ACROSS = 3  # panels in a row
SAME_RATIO = 0.1  # difference of logs at which two ratios are one


def ratio_curves(fit: Fit, slopes: pd.DataFrame) -> pd.DataFrame:
    """Posterior loss along each line of fixed tokens per param, over the line's compute.

    FLOPs per token follow a parabola in ln params through the line's runs.

    Parameters
    ----------
    fit : Fit
    slopes : DataFrame
        `bayes_scaling.classical.token_param_slopes`.

    Returns
    -------
    DataFrame
        architecture, context_length, tokens_per_param, params, tokens, compute, median, q05, q95.
    """
    parts = [_design(row, fit) for _, row in slopes.iterrows()]
    design = pd.concat(parts, ignore_index=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)  # these are no runs
        planned = load_runs(design[[*KEYS, "params", "tokens"]], need_loss=False)
    return design.join(predict_table(fit.at(), planned)[["median", "q05", "q95"]])


@style.in_own_unit
def plot_ratios(
    found: Fit | pd.DataFrame,
    slopes: pd.DataFrame | None = None,
    runs: pd.DataFrame | None = None,
    *,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Loss against compute, one panel a group, one colour a ratio.

    Parameters
    ----------
    found : Fit, or `ratio_curves`
    slopes : DataFrame, optional
        `bayes_scaling.classical.token_param_slopes`; drawn as dashed lines. Of a fit: those of its runs.
    runs : DataFrame, optional
        ``fit.runs.frame``, where curves are given.
    ax : array of Axes, one for each group, optional
        Where to draw. Default: a figure of its own.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Figure
    """
    if isinstance(found, Fit):
        slopes = token_param_slopes(found.runs, resamples=0) if slopes is None else slopes
        runs = found.runs.frame if runs is None else runs
        curves = ratio_curves(found, slopes)
    else:
        curves = found
    if slopes is None or runs is None:
        raise BayesScalingError("curves are drawn with their slopes and runs: give slopes= and runs=")
    place = style.Place(ax, figsize)
    groups = list(curves[KEYS].drop_duplicates().itertuples(index=False, name=None))
    across = min(len(groups), ACROSS) if place.ax is None else len(groups)
    figure, axes = style.panels(-(-len(groups) // across), across, place, sharex=True, sharey=True)
    ratios = _levels(slopes["tokens_per_param"].to_numpy(dtype=float))
    for panel, (name, length) in zip(axes.ravel(), groups, strict=False):
        _panel(panel, _of(curves, name, length), _of(slopes, name, length), _of(runs, name, length), ratios)
        style.title(panel, f"{name}, {style.tokens_label(length)}")
    for panel in axes.ravel()[len(groups) :]:
        panel.set_visible(False)
    for panel in axes[-1]:
        panel.set_xlabel("compute (FLOPs)")
    for row in axes:
        row[0].set_ylabel("loss (nats/token)")
    entries: list[Any] = [style.swatch(_colour(r, ratios), f"{r:.3g} tokens/param") for r in ratios]
    dashed = Line2D([], [], color=style.GREY, lw=1, ls=(0, (3, 2)), label="straight line in logs")
    style.legend_below(figure, [*entries, style.band_swatch(label="90% interval of the law"), dashed], place)
    return figure


def _panel(
    ax: Axes, curves: pd.DataFrame, slopes: pd.DataFrame, runs: pd.DataFrame, ratios: list[float]
) -> None:
    style.log_axis(ax, "x")
    for ratio, part in curves.groupby("tokens_per_param"):
        colour = _colour(float(str(ratio)), ratios)
        ax.fill_between(part["compute"], part["q05"], part["q95"], color=colour, alpha=style.BAND, lw=0)
        ax.plot(part["compute"], part["median"], color=colour, lw=1.3)
    for _, row in slopes.iterrows():
        colour = _colour(row["tokens_per_param"], ratios)
        points = line_runs(runs, row)
        ax.plot(points["flops"], points["loss"], "o", color=colour, ms=3.5, mec="white", mew=0.4)
        x = np.array([row["compute_low"], row["compute_high"]], dtype=float)
        y = np.exp(row["intercept"] + row["slope"] * np.log(x))
        ax.plot(x, y, color=colour, lw=1, ls=(0, (3, 2)))


def _levels(ratios: np.ndarray) -> list[float]:
    """One value for all lines whose ratios are nearly the same."""
    values = np.sort(ratios)
    cluster = np.cumsum(np.diff(np.log(values), prepend=np.log(values[:1])) > SAME_RATIO)
    return [float(np.median(values[cluster == c])) for c in np.unique(cluster)]


def _of(table: pd.DataFrame, name: str, length: int) -> pd.DataFrame:
    return table[(table["architecture"].astype(str) == name) & (table["context_length"] == length)]


def line_runs(frame: pd.DataFrame, row: Any) -> pd.DataFrame:
    """Runs of one line by params: the group's whose tokens per param lie within 10%."""
    group = _of(frame, row["architecture"], row["context_length"])
    ratio = group["tokens"] / group["params"] / row["tokens_per_param"]
    between = (group["flops"] >= row["compute_low"]) & (group["flops"] <= row["compute_high"])
    return group[between & (np.abs(np.log(ratio)) < 0.1)].sort_values("params")


def _design(row: Any, fit: Fit) -> pd.DataFrame:
    runs = line_runs(fit.runs.frame, row)
    ratio = float(row["tokens_per_param"])
    sizes = runs["params"].to_numpy(dtype=float)
    params = np.geomspace(sizes.min(), sizes.max(), POINTS)
    per_token = np.log(runs["flops"].to_numpy(dtype=float) / runs["tokens"].to_numpy(dtype=float))
    cost = np.polynomial.Polynomial.fit(np.log(sizes), per_token, min(2, len(sizes) - 1))
    flops = ratio * params * np.exp(cost(np.log(params)))
    columns = {"tokens_per_param": ratio, "params": params, "tokens": ratio * params, "compute": flops}
    return pd.DataFrame({key: row[key] for key in KEYS} | columns)


def _colour(ratio: float, ratios: list[float]) -> Any:
    rank = int(np.abs(np.log(np.array(ratios) / ratio)).argmin())
    return colormaps["viridis"](0.85 * rank / max(len(ratios) - 1, 1))
