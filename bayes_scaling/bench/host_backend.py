"""The host: JAX and NumPy twins of the kernels, timed by the host's clock in float32."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from bayes_scaling.bench.backend import Call, Prepared, Timing
from bayes_scaling.bench.jax_twins import TWINS, copy
from bayes_scaling.bench.rows import OUT_OF_MEMORY
from bayes_scaling.bench.shapes import GATE_SHAPES, HOST_SHAPES
from bayes_scaling.kernels import KernelSpec
from bayes_scaling.kernels.gate import Verdict, error_share, require, tolerance

Array = Any
DTYPE = "float32"
WARM_UP = 3
LEAST_FLUSH = 64 * 2**20  # bytes
RENAMED = {"input": "input_gate", "forget": "forget_gate"}
CPU_INFO = Path("/proc/cpuinfo")
LAST_CACHE = Path("/sys/devices/system/cpu/cpu0/cache/index3/size")


def cpu_field(name: str) -> str | None:
    """The first value of a field of the kernel's table of processors."""
    if not CPU_INFO.exists():
        return None
    for line in CPU_INFO.read_text().splitlines():
        field, _, value = line.partition(":")
        if field.strip() == name:
            return value.strip()
    return None


def cpu_name() -> str:
    """Cores and model, such as ``2 cores of AMD EPYC``."""
    model = cpu_field("model name") or platform.processor() or platform.machine()
    return (
        f"{os.process_cpu_count() if hasattr(os, 'process_cpu_count') else os.cpu_count()} cores of {model}"
    )


def flush_bytes() -> int:
    """Twice the last-level cache."""
    text = LAST_CACHE.read_text().strip() if LAST_CACHE.exists() else ""
    size = int(text[:-1]) * 1024 if text[:-1].isdecimal() and text.endswith("K") else 0
    return max(LEAST_FLUSH, 2 * size)


def numpy_copy(arrays: Mapping[str, Array]) -> Call:
    """The copy by NumPy."""
    out = np.empty_like(arrays["x"])
    return lambda: np.copyto(out, arrays["x"])


def donated_copy(x: Array) -> Call:
    """The copy by JAX into memory that is handed on: fresh memory costs more than the copy."""
    import jax

    twin = jax.jit(copy, donate_argnames="y")
    source = jax.device_put(x)
    held = {"y": jax.device_put(np.zeros_like(x))}

    def call() -> Any:
        held.update(twin(source, held["y"]))
        return jax.block_until_ready(held)

    return call


def jax_twin(spec: KernelSpec, arrays: Mapping[str, Array], shape: Mapping[str, int]) -> Call:
    """The compiled twin on these arrays."""
    import jax

    if spec.name == "copy":
        return donated_copy(arrays["x"])
    fixed = {"chunk_size": shape["chunk_size"]} if spec.name == "mlstm_chunkwise" else {}
    twin = jax.jit(TWINS[spec.name], static_argnames=tuple(fixed))
    held = {RENAMED.get(name, name): jax.device_put(array) for name, array in arrays.items()}
    if spec.name == "empty":
        held = {"x": jax.device_put(np.float32(0.0))}
    return lambda: jax.block_until_ready(twin(**held, **fixed))


class HostBackend:
    """The processor that this runs on."""

    dtype = DTYPE
    method = "host"
    shapes = HOST_SHAPES
    versions: Mapping[str, str] = MappingProxyType({})

    def __init__(self) -> None:
        import jax

        self.device = cpu_name()
        self.driver = f"jax {jax.__version__}, numpy {np.__version__}"
        self._rng = np.random.default_rng(0)
        self._flush = np.zeros(flush_bytes() // 4, dtype=np.float32)

    def providers(self, spec: KernelSpec) -> tuple[str, ...]:
        """JAX has all, NumPy the copy."""
        return ("jax", "numpy") if spec.name == "copy" else ("jax",)

    def gate(self, spec: KernelSpec) -> None:
        """The JAX twin against the float64 reference.

        Raises
        ------
        KernelError
            The twin is wrong.
        """
        limits = tolerance(DTYPE, DTYPE, exact_products=True)
        for shape in GATE_SHAPES[spec.name]:
            inputs = self._inputs(spec, shape)
            found = jax_twin(spec, inputs, shape)()
            expected = spec.reference({name: array.astype(np.float64) for name, array in inputs.items()})
            errors = {
                name: error_share(np.asarray(found[name]), each, limits) for name, each in expected.items()
            }
            require(spec, shape, DTYPE, Verdict(errors, ()))

    def prepare(self, spec: KernelSpec, provider: str, shape: Mapping[str, int]) -> Prepared:
        """One launch on random inputs."""
        inputs = self._inputs(spec, shape)
        return Prepared(numpy_copy(inputs) if provider == "numpy" else jax_twin(spec, inputs, shape))

    def timings(self, call: Call, repeats: int) -> list[Timing]:
        """By the host's clock: with the caches overwritten before each launch, then launch after launch."""
        for _ in range(WARM_UP):
            call()
        flushed = [Timing(self._time(call, flush=True), "host", "flushed") for _ in range(repeats)]
        return flushed + [Timing(self._time(call, flush=False), "host", "warm") for _ in range(repeats)]

    def clock_mhz(self) -> float | None:
        """As the operating system reports it; None where it does not."""
        text = cpu_field("cpu MHz")
        return float(text) if text else None

    def status(self, error: Exception) -> str | None:
        """Out of memory, by Python's or XLA's word."""
        if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
            return OUT_OF_MEMORY
        return None

    def _inputs(self, spec: KernelSpec, shape: Mapping[str, int]) -> dict[str, Array]:
        return {name: array.astype(DTYPE) for name, array in spec.inputs(shape, self._rng).items()}

    def _time(self, call: Call, flush: bool) -> float:
        if flush:
            self._flush += 1.0
        start = time.perf_counter_ns()
        call()
        return (time.perf_counter_ns() - start) / 1e6
