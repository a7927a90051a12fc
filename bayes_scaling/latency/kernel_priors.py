"""Stage two: the posterior of microbenchmarks, which is the prior of the latency models.

The coefficients of one kernel are fitted together to all of its rows, each row once: a launch, a bandwidth
and a rate are told apart by shapes, and their posterior keeps what they owe each other. A kernel carries over
to the same kernel in a model but for a small offset (`bayes_scaling.latency.kernel_models.Target`). What is
handed on are the mean and the covariance of ``u``, shared by all models on the device, and the offsets'
spread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import block_diag

from bayes_scaling.bench import load_bench
from bayes_scaling.bench.rows import OK
from bayes_scaling.errors import LatencyError
from bayes_scaling.latency.device_names import check_device
from bayes_scaling.latency.kernel_models import MODELS, KernelModel, Target, columns_of
from bayes_scaling.latency.settings import KernelPrior
from bayes_scaling.models.latency_density import student
from bayes_scaling.models.mode import climb, compile_rows
from bayes_scaling.models.whitening import Whitening
from bayes_scaling.roofline.devices import Device
from bayes_scaling.roofline.parameters import Parameter

Array = Any
NOISE_PRIOR = (np.log(0.15), 0.7)  # ln of the scatter of ln time over a kernel's shapes
DEGREES = 4.0  # of the Student-t scatter
FEWEST_SHAPES = 2
DATASHEET_WIDTH = 2.0  # of the datasheet prior, where nothing else is known of a device
NEARLY = 0.9  # of the least time: clocks above those of the data sheet, and the scatter of timings


@dataclass(frozen=True)
class BenchPriors:
    """Priors that benchmarks give.

    Attributes
    ----------
    kernels : KernelPrior
    source : str
    unused : mapping of str to str
        Kernels that inform nothing here, and why.
    """

    kernels: KernelPrior
    source: str
    unused: Mapping[str, str]


def bench_priors(bench: Any, device: Device) -> BenchPriors:
    """The prior of the latency model out of microbenchmarks of a device.

    Parameters
    ----------
    bench : path or DataFrame
        What ``bayes-scaling bench`` writes: kernel, shape, bytes, flops, time_ms, status, ...
    device : Device

    Raises
    ------
    BenchError, LatencyError
        Not such a table, one of another device, times that the device cannot reach, or no kernel in it that
        informs the model.
    """
    table, source = best_times(bench, device)
    parts = []
    unused = {}
    for model in MODELS:
        rows = table[table["kernel"].isin(model.kernels)]
        if rows["shape"].nunique() < FEWEST_SHAPES:
            unused[model.name] = f"fewer than {FEWEST_SHAPES} shapes of {', '.join(model.kernels)}"
            continue
        parts.append(handed_on(model, fit_kernel(model, rows, device)))
    if not parts:
        raise LatencyError(f"{source}: no kernel that informs the latency model. Run bayes-scaling bench.")
    return BenchPriors(_joined(parts), f"microbenchmarks {source}", unused)


def best_times(bench: Any, device: Device) -> tuple[pd.DataFrame, str]:
    """One row a kernel and shape of the fastest provider: the median of its repeats.

    Graph rows count where there are some, since events time the host too; on a host, which shares its cores,
    the least of the repeats.
    """
    table = bench if isinstance(bench, pd.DataFrame) else load_bench(bench)
    source = "table" if isinstance(bench, pd.DataFrame) else str(bench)
    lost = {"kernel", "shape", "bytes", "flops", "time_ms", "status"}.difference(table)
    if lost:
        raise LatencyError(f"benchmarks without column {', '.join(sorted(lost))}: run bayes-scaling bench")
    if "device" in table:
        check_device(table["device"], device, source)
    ran = _preferred(table[table["status"] == OK])
    keys = ["kernel", "shape", *(["provider"] if "provider" in ran else [])]
    grouped = ran.groupby(keys, as_index=False)[["bytes", "flops", "time_ms"]]
    shared = "method" in ran and bool((ran["method"] == "host").all())
    each = grouped.min() if shared else grouped.median()
    best = each.loc[each.groupby(["kernel", "shape"])["time_ms"].idxmin()].reset_index(drop=True)
    _check_reachable(best, device, source)
    return best, source


def _preferred(ran: pd.DataFrame) -> pd.DataFrame:
    """Of each kernel the rows by graphs, or else those with the caches overwritten, or else all."""
    if not {"method", "l2"} <= set(ran):
        return ran
    rank = np.select([ran["method"] == "graph", ran["l2"] == "flushed"], [0, 1], 2)
    best = pd.Series(rank, index=ran.index).groupby([ran["kernel"], ran["shape"]]).transform("min")
    return ran[rank == best]


def _check_reachable(best: pd.DataFrame, device: Device, source: str) -> None:
    """Refuse products that take clearly less than the device needs for their FLOPs."""
    least = 1e3 * best["flops"] / device.flops_per_second
    wrong = best["time_ms"] < NEARLY * least
    if wrong.any():
        row = best[wrong].iloc[0]
        raise LatencyError(
            f"{source}: {row['kernel']} at {row['shape']} takes {row['time_ms']:.4g} ms, less than the "
            f"{least[wrong].iloc[0]:.4g} ms that {device.name} needs for its FLOPs. Are they seconds, of "
            "another device, or of a narrower dtype? Give milliseconds and the device that was timed."
        )


def wide(parameter: Parameter) -> Parameter:
    """The coefficient with the datasheet prior of a device of which nothing else is known."""
    return parameter.with_prior(
        parameter.center, parameter.sd * (DATASHEET_WIDTH if parameter.of_device else 1.0)
    )


def fit_kernel(model: KernelModel, rows: pd.DataFrame, device: Device) -> Whitening:
    """Mode and curvature of ``u`` of a kernel's coefficients, and last the ln of their scatter."""
    columns = columns_of(rows)
    log_time = np.log(rows["time_ms"].to_numpy(dtype=float) * 1e-3)
    both = _objective(model.name, device)
    start = np.array([*(parameter.center for parameter in model.coefficients), NOISE_PRIOR[0]])
    found = climb(lambda x: both(x, columns, log_time), start)
    return replace(found, scales=np.ones(0))


