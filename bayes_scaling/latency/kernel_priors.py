"""Stage two: the posterior of a microbenchmark model, which is the prior of the latency model.

Each link ties a kernel to coefficients of the latency formulas. The microbenchmark model of a kernel is
time = launch + work / (efficiency x peak), log-normal; its coefficients start from the datasheet prior of the
very coefficient they become. What is handed on are the moments of ``u``, widened by how far the kernel's
shapes differ and by the link's transfer discount: a kernel alone, on random data, is the best case of a real
one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize

from bayes_scaling.bench import load_bench
from bayes_scaling.bench.rows import OK
from bayes_scaling.errors import LatencyError
from bayes_scaling.kernels import parse_shape
from bayes_scaling.latency.settings import Prior
from bayes_scaling.roofline.devices import Device
from bayes_scaling.roofline.parameters import Parameter, parameters
from bayes_scaling.roofline.workload import ATTENTION, RECURRENT, padded

Array = Any
LAUNCHES = 14.0  # kernels of one block: norms, projections, mixer, gates, residuals
LAUNCH_PRIOR = (np.log(5e-6), 1.0)  # of one launch, in seconds
NOISE_PRIOR = (np.log(0.2), 0.7)  # of ln time round the kernel's model
FEWEST_SHAPES = 2
_LOADS = "step/bandwidth"
DATASHEET_WIDTH = 2.0  # of the datasheet prior, where nothing else is known of a device


@dataclass(frozen=True)
class Link:
    """A kernel and the coefficients it informs.

    Attributes
    ----------
    kernel : str
    coefficients : tuple of str
        ``phase/name``.
    resource : {"bytes", "flops", "keys", "scores", "launch"}
        What the efficiency is of.
    shift, discount : float
        Added to the mean of ``u``, and to its standard deviation in quadrature.
    keep : callable(shape), optional
        Which shapes tell of it.
    """

    kernel: str
    coefficients: tuple[str, ...]
    resource: str
    shift: float
    discount: float
    keep: Callable[[Mapping[str, int]], bool] = lambda shape: True


def _few_rows(shape: Mapping[str, int]) -> bool:
    return shape["m"] == 1 and shape["n"] * shape["k"] >= 2**19


def _batch_rows(shape: Mapping[str, int]) -> bool:
    return 8 <= shape["m"] <= 256 and shape["n"] * shape["k"] >= 2**19


def _many_rows(shape: Mapping[str, int]) -> bool:
    return shape["m"] >= 512


def _many_tokens(shape: Mapping[str, int]) -> bool:
    return shape["tokens"] >= 1024


LINKS = (
    Link("empty", ("step/block_time", "prefill/block_time"), "launch", 0.0, 0.5),
    Link("matmul", ("step/bandwidth", "prefill/bandwidth"), "bytes", 0.0, 0.4, _few_rows),
    Link("matmul", ("step/matmul",), "flops", 0.0, 0.4, _batch_rows),
    Link("matmul", ("prefill/matmul",), "flops", -0.1, 0.3, _many_rows),
    Link("swiglu", ("prefill/activations",), "bytes", -0.5, 0.5, _many_tokens),
    Link("decode_attention", ("step/key_bandwidth",), "keys", -0.2, 0.4),
    Link("prefill_attention", ("prefill/score_matmul",), "scores", -0.2, 0.4),
    Link("mlstm_step", ("step/state_bandwidth",), "bytes", -0.2, 0.3),
    Link("mlstm_chunkwise", ("prefill/state_bandwidth",), "bytes", -0.2, 0.4),
)


@dataclass(frozen=True)
class BenchPriors:
    """Priors that benchmarks give.

    Attributes
    ----------
    priors : mapping of str to (mean, sd)
        Of ``u`` by ``phase/name``.
    source : str
    unused : mapping of str to str
        Kernels that inform nothing here, and why.
    """

    priors: Mapping[str, Prior]
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
        Not such a table, or no kernel in it that informs the model.
    """
    table, source = _kernels(bench)
    priors: dict[str, Prior] = {}
    unused: dict[str, str] = {}
    for link in LINKS:
        rows = table[table["kernel"] == link.kernel]
        if len(rows):
            rows = rows[[link.keep(shape) for shape in rows["sizes"]]]
        if link.resource != "launch" and len(rows) < FEWEST_SHAPES:
            unused[f"{link.kernel} for {link.coefficients[0]}"] = f"fewer than {FEWEST_SHAPES} shapes"
            continue
        if len(rows):
            loads = load_seconds(link, rows, device, priors)
            priors |= {name: moments(name, link, rows, device, loads) for name in link.coefficients}
    if not priors:
        raise LatencyError(f"{source}: no kernel that informs the latency model. Run bayes-scaling bench.")
    return BenchPriors(priors, f"microbenchmarks {source}", unused)


