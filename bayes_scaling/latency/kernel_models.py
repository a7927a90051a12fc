"""Models of microbenchmarks: a launch and the kernel's own time, by the formulas of the latency models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.kernels import parse_shape
from bayes_scaling.roofline.devices import Device
from bayes_scaling.roofline.kernel_times import chunk_time, key_time, product_time, score_time, state_time
from bayes_scaling.roofline.parameters import PREFILL, STEP, Parameter, efficiency, parameters, positive
from bayes_scaling.roofline.workload import ATTENTION, HEAD_WIDTH, RECURRENT, padded

Array = Any
Coefficients = Mapping[str, Array]
CACHED_BYTES = (
    1.3e8  # what a graph's launches read again may lie in the last cache where it is less than this
)
FEW_ROWS = 256  # rows of a product of a decoding step, at most


@dataclass(frozen=True)
class Target:
    """A coefficient of the latency models that a coefficient of a kernel becomes.

    Attributes
    ----------
    name : str
        ``phase/name`` or ``architecture/phase/name``.
    shift, discount : float
        A model's kernel differs from the bench's in ``u`` by so much in the mean, and by a normal offset of
        this standard deviation, which the timings of models then tell.
    """

    name: str
    shift: float
    discount: float


@dataclass(frozen=True)
class KernelModel:
    """How the time of a kernel follows from coefficients.

    Attributes
    ----------
    name : str
    kernels : tuple of str
        Of the bench.
    coefficients : tuple of Parameter
        With their datasheet priors.
    seconds : callable(xp, coefficients, rows, device)
        Of each row; ``rows`` are the columns of `columns_of`.
    targets : mapping of str to tuple of Target
        What each coefficient becomes; the others belong to the bench alone.
    """

    name: str
    kernels: tuple[str, ...]
    coefficients: tuple[Parameter, ...]
    seconds: Callable[[Any, Coefficients, Mapping[str, np.ndarray], Device], Array]
    targets: Mapping[str, tuple[Target, ...]]


def columns_of(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Numbers of each row: bytes, flops and the sizes of its shape, NaN where a kernel has no such size.

    ``padded`` is the head dimension as kernels take it.
    """
    sizes = [parse_shape(str(shape)) for shape in table["shape"]]
    names = sorted({name for shape in sizes for name in shape})
    found = {name: np.array([float(shape.get(name, np.nan)) for shape in sizes]) for name in names}
    for name in ("bytes", "flops"):
        found[name] = table[name].to_numpy(dtype=float)
    if "head_dim_v" in found:
        found["padded"] = padded(found["head_dim_v"])
    return found


def parameter_of(phase: str, mixer: str, name: str) -> Parameter:
    """A coefficient of the latency models with its datasheet prior."""
    return next(parameter for parameter in parameters(phase, mixer) if parameter.name == name)


_WARM = positive("warm", 1.3, 0.3, "1", "bandwidth of what the last cache holds, relative to the memory's")
_STREAMS = efficiency("streams", 0.8, 0.7, "bandwidth of one well-made elementwise kernel")
_STEP_MATMUL = "matmul"
_PREFILL_MATMUL = "prefill_matmul"


def _warmth(c: Coefficients, rows: Mapping[str, np.ndarray]) -> Array:
    return c["warm"] ** (rows["bytes"] < CACHED_BYTES)


def _small(xp: Any, c: Coefficients, rows: Mapping[str, np.ndarray], device: Device) -> Array:
    rate = device.bytes_per_second * c["streams"] * _warmth(c, rows)
    return c["small_launch"] + rows["bytes"] / rate


def _products(xp: Any, c: Coefficients, rows: Mapping[str, np.ndarray], device: Device) -> Array:
    few = (rows["m"] <= FEW_ROWS).astype(float)
    rate = few * c[_STEP_MATMUL] + (1 - few) * c[_PREFILL_MATMUL]
    known = {"bandwidth": c["bandwidth"], "corner": c["corner"], "matmul": rate}
    time = product_time(xp, known, rows["bytes"], rows["flops"], device, _warmth(c, rows))
    return c["product_launch"] + time


def _keys(xp: Any, c: Coefficients, rows: Mapping[str, np.ndarray], device: Device) -> Array:
    heads = rows["batch"] * rows["num_kv_heads"]
    crowding = xp.ceil(heads / device.units) * device.units / heads
    width = rows["head_dim_v"] / HEAD_WIDTH, rows["padded"] / HEAD_WIDTH
    time = key_time(xp, c, rows["bytes"], width, crowding, device)
    return c["mixer_launch"] + time / _warmth(c, rows)


