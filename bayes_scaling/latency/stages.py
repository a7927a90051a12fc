"""What each stage of evidence says of step times: datasheet, microbenchmarks, end-to-end timings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.latency.fit import LatencyFit
from bayes_scaling.latency.fitting import fit_latency, prior_fit, settings_of
from bayes_scaling.latency.kernel_priors import DATASHEET_WIDTH
from bayes_scaling.latency.prediction import predict
from bayes_scaling.latency.settings import LatencySettings
from bayes_scaling.latency.timings import Timings, load_timings
from bayes_scaling.roofline.devices import Device

STAGES = ("datasheet", "microbenchmarks", "timings")


def latency_stages(
    timings: Any,
    bench: Any,
    device: Device | str | None = None,
    *,
    settings: LatencySettings | None = None,
    seed: int = 0,
    **sampling: Any,
) -> pd.DataFrame:
    """Intervals of step time after each stage, at the queries that were timed.

    Parameters
    ----------
    timings : Timings, path or DataFrame
    bench : path or DataFrame
        Microbenchmarks of the same device.
    device, settings
        As for `fit_latency`.
    seed : int
    **sampling
        Of `fit_latency`.

    Returns
    -------
    DataFrame
        One row a query with a step time and stage: architecture, params, batch_size, prefill, stage,
        quantity, median, q05, q95 (milliseconds, response), ratio (of the ends), time_ms, covered.
    """
    table = load_timings(timings)
    timed = table.subset(table.frame["step_time_ms"].notna().to_numpy())
    plain = replace(settings_of(device, settings), prior_width=DATASHEET_WIDTH)
    measured = settings_of(device, plain, bench)
    fits = {
        "datasheet": prior_fit(table, plain, seed=seed),
        "microbenchmarks": prior_fit(table, measured, seed=seed),
        "timings": fit_latency(table, settings=measured, seed=seed, **sampling),
    }
    parts = [stage_rows(fits[stage], timed, stage, seed) for stage in STAGES]
    return pd.concat(parts, ignore_index=True)


def stage_rows(
    fit: LatencyFit, timed: Timings, stage: str, seed: int = 0, quantity: str = "step_time_ms"
) -> pd.DataFrame:
    """The intervals of one stage, for ``step_time_ms`` or ``ttft_ms``."""
    drawn = predict(fit, timed.frame, "response", seed)[quantity].transpose("chain", "draw", "query")
    ends = np.quantile(drawn.to_numpy().reshape(-1, len(timed)), [0.05, 0.5, 0.95], axis=0)
    frame = timed.frame[["architecture", "params", "batch_size", "prefill"]].reset_index(drop=True)
    time = timed.frame[quantity].to_numpy(dtype=float)
    return frame.assign(
        batch_size=frame["batch_size"].astype(int),
        prefill=frame["prefill"].astype(int),
        stage=stage,
        quantity=quantity,
        median=ends[1],
        q05=ends[0],
        q95=ends[2],
        ratio=ends[2] / ends[0],
        time_ms=time,
        covered=(ends[0] <= time) & (time <= ends[2]),
    )


def summarise_stages(table: pd.DataFrame) -> pd.DataFrame:
    """One row an architecture and stage.

    Returns
    -------
    DataFrame
        architecture, stage, queries, covered (share inside the 90% interval), ln_ratio (median of the ln of
        the ends' ratio), relative (ln_ratio over that of the datasheet).
    """
    rows = []
    for name, part in table.groupby("architecture"):
        width = {stage: float(np.log(part[part["stage"] == stage]["ratio"]).median()) for stage in STAGES}
        for stage in STAGES:
            chosen = part[part["stage"] == stage]
            rows.append(
                {
                    "architecture": name,
                    "stage": stage,
                    "queries": len(chosen),
                    "covered": float(chosen["covered"].mean()),
                    "ln_ratio": width[stage],
                    "relative": width[stage] / width["datasheet"],
                }
            )
    return pd.DataFrame(rows)
