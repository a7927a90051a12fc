"""Leave model sizes out and predict them: the model beside a hard roofline and the study's lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.errors import TimingsError
from bayes_scaling.latency.baselines import hard_roofline, study_lines
from bayes_scaling.latency.fitting import fit_latency, settings_of
from bayes_scaling.latency.settings import LatencySettings
from bayes_scaling.latency.table import predict_table
from bayes_scaling.latency.timings import Timings, load_timings
from bayes_scaling.roofline.devices import Device

QUANTITIES = ("ttft_ms", "step_time_ms")
SAME_SIZE = 0.1  # sizes of two architectures that differ by less, in logs, are left out together


@dataclass(frozen=True, eq=False)
class LatencyBacktest:
    """A back-test of latency.

    Attributes
    ----------
    rows : DataFrame
        One row a query left out and quantity: architecture, params, batch_size, prefill, quantity, time_ms
        (NaN where it did not fit), median, q05, q95, roofline_ms, lines_ms, fits_probability, measured.
    scores : DataFrame
        One row a size left out, architecture and quantity: n, median_error (relative), cover (share inside
        the 90% interval), width (ratio of its ends, median), roofline_error, lines_error.
    fits : DataFrame
        One row a size left out and architecture: queries, accuracy, brier, mean_probability, frequency.
    """

    rows: pd.DataFrame
    scores: pd.DataFrame
    fits: pd.DataFrame


def backtest(
    timings: Any,
    device: Device | str | None = None,
    *,
    settings: LatencySettings | None = None,
    leave_out: Sequence[float] | None = None,
    seed: int = 0,
    **sampling: Any,
) -> LatencyBacktest:
    """Leave each model size out in turn, fit the rest, predict what was left out.

    Parameters
    ----------
    timings, device, settings
        As for `fit_latency`.
    leave_out : sequence of float, optional
        Params of the sizes, to within 10%. Default: all.
    seed : int
    **sampling
        Of `fit_latency`: backend, draws, tune, chains.

    Raises
    ------
    TimingsError
        Fewer than two sizes, or a size that was not timed.
    """
    table = load_timings(timings)
    chosen = settings_of(device, settings)
    parts = [_left_out(table, size, chosen, seed, sampling) for size in _sizes(table, leave_out)]
    rows = pd.concat(parts, ignore_index=True)
    return LatencyBacktest(rows, score(rows), score_fits(rows))


def _sizes(timings: Timings, wanted: Sequence[float] | None) -> list[float]:
    params = np.unique(timings.frame["params"].to_numpy(dtype=float))
    groups = params[np.diff(np.log(params), prepend=-np.inf) > SAME_SIZE]
    if len(groups) < 2:
        raise TimingsError(
            f"{timings.source}: one model size cannot be left out. Remedy: time several sizes."
        )
    if not wanted:
        return [float(size) for size in groups]
    for size in wanted:
        if not np.any(abs(np.log(params / size)) < SAME_SIZE):
            shown = ", ".join(f"{each:.3g}" for each in groups)
            raise TimingsError(
                f"{timings.source}: no model of {size:.3g} params was timed: there are {shown}"
            )
    return [float(size) for size in wanted]


def _left_out(
    timings: Timings, size: float, settings: LatencySettings, seed: int, sampling: dict[str, Any]
) -> pd.DataFrame:
    near = (abs(np.log(timings.frame["params"] / size)) < SAME_SIZE).to_numpy()
    train = timings.subset(~near)
    test = timings.subset(near)
    fit = fit_latency(train, settings=settings, seed=seed, **sampling)
    parts = []
    for name in test.architectures:
        seen = train.frame[train.frame["architecture"] == name].reset_index(drop=True)
        left = test.frame[test.frame["architecture"] == name].reset_index(drop=True)
        predicted = predict_table(fit, left, seed=seed)
        for quantity in QUANTITIES:
            kept = predicted[["architecture", "params", "batch_size", "prefill", "fits_probability"]]
            parts.append(
                kept.assign(
                    left_out=size,
                    quantity=quantity,
                    measured=left["measured"],
                    time_ms=left[quantity],
                    median=predicted[f"{quantity}_median"],
                    q05=predicted[f"{quantity}_q05"],
                    q95=predicted[f"{quantity}_q95"],
                    roofline_ms=hard_roofline(left, quantity, settings.device),
                    lines_ms=study_lines(seen, left, quantity),
                )
            )
    return pd.concat(parts, ignore_index=True)


def score(rows: pd.DataFrame) -> pd.DataFrame:
    """Errors and cover of the times that were measured."""
    found = []
    timed = rows[rows["time_ms"].notna()]
    for (size, name, quantity), part in timed.groupby(["left_out", "architecture", "quantity"]):
        time = part["time_ms"]
        errors = {
            label: float((part[column] / time - 1).abs().median())
            for label, column in (("median", "median"), ("roofline", "roofline_ms"), ("lines", "lines_ms"))
        }
        found.append(
            {
                "left_out": size,
                "architecture": name,
                "quantity": quantity,
                "n": len(part),
                "median_error": errors["median"],
                "cover": float(((part["q05"] <= time) & (time <= part["q95"])).mean()),
                "width": float((part["q95"] / part["q05"]).median()),
                "roofline_error": errors["roofline"],
                "lines_error": errors["lines"],
            }
        )
    return pd.DataFrame(found)


def score_fits(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and calibration of the probability that a query fits."""
    found = []
    known = rows[(rows["quantity"] == "ttft_ms") & rows["measured"].notna()]
    for (size, name), part in known.groupby(["left_out", "architecture"]):
        probability = part["fits_probability"]
        fits = part["measured"]
        found.append(
            {
                "left_out": size,
                "architecture": name,
                "queries": len(part),
                "accuracy": float(((probability > 0.5) == (fits > 0.5)).mean()),
                "brier": float(((probability - fits) ** 2).mean()),
                "mean_probability": float(probability.mean()),
                "frequency": float(fits.mean()),
            }
        )
    return pd.DataFrame(found)
