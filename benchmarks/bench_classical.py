"""Speed of the Huber fit and its bootstrap, beside plain loops of SciPy's L-BFGS-B over part of the work.

    python benchmarks/bench_classical.py [RUNS] [--loop 40]

RUNS defaults to the Chinchilla runs read off by Epoch AI (folder BAYES_SCALING_REFERENCE_DATA, or
../shared/data beside the clone), else to one group of the simulated set.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize

import bayes_scaling as bs
from bayes_scaling.classical import huber_fit
from bayes_scaling.classical.huber import DELTA
from bayes_scaling.classical.resampling import resample_counts
from bayes_scaling.classical.search import best_fit, start_grid
from bayes_scaling.classical.solver import Problem, huber, residuals

ROOT = Path(__file__).parents[1]
STARTS, RESAMPLES = 2000, 4000
CLOSE = 1e-6  # relative excess over the best objective that counts as found
OPTIONS = {"ftol": 1e-14, "gtol": 1e-9}
Row = tuple[str, float, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?")
    parser.add_argument("--loop", type=int, default=40, help="starts and resamples of the plain loops")
    arguments = parser.parse_args()
    frame = _frame(arguments.runs)
    rows = [*_ours(frame), *_plain(frame, arguments.loop)]
    print(f"{len(frame)} runs, {os.cpu_count()} cores\n")
    print("| what | seconds | outcome |\n|:--|--:|:--|")
    for what, seconds, outcome in rows:
        print(f"| {what} | {seconds:.1f} | {outcome} |")


def _ours(frame: pd.DataFrame) -> list[Row]:
    first, _ = _timed(lambda: huber_fit(frame, starts=STARTS, resamples=0))
    again, fit = _timed(lambda: huber_fit(frame, starts=STARTS, resamples=0))
    whole, _ = _timed(lambda: huber_fit(frame, starts=STARTS, resamples=RESAMPLES))
    objective = f"objective {next(iter(fit.objective.values())):.6e}"
    return [
        (f"`huber_fit`, {STARTS} starts, first call with compilation", first, objective),
        (f"`huber_fit`, {STARTS} starts, again", again, objective),
        (f"`huber_fit`, {RESAMPLES} bootstrap fits", whole - again, "each to its optimum"),
    ]


def _plain(frame: pd.DataFrame, loop: int) -> list[Row]:
    """One start after the other, then one resample after the other."""
    logs = [np.log(frame[n].to_numpy(dtype=float)) for n in ("params", "tokens", "loss")]
    problem = Problem(logs[0] - logs[0].mean(), logs[1] - logs[1].mean(), logs[2], "chinchilla", DELTA)
    ones = np.ones(len(frame))
    grid = start_grid(logs[2].mean(), "chinchilla", loop)
    best, value = best_fit(problem, ones, STARTS)
    counts = resample_counts(len(frame), loop, 0, "plain loop")
    rows = []
    for name, call in (("numerical", _numerical), ("exact", _exact)):
        seconds, found = _timed(lambda call=call: [_minimise(call, x, problem, ones) for x in grid])
        share = np.mean(np.array(found) < value * (1 + CLOSE))
        outcome = f"objective {min(found):.6e}; {share:.0%} of the starts reach it"
        rows += _scaled(f"L-BFGS-B, {name} gradients", "starts", seconds, loop, STARTS, outcome)
        seconds, _ = _timed(lambda call=call: [_minimise(call, best, problem, count) for count in counts])
        rows += _scaled(f"L-BFGS-B, {name} gradients", "bootstrap fits", seconds, loop, RESAMPLES, "")
    return rows


def _scaled(name: str, what: str, seconds: float, done: int, wanted: int, outcome: str) -> list[Row]:
    pace = (f"{name}, {wanted} {what} at that pace", seconds * wanted / done, "not run")
    return [(f"{name}, {done} {what}", seconds, outcome), pace]


def _minimise(call: Callable[..., Any], x: np.ndarray, problem: Problem, counts: np.ndarray) -> float:
    found = optimize.minimize(
        call, x, (problem, counts), jac=call is _exact or None, method="L-BFGS-B", options=OPTIONS
    )
    return float(found.fun) * DELTA


def _numerical(x: np.ndarray, problem: Problem, counts: np.ndarray) -> float:
    """Objective over delta, which L-BFGS-B finds well scaled."""
    return float((counts * huber(np, residuals(np, x, problem.data, "chinchilla"), DELTA)).sum() / DELTA)


def _exact(x: np.ndarray, problem: Problem, counts: np.ndarray) -> tuple[float, np.ndarray]:
    """Objective over delta and its gradient."""
    log_params, log_tokens, log_loss = problem.data
    logs = np.array([np.full_like(log_loss, x[0]), x[1] - x[3] * log_params, x[2] - x[4] * log_tokens])
    log_fit = np.logaddexp.reduce(logs, axis=0)
    shares = np.exp(logs - log_fit)
    slope = np.vstack([shares, -log_params * shares[1], -log_tokens * shares[2]])
    pull = counts * np.clip((log_fit - log_loss) / DELTA, -1.0, 1.0)
    return _numerical(x, problem, counts), slope @ pull


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
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