@lru_cache(maxsize=32)
def _objective(name: str, device: Device) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Minus the log density of a kernel's coefficients, compiled once for all tables of the same rows."""
    import jax.numpy as jnp

    model = next(model for model in MODELS if model.name == name)
    starts = [wide(parameter) for parameter in model.coefficients]
    mean = np.array([*(p.center for p in starts), NOISE_PRIOR[0]])
    sd = np.array([*(p.sd for p in starts), NOISE_PRIOR[1]])

    def potential(x: Array, columns: Mapping[str, Array], log_time: Array) -> Array:
        c = {p.name: p.value(jnp, x[i]) for i, p in enumerate(starts)}
        log_scale = x[-1]
        residual = (log_time - jnp.log(model.seconds(jnp, c, columns, device))) / jnp.exp(log_scale)
        fit = (student(jnp, residual, DEGREES) - log_scale).sum(-1)
        return 0.5 * (((x - mean) / sd) ** 2).sum(-1) - fit

    return compile_rows(potential, len(mean))


def handed_on(model: KernelModel, found: Whitening) -> KernelPrior:
    """What a fitted kernel says of coefficients of the latency models."""
    covariance = found.factor @ found.factor.T
    scatter = float(np.exp(found.center[-1]))
    chosen: list[tuple[int, Target]] = [
        (i, target)
        for i, parameter in enumerate(model.coefficients)
        for target in model.targets.get(parameter.name, ())
    ]
    places = [i for i, _ in chosen]
    transfer = []
    for i, target in chosen:
        transfer.append(
            float(np.hypot(target.discount, _shape_spread(model.coefficients[i], found, i, scatter)))
        )
    return KernelPrior(
        tuple(target.name for _, target in chosen),
        tuple(float(found.center[i] + target.shift) for i, target in chosen),
        tuple(tuple(float(v) for v in row) for row in covariance[np.ix_(places, places)]),
        tuple(transfer),
    )


def _shape_spread(parameter: Parameter, found: Whitening, place: int, scatter: float) -> float:
    """The scatter of ln time over shapes, as one of ``u`` of a rate; launches have their own offset."""
    if parameter.kind != "efficiency":
        return 0.0
    share = float(parameter.value(np, found.center[place]))
    return scatter / max(1 - share, 0.2)


def _joined(parts: list[KernelPrior]) -> KernelPrior:
    """Kernels share no row, so their posteriors are independent."""
    covariance = block_diag(*(np.array(part.covariance) for part in parts))
    return KernelPrior(
        tuple(name for part in parts for name in part.names),
        tuple(value for part in parts for value in part.mean),
        tuple(tuple(float(v) for v in row) for row in covariance),
        tuple(value for part in parts for value in part.transfer),
    )
