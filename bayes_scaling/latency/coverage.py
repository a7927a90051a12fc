"""Does the interval after microbenchmarks hold: simulated devices whose truth is known."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.latency.fitting import prior_fit
from bayes_scaling.latency.kernel_models import MODELS, columns_of
from bayes_scaling.latency.kernel_priors import DATASHEET_WIDTH, bench_priors
from bayes_scaling.latency.prediction import predict
from bayes_scaling.latency.settings import LatencySettings, Prior
from bayes_scaling.latency.timings import load_timings
from bayes_scaling.roofline.devices import Device

NOISE = 0.1  # of ln time over the shapes of a kernel
EXACT = 1e-6  # a standard deviation that leaves no spread


@dataclass(frozen=True, eq=False)
class StageCoverage:
    """Ranks and cover of step times that simulated devices would have.

    Attributes
    ----------
    rows : DataFrame
        One row a device and query: rank (share of stage two's draws below the truth), covered, and the
        truth's step time in milliseconds.
    """

    rows: pd.DataFrame

    @property
    def cover(self) -> float:
        """Share of the truths inside the 90% interval."""
        return float(self.rows["covered"].mean())


def stage_coverage(
    queries: Any, bench: pd.DataFrame, device: Device, devices: int = 50, draws: int = 400, seed: int = 0
) -> StageCoverage:
    """Simulate devices, their benchmarks and their step times; predict the latter from the former.

    A device's kernels have coefficients drawn from the datasheet prior; its models' kernels differ from them
    by each target's offset, and the rest of the coefficients come from the prior.

    Parameters
    ----------
    queries : Timings, path or DataFrame
        Whose step times are predicted.
    bench : DataFrame
        Kernels and shapes to time: kernel, shape, bytes, flops; see `bayes_scaling.bench`.
    device : Device
        Datasheet constants of all devices.
    devices, draws : int
    seed : int
    """
    table = load_timings(queries, need_times=False).frame.assign(
        ttft_ms=np.nan, step_time_ms=1e6, measured=np.nan
    )
    plain = LatencySettings(device, prior_width=DATASHEET_WIDTH)
    rng = np.random.default_rng(seed)
    parts = []
    for i in range(devices):
        truth, found = simulate(bench, device, rng)
        time = _step(table, replace(plain, priors=truth), 1, seed + 7 * i)[0]
        known = bench_priors(found, device)
        drawn = _step(table, replace(plain, kernels=known.kernels), draws, seed + 7 * i + 1)
        rank = (drawn < time).mean(0)
        parts.append(
            pd.DataFrame({"device": i, "query": np.arange(len(time)), "step_time_ms": time, "rank": rank})
        )
    rows = pd.concat(parts, ignore_index=True)
    return StageCoverage(rows.assign(covered=(rows["rank"] - 0.5).abs() <= 0.45))


def _step(table: pd.DataFrame, settings: LatencySettings, draws: int, seed: int) -> np.ndarray:
    """Draws of the step times in milliseconds (draw, query) from the prior of the settings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the times in the table are placeholders
        fit = prior_fit(table, settings, draws=draws, seed=seed)
    return np.asarray(predict(fit, table, "mean", seed)["step_time_ms"].to_numpy()[0])


def simulate(
    bench: pd.DataFrame, device: Device, rng: np.random.Generator
) -> tuple[dict[str, Prior], pd.DataFrame]:
    """True coefficients of the models on one device (with no spread left), and the device's benchmarks."""
    truth: dict[str, Prior] = {}
    parts = []
    for model in MODELS:
        rows = bench[bench["kernel"].isin(model.kernels)]
        own = {}
        for parameter in model.coefficients:
            u = float(rng.normal(parameter.center, parameter.sd))
            own[parameter.name] = parameter.value(np, np.array([u]))
            for target in model.targets.get(parameter.name, ()):
                offset = target.shift + target.discount * float(rng.standard_normal())
                truth[target.name] = (u + offset, EXACT)
        seconds = model.seconds(np, own, columns_of(rows), device)
        noisy = seconds * np.exp(NOISE * rng.standard_normal(len(rows)))
        parts.append(rows.assign(time_ms=1e3 * noisy, status="ok"))
    return truth, pd.concat(parts, ignore_index=True)
