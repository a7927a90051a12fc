"""Does the interval after microbenchmarks hold: simulated devices whose truth is known."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.latency.fitting import prior_fit
from bayes_scaling.latency.kernel_priors import (
    DATASHEET_WIDTH,
    LAUNCHES,
    LINKS,
    Link,
    bench_priors,
    ideal_seconds,
    load_seconds,
    parameter_of,
)
from bayes_scaling.latency.prediction import predict
from bayes_scaling.latency.settings import LatencySettings
from bayes_scaling.latency.timings import load_timings
from bayes_scaling.roofline.devices import Device

NOISE = 0.1  # of ln time over the shapes of a kernel


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

    A device's kernels have efficiencies drawn from the datasheet prior; its models' kernels differ from them
    by each link's transfer, and the rest of the coefficients come from the prior.

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
    wide = LatencySettings(device, prior_width=DATASHEET_WIDTH)
    rng = np.random.default_rng(seed)
    parts = []
    for i in range(devices):
        truth, found = _simulate(bench, device, rng)
        exact = LatencySettings(device, priors=truth, prior_width=DATASHEET_WIDTH)
        time = _step(table, exact, 1, seed + 7 * i)[0]
        known = bench_priors(found, device)
        drawn = _step(
            table,
            LatencySettings(device, priors=known.priors, prior_width=wide.prior_width),
            draws,
            seed + 7 * i + 1,
        )
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


def _simulate(
    bench: pd.DataFrame, device: Device, rng: np.random.Generator
) -> tuple[dict[str, tuple[float, float]], pd.DataFrame]:
    """True coefficients (with no spread left) and the benchmarks of one device."""
    truth: dict[str, tuple[float, float]] = {}
    own: dict[str, tuple[float, float]] = {}  # of the kernels themselves
    parts = []
    launch = float(np.exp(rng.normal(np.log(5e-6), 0.5)))
    for kernel in dict.fromkeys(link.kernel for link in LINKS):
        rows = bench[bench["kernel"] == kernel].copy()
        time = np.full(len(rows), launch)
        for link in (link for link in LINKS if link.kernel == kernel):
            kept = np.array([link.keep(sizes) for sizes in rows["sizes"]], dtype=bool)
            u = _draw(link, launch, rng, truth)
            own |= dict.fromkeys(link.coefficients, (u, 0.0))
            if link.resource != "launch" and kept.any():
                share = parameter_of(link.coefficients[0]).value(np, u)
                time[kept] += ideal_seconds(link, rows[kept], device) / share
                time[kept] += load_seconds(link, rows[kept], device, own)
        noisy = time * np.exp(NOISE * rng.standard_normal(len(rows)))
        parts.append(rows.assign(time_ms=1e3 * noisy, status="ok"))

    return truth, pd.concat(parts, ignore_index=True).drop(columns="sizes")


def _draw(
    link: Link, launch: float, rng: np.random.Generator, truth: dict[str, tuple[float, float]]
) -> float:
    """The kernel's own ``u``; those of the models' kernels, moved by the transfer, go to ``truth``."""
    start = parameter_of(link.coefficients[0])
    u = float(rng.normal(start.center, start.sd))
    if link.resource == "launch":
        u = float(np.log(LAUNCHES * launch))
    for name in link.coefficients:
        moved = u + link.shift + link.discount * float(rng.standard_normal())
        truth[name] = (moved, 1e-6)
    return u
