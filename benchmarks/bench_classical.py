"""Speed of the Huber fit and its bootstrap, beside a plain loop of SciPy's L-BFGS-B over the same starts.

    python benchmarks/bench_classical.py [RUNS] [--loop 20]

RUNS defaults to the Chinchilla runs read off by Epoch AI (folder BAYES_SCALING_REFERENCE_DATA, or
../shared/data beside the clone), else to one group of the simulated set.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import optimize

import bayes_scaling as bs
from bayes_scaling.classical import huber_fit
from bayes_scaling.classical.huber import DELTA
from bayes_scaling.classical.search import start_grid
from bayes_scaling.classical.solver import huber, residuals

ROOT = Path(__file__).parents[1]
STARTS, RESAMPLES = 2000, 4000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?")
    parser.add_argument("--loop", type=int, default=20, help="starts of the plain loop")
    arguments = parser.parse_args()
    frame = _frame(arguments.runs)
    first, fit = _timed(lambda: huber_fit(frame, starts=STARTS, resamples=0))
    again, fit = _timed(lambda: huber_fit(frame, starts=STARTS, resamples=0))
    whole, _ = _timed(lambda: huber_fit(frame, starts=STARTS, resamples=RESAMPLES))
    loop, best = _timed(lambda: _plain_loop(frame, arguments.loop))
    ours = next(iter(fit.objective.values()))
    rows = [
        (f"{STARTS} starts, first call (with compilation)", first, ours),
        (f"{STARTS} starts, again", again, ours),
        (f"{RESAMPLES} bootstrap fits", whole - again, np.nan),
        (f"plain L-BFGS-B, {arguments.loop} starts", loop, best),
        (f"plain L-BFGS-B, {STARTS} starts at that pace", loop * STARTS / arguments.loop, np.nan),
    ]
    table = pd.DataFrame(rows, columns=["what", "seconds", "best objective"])
    print(f"{len(frame)} runs, {os.cpu_count()} cores\n")
    print(table.to_markdown(index=False, floatfmt=("", ".1f", ".6e")))


def _plain_loop(frame: pd.DataFrame, starts: int) -> float:
    """One start after the other, numerical gradients, as most notebooks do."""
    logs = [np.log(frame[n].to_numpy(dtype=float)) for n in ("params", "tokens", "loss")]
    data = (logs[0] - logs[0].mean(), logs[1] - logs[1].mean(), logs[2])

    def objective(x: np.ndarray) -> float:
        return float(huber(np, residuals(np, x, data, "chinchilla"), DELTA).sum())

    found = [
        optimize.minimize(objective, x, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-9}).fun
        for x in start_grid(logs[2].mean(), "chinchilla", starts)
    ]
    return min(found)


def _timed(call):
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def _frame(source: str | None) -> pd.DataFrame:
    folder = Path(os.environ.get("BAYES_SCALING_REFERENCE_DATA") or ROOT.parent / "shared" / "data")
    epoch = folder / "epoch_chinchilla.csv"
    if source is None and not epoch.is_file():
        frame = bs.load_runs("simulated").frame
        first = frame[["architecture", "context_length"]].iloc[0]
        return frame[(frame[first.index] == first).all(axis=1)]
    frame = pd.read_csv(source or epoch)
    return frame[~frame["excluded_by_epoch"].astype(bool)] if "excluded_by_epoch" in frame else frame


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
