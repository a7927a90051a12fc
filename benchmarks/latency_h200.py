"""Do kernels tell how long whole models take: an H200's microbenchmarks against its end-to-end timings.

Reads the tables that ship (``data/timings_h200.csv``, ``data/bench_h200_models.csv``), fits and predicts:

    python benchmarks/latency_h200.py none      # no timing of a model at all
    python benchmarks/latency_h200.py few       # 12 timings an architecture of the smallest size
    python benchmarks/latency_h200.py full      # all timings; then each size left out
"""

from __future__ import annotations

import argparse
import warnings
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_scaling.errors import ConvergenceWarning
from bayes_scaling.latency import LatencyFit, LatencySettings, Timings, fit_latency, load_timings, prior_fit
from bayes_scaling.latency.backtest import backtest
from bayes_scaling.latency.fitting import settings_of
from bayes_scaling.latency.kernel_priors import DATASHEET_WIDTH
from bayes_scaling.latency.table import predict_table
from bayes_scaling.roofline.devices import get_device

DATA = files("bayes_scaling.data")
TIMINGS = Path(str(DATA.joinpath("timings_h200.csv")))
BENCH = Path(str(DATA.joinpath("bench_h200_models.csv")))
DEVICE = get_device("H200-SXM")
QUANTITIES = ("ttft_ms", "step_time_ms")
FEW = {"batch_size": (1, 4, 16, 64), "prefill": (128, 512, 2048)}
SMALLEST = 2e8  # params below which a model is the smallest size


def settings(stage: str) -> LatencySettings:
    """The assumptions of a stage, ``datasheet`` or ``bench``."""
    plain = LatencySettings(DEVICE, prior_width=DATASHEET_WIDTH)
    return plain if stage == "datasheet" else settings_of(None, plain, BENCH)


def few(timings: Timings) -> Timings:
    """Twelve timings an architecture of the smallest size."""
    frame = timings.frame
    chosen = frame["params"] < SMALLEST
    for name, values in FEW.items():
        chosen &= frame[name].isin(values)
    return timings.subset(chosen.to_numpy())


def scores(fit: LatencyFit, timings: Timings, by_size: bool = True) -> pd.DataFrame:
    """Median error and cover of the 90% interval, one row an architecture, quantity and size."""
    frame = timings.frame
    predicted = predict_table(fit, frame)
    rows = []
    keys = ["architecture", *(["params"] if by_size else [])]
    for key, part in frame.groupby(keys):
        for quantity in QUANTITIES:
            kept = part.index[part[quantity].notna()]
            time = frame.loc[kept, quantity].to_numpy()
            found = {
                end: predicted.loc[kept, f"{quantity}_{end}"].to_numpy() for end in ("q05", "median", "q95")
            }
            inside = (found["q05"] <= time) & (time <= found["q95"])
            signed = np.log(found["median"] / time)
            rows.append(
                {
                    "architecture": key[0],
                    "params": key[1] if by_size else np.nan,
                    "quantity": quantity,
                    "n": len(time),
                    "error": float(np.median(np.abs(found["median"] / time - 1))),
                    "bias": float(np.median(signed)),
                    "cover": float(inside.mean()),
                    "ln_ratio": float(np.median(np.log(found["q95"] / found["q05"]))),
                }
            )
    return pd.DataFrame(rows)


def none() -> pd.DataFrame:
    """What each stage says before any timing of a model."""
    timings = load_timings(TIMINGS)
    parts = [
        scores(prior_fit(timings, settings(stage)), timings, by_size=False).assign(stage=stage)
        for stage in ("datasheet", "bench")
    ]
    return pd.concat(parts)


def after_few() -> pd.DataFrame:
    """Larger models from twelve timings of the smallest."""
    timings = load_timings(TIMINGS)
    large = timings.subset((timings.frame["params"] > SMALLEST).to_numpy())
    parts = []
    for stage in ("datasheet", "bench"):
        fit = fit_latency(few(timings), settings=settings(stage), progress=False)
        parts.append(scores(fit, large).assign(stage=stage))
    return pd.concat(parts)


def full() -> None:
    """All timings in sample, then each size left out, from the datasheet's prior."""
    timings = load_timings(TIMINGS)
    chosen = LatencySettings(DEVICE)
    fit = fit_latency(timings, settings=chosen, progress=False)
    show(scores(fit, timings, by_size=False).assign(stage="in sample"))
    result = backtest(timings, settings=chosen, progress=False)
    show(result.scores[["left_out", "architecture", "quantity", "n", "median_error", "cover", "width"]])
    show(result.fits)
    timed = result.rows[result.rows["time_ms"].notna()]
    inside = (timed["q05"] <= timed["time_ms"]) & (timed["time_ms"] <= timed["q95"])
    error = (timed["median"] / timed["time_ms"] - 1).abs().median()
    print(f"all {len(timed)} times: error {error:.3f}, cover {inside.mean():.3f}")


def show(table: pd.DataFrame) -> None:
    """Print a table of scores."""
    print(table.round(3).to_string(index=False), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("none", "few", "full"))
    what = parser.parse_args().what
    warnings.simplefilter("ignore", ConvergenceWarning)
    if what == "full":
        full()
    else:
        show(none() if what == "none" else after_few())