def _scores(xp: Any, c: Coefficients, rows: Mapping[str, np.ndarray], device: Device) -> Array:
    widths = rows["head_dim_qk"] + rows["head_dim_v"]
    flops = rows["batch"] * rows["num_heads"] * rows["tokens"] ** 2 * widths
    own = rows["head_dim_v"] / HEAD_WIDTH
    wide = rows["padded"] / HEAD_WIDTH
    return c["mixer_launch"] + score_time(xp, c, flops, own, wide, device)


def _states(xp: Any, c: Coefficients, rows: Mapping[str, np.ndarray], device: Device) -> Array:
    return c["mixer_launch"] + state_time(c, rows["bytes"], device) / _warmth(c, rows)


def _chunks(xp: Any, c: Coefficients, rows: Mapping[str, np.ndarray], device: Device) -> Array:
    return c["mixer_launch"] + chunk_time(xp, c, rows["bytes"], rows["tokens"], device)


def _in_both(name: str, shift: float, discount: float) -> tuple[Target, ...]:
    return tuple(Target(f"{phase}/{name}", shift, discount) for phase in (STEP, PREFILL))


MODELS = (
    KernelModel(
        "small",
        ("copy", "rmsnorm", "swiglu"),
        (parameter_of(STEP, ATTENTION, "small_launch"), _STREAMS, _WARM),
        _small,
        # an eager program's own kernels are slower to end than one well-made kernel
        {
            "small_launch": _in_both("small_launch", 0.4, 0.35),
            # and move their bytes at half the rate: strided, with float32 between
            "streams": _in_both("activations", -1.8, 0.6),
        },
    ),
    KernelModel(
        "products",
        ("matmul",),
        (
            parameter_of(STEP, ATTENTION, "product_launch"),
            parameter_of(STEP, ATTENTION, "bandwidth"),
            parameter_of(STEP, ATTENTION, "matmul"),
            replace(parameter_of(PREFILL, ATTENTION, "matmul"), name=_PREFILL_MATMUL),
            parameter_of(STEP, ATTENTION, "corner"),
            _WARM,
        ),
        _products,
        {
            "product_launch": _in_both("product_launch", 0.2, 0.3),
            "bandwidth": _in_both("bandwidth", -0.5, 0.5),
            _STEP_MATMUL: (Target("step/matmul", 0.0, 0.4),),
            _PREFILL_MATMUL: (Target("prefill/matmul", 0.0, 0.3),),
        },
    ),
    KernelModel(
        "keys",
        ("decode_attention",),
        (
            parameter_of(STEP, ATTENTION, "mixer_launch"),
            parameter_of(STEP, ATTENTION, "key_bandwidth"),
            parameter_of(STEP, ATTENTION, "key_width"),
            parameter_of(STEP, ATTENTION, "whole_heads"),
            _WARM,
        ),
        _keys,
        {
            "mixer_launch": (Target("transformer/step/mixer_launch", 0.0, 0.3),),
            "key_bandwidth": (Target("step/key_bandwidth", -0.1, 0.3),),
            "whole_heads": (Target("step/whole_heads", 0.0, 0.5),),
        },
    ),
    KernelModel(
        "scores",
        ("prefill_attention",),
        tuple(
            parameter_of(PREFILL, ATTENTION, name) for name in ("mixer_launch", "score_matmul", "score_width")
        ),
        _scores,
        {
            "mixer_launch": (Target("transformer/prefill/mixer_launch", 0.0, 0.3),),
            "score_matmul": (Target("prefill/score_matmul", 0.0, 0.25),),
            "score_width": (Target("prefill/score_width", 0.0, 0.1),),
        },
    ),
    KernelModel(
        "states",
        ("mlstm_step",),
        (
            parameter_of(STEP, RECURRENT, "mixer_launch"),
            parameter_of(STEP, RECURRENT, "state_bandwidth"),
            _WARM,
        ),
        _states,
        {
            "mixer_launch": (Target("xlstm/step/mixer_launch", 0.0, 0.3),),
            "state_bandwidth": (Target("step/state_bandwidth", -0.2, 0.4),),
        },
    ),
    KernelModel(
        "chunks",
        ("mlstm_chunkwise",),
        (
            parameter_of(PREFILL, RECURRENT, "mixer_launch"),
            parameter_of(PREFILL, RECURRENT, "state_bandwidth"),
            parameter_of(PREFILL, RECURRENT, "serial_time"),
        ),
        _chunks,
        {
            "mixer_launch": (Target("xlstm/prefill/mixer_launch", 0.0, 0.3),),
            "state_bandwidth": (Target("prefill/state_bandwidth", 0.0, 0.3),),
            "serial_time": (Target("prefill/serial_time", 0.0, 0.3),),
        },
    ),
)
