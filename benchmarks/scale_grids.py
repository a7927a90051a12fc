"""Which points stand for the prior of the group scales: leave-one-out, back-test, convergence and speed.

python benchmarks/scale_grids.py [--output docs/scales.md]
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
from convergence import tables
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.models import hierarchy

CUTS = {"measured": 2e12, "xlstm": 3e19, "gadre": 0.95e20}
SEED = 1


def quantiles(count: int) -> np.ndarray:
    """Five middle quantiles of the log-normal, equally likely: nothing beyond 1.3 standard deviations."""
    return stats.norm.ppf((np.arange(5) + 0.5) / 5)


def evenly(low: float, high: float, step: float | None) -> Callable[[int], np.ndarray]:
    """Points a step apart, or as the package places them."""

    def grid(count: int) -> np.ndarray:
        wide = min(1.0, hierarchy.CLOSE / np.sqrt(count)) if step is None else step
        return np.linspace(low, high, int(np.ceil((high - low) / wide - 1e-9)) + 1)

    return grid


GRIDS = {
    "5 middle quantiles": quantiles,
    "-0.7 to 3.3 sd, 1 apart": evenly(-0.7, 3.3, 1.0),
    "-0.7 to 3.3 sd, by the number of groups": evenly(-0.7, 3.3, None),
    "-2 to 3.3 sd, by the number of groups": evenly(-2.0, 3.3, None),
    "-0.7 to 3.3 sd, 0.25 apart": evenly(-0.7, 3.3, 0.25),
}


class AtOnce:
    """An executor that does the work here, where the grid is set."""

    def submit(self, call, *arguments) -> Future:
        future: Future = Future()
        future.set_result(call(*arguments))
        return future


def equal_weights(count: int) -> np.ndarray:
    return np.full(5, 0.2)


def measured(name: str, grid: str) -> dict:
    """One table with one grid in figures."""
    weights = equal_weights if GRIDS[grid] is quantiles else hierarchy.point_weights
    with patch.object(hierarchy, "_grid", GRIDS[grid]), patch.object(hierarchy, "point_weights", weights):
        runs = bs.load_runs(tables()[name][0]())
        fit = bs.fit(runs, seed=SEED, progress=False)
        begin = time.process_time()
        fit = bs.fit(runs, seed=SEED, progress=False)
        spent = time.process_time() - begin
        score = bs.loo(fit)
        past = bs.backtest(
            runs, cuts=[CUTS[name]], forecasters=["model"], executor=AtOnce(), progress=False, seed=SEED
        ).pooled.iloc[0]
    account = json.loads(fit.idata.attrs["sampling"])
    ess = fit.checks()["ess_bulk"].value
    return {
        "table": name,
        "points": grid,
        "elpd": f"{score.elpd:.1f} ± {score.se:.1f}",
        "CRPS beyond the cut, mnat": f"{1000 * past['crps']:.1f}",
        "in 90%": f"{past['in_90']:.0%}",
        "passes": account["passed"],
        "draws a chain": account["draws"],
        "ESS/s": f"{ess / account['seconds']:.0f}",
        "CPU s": f"{spent:.1f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for name in CUTS:
        for grid in GRIDS:
            rows.append(measured(name, grid))
            print(rows[-1], flush=True)
    text = "\n".join(
        [
            "# Points of the group scales",
            "",
            "Each scale between groups has a log-normal prior, integrated over points. Made by",
            "`python benchmarks/scale_grids.py`: leave-one-out (higher is better), a back-test beyond a cut",
            f"of compute ({', '.join(f'{name} {cut:g}' for name, cut in CUTS.items())} FLOPs), and speed of",
            "a fit whose code is compiled, one seed. The third grid is the package's.",
            "",
            str(pd.DataFrame(rows).to_markdown(index=False)),
            "",
        ]
    )
    print(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
