"""The posterior beside the published optima of the xLSTM scaling study; writes docs/study.md.

    python benchmarks/compare_study.py RUNS [--output docs/study.md]

RUNS is the table of the study's runs with their isoFLOP budgets (columns isoflop_group, in_paper_fits_twice).
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.classical import isoflop_fit

BUDGETS = (6e18, 1e19, 3e19)
KEYS = ["architecture", "context_length", "budget"]
SEEDS = 200
NINETY = 1.645  # standard deviations on either side
PAGE = """# The xLSTM study, beside the posterior

Beck et al. 2025 (arXiv:2510.02228) fit a parabola to each isoFLOP curve. Here are their 18 optima at three
budgets, reproduced by `isoflop_fit` to all digits that they give, beside the posterior of one joint fit of
{runs} runs ({law} law with drift, each architecture's own FLOPs). Made by `benchmarks/compare_study.py`.

{optima}

Posterior medians differ from the published optima by {typical} typically and {largest} at most; {above} of
18 are larger, and {inside} of 18 published optima lie inside the posterior's 90% interval.

## What a parabola finds

A parabola is biased: the walls of a real curve are not symmetric, so its minimum moves with how far the
runs reach on each side. The last three columns are that bias, by simulation: runs of the posterior median's
surface at the study's own sizes, noise as fitted, {seeds} times, and a parabola through each. Its minimum
lies at {low} to {high} of the surface's own optimum. Compared like with like, the parabolas' minima of
posterior and study differ by {left} typically and {most} at most, and {joint} of 18 agree within the 90%
error of both together. So the published minima are what this surface gives; its own optima, which no
parabola distorts, are mostly larger. That rests on the surface being right between and beyond the runs of
each curve.

## Context length

Slopes over the three context lengths at a fixed budget, median and 90% interval. The study's three-point
lines have -0.162, -0.146, -0.145 for N* and -0.148, -0.165, -0.145 for D* of the Transformer; -0.043, -0.029,
-0.035 and +0.047, +0.033, +0.037 for xLSTM.

{slopes}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs")
    parser.add_argument("--output", default="docs/study.md")
    arguments = parser.parse_args()
    frame = pd.read_csv(arguments.runs)
    frame["weight"] = 1.0 + frame["in_paper_fits_twice"].astype(bool)
    published = isoflop_fit(frame, budgets=BUDGETS, resamples=500).table()
    fit = bs.fit(frame.drop(columns="weight"), seed=1)
    table = optima(fit, published)
    table["bias"] = parabola_bias(fit, frame, table)
    effect = bs.context_effect(fit, BUDGETS).table(full=True)
    Path(arguments.output).write_text(page(fit, table, effect))
    print(Path(arguments.output).read_text())


def optima(fit: bs.Fit, published: pd.DataFrame) -> pd.DataFrame:
    """Posterior optimum at each curve's own mean FLOPs."""
    rows = []
    for row in published.itertuples():
        where = {"context_length": row.context_length, "architecture": row.architecture}
        ours = bs.frontier(fit, row.compute, cost="accounted", **where).table(full=True).iloc[0]
        rows.append(
            {key: getattr(row, key) for key in KEYS}
            | {"published": row.params, "se": row.params_se, "median": ours["params_median"]}
            | {"q05": ours["params_q05"], "q95": ours["params_q95"]}
        )
    return pd.DataFrame(rows)


def parabola_bias(fit: bs.Fit, frame: pd.DataFrame, table: pd.DataFrame) -> list[float]:
    """A parabola's minimum over the true optimum, on simulated runs at the same sizes.

    The truth is the posterior median of the loss, drift and all, and its own optimum.
    """
    sigma = fit.posterior["sigma"].median(("chain", "draw"))
    rng = np.random.default_rng(0)
    bias = []
    for row in table.itertuples():
        where = {"architecture": row.architecture, "context_length": row.context_length}
        curve = frame[
            (frame["architecture"] == row.architecture)
            & (frame["context_length"] == row.context_length)
            & (frame["isoflop_group"] == row.budget)
        ]
        logs = np.log(bs.predict(fit, curve).median(("chain", "draw")).to_numpy())
        noise = float(sigma.sel(where))
        found = [
            np.log(_parabola(curve, np.exp(logs + noise * rng.standard_normal(len(curve)))))
            for _ in range(SEEDS)
        ]
        bias.append(float(np.exp(np.mean(found)) / row.median))
    return bias


def _parabola(curve: pd.DataFrame, loss: np.ndarray) -> float:
    x = np.log10(curve["params"].to_numpy(dtype=float))
    c = np.polyfit(x - x.mean(), loss, 2, w=np.sqrt(curve["weight"].to_numpy()))
    return float(10 ** (x.mean() - c[1] / (2 * c[0])))


def page(fit: bs.Fit, table: pd.DataFrame, effect: pd.DataFrame) -> str:
    ratio = table["median"] / table["published"]
    alike = ratio * table["bias"]
    inside = (table["q05"] <= table["published"]) & (table["published"] <= table["q95"])
    joint = np.abs(np.log(alike)) <= NINETY * np.hypot(table["se"] / table["published"], _spread(table))
    gap = np.abs(np.log(ratio))
    left = np.abs(np.log(alike))
    columns = _optima_columns(table, ratio, inside) | {
        "a parabola's": (table["median"] * table["bias"]).map(_millions),
        "its ratio": alike.map("{:.3f}".format),
        "agree": joint.map({True: "yes", False: "no"}),
    }
    return PAGE.format(
        runs=len(fit.runs),
        law=fit.law.name,
        optima=pd.DataFrame(columns).to_markdown(index=False, disable_numparse=True),
        largest=f"{gap.max():.0%}",
        typical=f"{gap.median():.1%}",
        inside=int(inside.sum()),
        seeds=SEEDS,
        low=f"{table['bias'].min():.2f}",
        high=f"{table['bias'].max():.2f}",
        above=int((ratio > 1).sum()),
        left=f"{left.median():.1%}",
        most=f"{left.max():.1%}",
        joint=int(joint.sum()),
        slopes=_slope_columns(effect).to_markdown(index=False, disable_numparse=True),
    )


def _spread(table: pd.DataFrame) -> pd.Series:
    """Standard deviation of ln N*, from the posterior's 90% interval."""
    return np.log(table["q95"] / table["q05"]) / (2 * NINETY)


def _optima_columns(table: pd.DataFrame, ratio: pd.Series, inside: pd.Series) -> dict[str, Any]:
    ends = zip(table["q05"], table["q95"], strict=True)
    return {
        "architecture": table["architecture"],
        "context": table["context_length"],
        "FLOPs": _powers(table["budget"]),
        "published N*": table["published"].map(_millions),
        "bootstrap se": table["se"].map(_millions),
        "posterior N*": table["median"].map(_millions),
        "90% interval": [f"{_millions(low)} to {_millions(high)}" for low, high in ends],
        "ratio": ratio.map("{:.3f}".format),
        "inside": inside.map({True: "yes", False: "no"}),
    }


def _slope_columns(effect: pd.DataFrame) -> pd.DataFrame:
    columns = {"architecture": effect["architecture"], "FLOPs": _powers(effect["compute"])}
    for name, quantity in (("N", "params"), ("D", "tokens")):
        parts = (effect[f"{quantity}_slope_{q}"] for q in ("median", "q05", "q95"))
        columns[f"d ln {name}* / d ln T"] = [
            f"{median:.3f} ({low:.3f} to {high:.3f})" for median, low, high in zip(*parts, strict=True)
        ]
    return pd.DataFrame(columns)


def _powers(values: pd.Series) -> pd.Series:
    return values.map("{:.0e}".format).str.replace("e+", "e")


def _millions(value: float) -> str:
    return f"{value / 1e6:.0f}M" if value >= 1e7 else f"{value / 1e6:.1f}M"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
