"""What the sweep shows: noise, predictions made beforehand, back-tests, findings, seconds. Prints Markdown.

    python benchmarks/sweep_study.py [--kept FOLDER] [--images FOLDER]

Forecasts of the back-test are kept in FOLDER, so that a stopped study goes on.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling.sweep.verdict import shipped_verdict
from bayes_scaling.sweep.wall_clock import wall_clock_cost

GROUP = ["architecture", "context_length"]
CUTS = [1.25e11, 2.5e11, 5e11, 1e12]
LARGEST_FITTED, LARGEST = 1e12, 1e13
SECONDS = (20.0, 60.0, 200.0)


def noise(frame: pd.DataFrame) -> pd.DataFrame:
    """Relative standard deviation of the loss between seeds, pooled over a group's cells."""
    cells = frame.assign(loss=np.log(frame["loss"])).groupby([*GROUP, "params", "steps"])["loss"]
    spread = pd.DataFrame({"sum": cells.var() * (cells.size() - 1), "freedom": cells.size() - 1})
    pooled = spread[cells.size() > 1].groupby(GROUP).sum().reset_index()
    return pooled.assign(sd=np.sqrt(pooled["sum"] / pooled["freedom"])).drop(columns="sum")


def findings(fit: bs.Fit) -> pd.DataFrame:
    """Ratios of optimal params, as the median, the 90% interval and the probability of being above one."""
    draws = bs.frontier(fit, [LARGEST_FITTED, LARGEST], cost="accounted").draws["params"]
    short, *_, long = lengths = [int(length) for length in draws["context_length"]]
    ratios = {}
    for length in lengths:
        here = draws.sel(context_length=length)
        ratio = here.sel(architecture="xlstm") / here.sel(architecture="transformer")
        ratios[f"xlstm over transformer, context {length}"] = ratio
    for name in fit.architectures:
        here = draws.sel(architecture=name)
        ratio = here.sel(context_length=long) / here.sel(context_length=short)
        ratios[f"{name}, context {long} over {short}"] = ratio
    return pd.DataFrame(
        {"ratio of optimal params": name, "compute": f"{compute:.0e}", **_spread(ratio.sel(compute=compute))}
        for name, ratio in ratios.items()
        for compute in (LARGEST_FITTED, LARGEST)
    )


def _spread(ratio: object) -> dict[str, float]:
    values = np.asarray(ratio).ravel()
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return {"median": middle, "q05": low, "q95": high, "P(above 1)": float(np.mean(values > 1))}


def slopes(fit: bs.Fit) -> pd.DataFrame:
    """d ln N* and d ln D* over d ln context at the largest fitted budget."""
    table = bs.context_effect(fit, LARGEST_FITTED, cost="accounted").table(full=True)
    ends = ("q05", "median", "q95")
    names = [f"{what}_slope_{end}" for what in ("params", "tokens") for end in ends]
    return table[["architecture", "compute", *(name for name in names if name in table)]]


def back_tests(runs: bs.Runs, kept: Path | None) -> dict[str, pd.DataFrame]:
    """Scores by cut, and of groups and contexts left out."""
    columns = ["forecaster", "runs", "in_50", "in_90", "bias", "mae", "width_90"]
    by_compute = bs.backtest(runs, "compute", CUTS, folder=kept)
    left_out = bs.backtest(runs, ["group", "context"], folder=kept, forecasters=["model", "law alone"])
    return {
        "Back-test by compute": by_compute.table("split", full=True)[["split", *columns]],
        "Groups and contexts left out": left_out.table("by", full=True)[["by", *columns]],
    }


def in_seconds(fit: bs.Fit) -> pd.DataFrame:
    """Optimal params and loss for a time on one core of the machine, and who wins."""
    cost = wall_clock_cost(fit.runs.frame)
    table = bs.frontier(fit, SECONDS, cost=cost).table(full=True)
    wins = bs.compare(fit, SECONDS, cost=cost).table(full=True).query("architecture == 'xlstm'")
    table = table.merge(wins[["context_length", "compute", "probability"]], on=["context_length", "compute"])
    names = ["params_q05", "params_median", "params_q95", "loss_median"]
    return table[[*GROUP, "compute", *names, "probability"]].rename(
        columns={"compute": "seconds", "probability": "P(xlstm wins)"}
    )


def figures(fit: bs.Fit, folder: Path) -> None:
    """The figures of the page."""
    curve = np.geomspace(3e10, 1e15, 30)
    verdict = shipped_verdict()
    drawn = {
        "sweep_isoflop": plots.plot_isoflop(plots.isoflop_curves(fit), fit.runs.frame),
        "sweep_predictions": plots.plot_predictions(verdict.runs),
        "verdict": plots.plot_verdict(verdict.losses.runs, verdict.losses.groups, verdict.losses.distances),
        "frontier": plots.plot_frontier(bs.frontier(fit, curve, 128, cost="accounted").table(full=True)),
    }
    for name, figure in drawn.items():
        plots.save_figure(figure, folder / f"{name}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kept", type=Path)
    parser.add_argument("--images", type=Path)
    arguments = parser.parse_args()
    runs, verdict = bs.load_runs("measured"), shipped_verdict()
    fit = bs.fit(runs, progress=False)
    print(fit.checks())
    tables = {
        "Noise between seeds": noise(runs.frame),
        "Predictions": verdict.groups,
        "Predicted optima": verdict.optima,
        "Decisions": verdict.decisions,
        "Findings": findings(fit),
        "Context": slopes(fit),
        "Seconds": in_seconds(fit),
        **back_tests(runs, arguments.kept),
    }
    for title, table in tables.items():
        print(f"\n## {title}\n\n{table.to_markdown(index=False, floatfmt='.4g')}", flush=True)
    if arguments.images:
        figures(fit, arguments.images)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