def _kernels(bench: Any) -> tuple[pd.DataFrame, str]:
    """One row a kernel and shape of the fastest provider: the median of its repeats on a GPU.

    On a host, which shares its cores, the least of them.
    """
    table = bench if isinstance(bench, pd.DataFrame) else load_bench(bench)
    lost = {"kernel", "shape", "bytes", "flops", "time_ms", "status"}.difference(table)
    if lost:
        raise LatencyError(f"benchmarks without column {', '.join(sorted(lost))}: run bayes-scaling bench")
    ran = table[table["status"] == OK]
    if "l2" in ran and (ran["l2"] == "flushed").any():
        ran = ran[(ran["l2"] == "flushed") | (ran["kernel"] == "empty")]
    keys = ["kernel", "shape", *(["provider"] if "provider" in ran else [])]
    grouped = ran.groupby(keys, as_index=False)[["bytes", "flops", "time_ms"]]
    shared = "method" in ran and bool((ran["method"] == "host").all())
    each = grouped.min() if shared else grouped.median()
    best = each.loc[each.groupby(["kernel", "shape"])["time_ms"].idxmin()].reset_index(drop=True)
    best["sizes"] = pd.Series([parse_shape(str(shape)) for shape in best["shape"]], dtype=object)
    return best, "table" if isinstance(bench, pd.DataFrame) else str(bench)


def load_seconds(link: Link, rows: pd.DataFrame, device: Device, known: Mapping[str, Prior]) -> Array:
    """Seconds in which matrix products load their matrices, at the bandwidth already known."""
    if link.kernel != "matmul" or link.resource != "flops" or _LOADS not in known:
        return 0.0
    share = parameter_of(_LOADS).value(np, known[_LOADS][0])
    return rows["bytes"].to_numpy(dtype=float) / device.bytes_per_second / share


def moments(name: str, link: Link, rows: pd.DataFrame, device: Device, loads: Array = 0.0) -> Prior:
    """Mean and standard deviation of ``u`` of a coefficient after a kernel's timings.

    ``loads`` are seconds of each row that another coefficient accounts for.
    """
    start = parameter_of(name)
    start = start.with_prior(start.center, DATASHEET_WIDTH * start.sd)
    seconds = rows["time_ms"].to_numpy(dtype=float) * 1e-3
    if link.resource == "launch":
        mean = np.log(LAUNCHES * np.median(seconds))
        return float(mean + link.shift), float(np.hypot(link.discount, 0.1))
    ideal = ideal_seconds(link, rows, device)

    def density(x: np.ndarray) -> float:
        spread = np.exp(x[2])
        time = np.exp(x[1]) + loads + ideal / start.value(np, x[0])
        fit = -0.5 * np.sum((np.log(seconds / time) / spread) ** 2) - len(seconds) * x[2]
        prior = ((x[0] - start.center) / start.sd) ** 2
        prior += ((x[1] - LAUNCH_PRIOR[0]) / LAUNCH_PRIOR[1]) ** 2 + (
            (x[2] - NOISE_PRIOR[0]) / NOISE_PRIOR[1]
        ) ** 2
        return float(fit - 0.5 * prior)

    mode, covariance = laplace(density, np.array([start.center, LAUNCH_PRIOR[0], NOISE_PRIOR[0]]))
    share = float(start.value(np, mode[0]))
    shapes = np.exp(mode[2]) / max(1 - share, 0.2)  # the spread over shapes, as one of u
    sd = min(np.sqrt(covariance[0, 0] + shapes**2 + link.discount**2), start.sd)
    return float(mode[0] + link.shift), float(sd)


def laplace(density: Callable[[np.ndarray], float], start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mode of a log density of few coordinates, and the inverse of its curvature there."""
    found = optimize.minimize(lambda x: -density(x), start, method="Nelder-Mead",
                              options={"xatol": 1e-5, "fatol": 1e-8, "maxiter": 4000})  # fmt: skip
    size = len(start)
    step = 1e-3
    curvature = np.empty((size, size))
    for i, j in np.ndindex(size, size):
        a = step * np.eye(size)[i]
        b = step * np.eye(size)[j]
        corners = density(found.x + a + b) - density(found.x + a - b)
        corners += density(found.x - a - b) - density(found.x - a + b)
        curvature[i, j] = -corners / (4 * step**2)
    values, axes = np.linalg.eigh(0.5 * (curvature + curvature.T))
    return found.x, (axes / np.maximum(values, 1e-6)) @ axes.T


def ideal_seconds(link: Link, rows: pd.DataFrame, device: Device) -> np.ndarray:
    """Seconds at the datasheet's peak of the link's resource."""
    if link.resource == "flops":
        return rows["flops"].to_numpy(dtype=float) / device.flops_per_second
    if link.resource == "bytes":
        return rows["bytes"].to_numpy(dtype=float) / device.bytes_per_second
    sizes = rows["sizes"]
    batch = _size(sizes, "batch")
    heads = _size(sizes, "num_kv_heads")
    width = _size(sizes, "head_dim_v")
    if link.resource == "keys":
        waves = np.ceil(batch * heads / device.units)
        number = 4 if device.dtype == "float32" else 2
        exponent = parameter_of("step/key_width").center
        keys = _size(sizes, "keys") * 2 * 128 * number * (padded(width) / 128) ** exponent
        return np.asarray(waves * keys * device.units / device.bytes_per_second)
    exponent = parameter_of("prefill/score_width").center
    pairs = batch * _size(sizes, "num_heads") * _size(sizes, "tokens") ** 2 * 2 * 128
    relative = (np.sqrt(padded(width) * width) / 128) ** exponent
    return np.asarray(pairs * relative / device.flops_per_second)


def _size(sizes: pd.Series, name: str) -> np.ndarray:
    return np.array([float(shape[name]) for shape in sizes])


def parameter_of(name: str) -> Parameter:
    """The coefficient named ``phase/name`` with its datasheet prior."""
    phase, _, rest = name.partition("/")
    both = (*parameters(phase, ATTENTION), *parameters(phase, RECURRENT))
    return next(parameter for parameter in both if parameter.name == rest)
