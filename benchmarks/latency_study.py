"""Each model size of the xLSTM study's timings left out in turn, as Markdown tables.

python benchmarks/latency_study.py inference_timings.csv
"""

from __future__ import annotations

import argparse
import warnings

from bayes_scaling.accounting import Precision
from bayes_scaling.errors import ConvergenceWarning
from bayes_scaling.latency import LatencySettings
from bayes_scaling.latency.backtest import LatencyBacktest, backtest
from bayes_scaling.roofline.devices import get_device
from bayes_scaling.roofline.workload import Deployment

# The study's xLSTM computes the logits of all positions and keeps its states in bfloat16.
STUDY = LatencySettings(
    get_device("H100-SXM"), deployment=Deployment(Precision(state=2.0), "eager", ("xlstm",))
)
EDGES = ((0, 0.05), (0.05, 0.25), (0.25, 0.75), (0.75, 0.95), (0.95, 1.0 + 1e-9))


def size(params: float) -> str:
    """Params in words."""
    return f"{params / 1e9:.2f}B" if params >= 1e9 else f"{params / 1e6:.0f}M"


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def scores(result: LatencyBacktest) -> str:
    """Errors and cover by size, architecture and quantity."""
    header = ("left out", "architecture", "quantity", "cells", "error", "cover", "ratio of ends")
    header += ("hard roofline, error", "lines, error")
    rows = [
        (
            size(r.left_out),
            r.architecture,
            r.quantity,
            str(r.n),
            f"{r.median_error:.1%}",
            f"{r.cover:.1%}",
            f"{r.width:.2f}",
            f"{r.roofline_error:.1%}",
            f"{r.lines_error:.1%}",
        )
        for r in result.scores.itertuples()
    ]
    return table(header, rows)


def fits(result: LatencyBacktest) -> str:
    """Whether queries fit."""
    header = ("left out", "architecture", "queries", "right", "Brier score", "mean P(fits)", "fitted")
    rows = [
        (
            size(r.left_out),
            r.architecture,
            str(r.queries),
            f"{r.accuracy:.1%}",
            f"{r.brier:.4f}",
            f"{r.mean_probability:.1%}",
            f"{r.frequency:.1%}",
        )
        for r in result.fits.itertuples()
    ]
    return table(header, rows)


def calibration(result: LatencyBacktest) -> str:
    """P(fits) against how often it fitted, all sizes together."""
    known = result.rows[(result.rows["quantity"] == "ttft_ms") & result.rows["measured"].notna()]
    rows = []
    for low, high in EDGES:
        part = known[(known["fits_probability"] >= low) & (known["fits_probability"] < high)]
        mean = f"{part['fits_probability'].mean():.3f}"
        rows.append(
            (f"{low:g} to {min(high, 1):.3g}", str(len(part)), mean, f"{part['measured'].mean():.3f}")
        )
    return table(("P(fits)", "queries", "mean P(fits)", "fitted"), rows)


def pooled(result: LatencyBacktest) -> str:
    """Error and cover of all sizes together, and by quantity."""
    timed = result.rows[result.rows["time_ms"].notna()]
    timed = timed.assign(
        error=(timed["median"] / timed["time_ms"] - 1).abs(),
        inside=(timed["q05"] <= timed["time_ms"]) & (timed["time_ms"] <= timed["q95"]),
    )
    by = timed.groupby(["architecture", "quantity"]).agg(error=("error", "median"), cover=("inside", "mean"))
    error = timed["error"].median()
    return f"{by.round(3)}\nall: error {error:.3f}, cover {timed['inside'].mean():.3f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("timings")
    warnings.simplefilter("ignore", ConvergenceWarning)
    found = backtest(parser.parse_args().timings, settings=STUDY, progress=False)
    print(scores(found), fits(found), calibration(found), pooled(found), sep="\n\n")
