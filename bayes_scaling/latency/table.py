"""Predictions of queries as a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.draws import summarise_draws
from bayes_scaling.latency.fit import LatencyFit
from bayes_scaling.latency.prediction import QUANTITIES, predict

KEPT = ("median", "mean", "q025", "q05", "q25", "q75", "q95", "q975")
QUERY = ("architecture", "params", "batch_size", "prefill")


def predict_table(fit: LatencyFit, queries: Any, kind: str = "response", seed: int = 0) -> pd.DataFrame:
    """One row a query, in order; arguments as for `bayes_scaling.latency.prediction.predict`.

    Returns
    -------
    DataFrame
        row, architecture, params, batch_size, prefill, fits_probability, ttft_ms_* and step_time_ms_* with
        median, mean, q025, q05, q25, q75, q95, q975, and ``extrapolated``: which of params, batch_size and
        prefill lie outside the fitted timings (empty where none).
    """
    return summarise_prediction(fit, predict(fit, queries, kind, seed))


def summarise_prediction(fit: LatencyFit, drawn: xr.Dataset) -> pd.DataFrame:
    """The table of given draws."""
    table = pd.DataFrame({"row": drawn["query"].to_numpy()})
    for name in QUERY:
        values = drawn[name].to_numpy()
        table[name] = values if name == "architecture" else values.astype(np.int64)
    table["fits_probability"] = drawn["fits"].mean(("chain", "draw")).to_numpy()
    for name in QUANTITIES:
        summary = summarise_draws(drawn[name].reset_coords(drop=True), name).reset_index(drop=True)
        table = table.join(summary[[f"{name}_{key}" for key in KEPT]])
    table["extrapolated"] = extrapolated(fit, table)
    return table


def extrapolated(fit: LatencyFit, table: pd.DataFrame) -> list[str]:
    """Names of what lies outside the fitted timings, row by row."""
    frame = fit.timings.frame
    names = ("params", "batch_size", "prefill")
    ranges: dict[str, dict[str, tuple[float, float]]] = {}
    for label in fit.architectures:
        part = frame[frame["architecture"] == label]
        ranges[label] = {name: (part[name].min(), part[name].max()) for name in names}
    found = []
    for row in table.itertuples():
        known = ranges[fit.label(str(row.architecture))]
        outside = [n for n in names if not known[n][0] <= getattr(row, n) <= known[n][1]]
        found.append(", ".join(outside))
    return found
