"""Running the bench: gate, then shapes, then repeats, one row each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bayes_scaling.bench.backend import Backend, Timing
from bayes_scaling.bench.cuda_backend import CudaBackend
from bayes_scaling.bench.host_backend import HostBackend
from bayes_scaling.bench.rows import L2_STATES, OK, BenchError, BenchRow
from bayes_scaling.kernels import KERNELS, KernelError, KernelSpec, get_kernel, shape_text

Sizes = Mapping[str, int]
DEVICES = ("cuda", "cpu")


def get_backend(device: str) -> Backend:
    """The device to time on.

    Raises
    ------
    BenchError
        An unknown device, or one that is not here.
    """
    if device == "cpu":
        return HostBackend()
    if device == "cuda":
        return CudaBackend()
    raise BenchError(f"device {device!r} is not known; use one of {', '.join(DEVICES)}.")


def bench(
    backend: Backend,
    kernels: Sequence[str] | None = None,
    repeats: int = 20,
    note: Callable[[str], None] = lambda line: None,
) -> Iterator[BenchRow]:
    """Time kernels on a device.

    Parameters
    ----------
    backend : Backend
        From `get_backend`.
    kernels : sequence of str, optional
        Default all.
    repeats : int
        Timings kept of each shape, provider and state of the cache.
    note : callable
        Told of each kernel before it starts.

    Yields
    ------
    BenchRow
        A kernel that fails its gate, and a shape that the device cannot hold, give a row without a time.

    Raises
    ------
    KernelError
        An unknown kernel.
    BenchError
        No repeats.
    """
    if repeats < 1:
        raise BenchError(f"repeats = {repeats}: at least one is needed.")
    for spec in [get_kernel(name) for name in kernels or KERNELS]:
        note(spec.name)
        yield from time_kernel(backend, spec, repeats)


def time_kernel(backend: Backend, spec: KernelSpec, repeats: int) -> Iterator[BenchRow]:
    """All shapes and providers of one kernel."""
    try:
        backend.gate(spec)
    except Exception as error:
        provider = backend.providers(spec)[0]
        yield failed_row(backend, spec, provider, backend.shapes[spec.name][0], error)
        return
    for shape in backend.shapes[spec.name]:
        for provider in backend.providers(spec):
            yield from time_shape(backend, spec, provider, shape, repeats)


def time_shape(
    backend: Backend, spec: KernelSpec, provider: str, shape: Sizes, repeats: int
) -> Iterator[BenchRow]:
    """All repeats of one shape; what does not fit is a row too."""
    clock = backend.clock_mhz()
    try:
        prepared = backend.prepare(spec, provider, shape)
        timings = backend.timings(prepared.call, repeats)
    except Exception as error:
        yield failed_row(backend, spec, provider, shape, error)
        return
    counts: dict[tuple[Any, ...], int] = {}
    for timing in timings:
        state = timing.method, timing.l2, timing.graph
        counts[state] = counts.get(state, -1) + 1
        yield row(backend, spec, provider, shape, timing, counts[state], clock, prepared.configuration)


def row(
    backend: Backend,
    spec: KernelSpec,
    provider: str,
    shape: Sizes,
    timing: Timing,
    repeat: int,
    clock: float | None,
    configuration: str = "",
    status: str = OK,
) -> BenchRow:
    """One timing with all that it depends on."""
    work = spec.work(shape, backend.dtype)
    return BenchRow(
        kernel=spec.name,
        provider=provider,
        shape=shape_text(shape),
        dtype=backend.dtype,
        bytes=float(work.bytes),
        flops=float(work.flops),
        time_ms=timing.time_ms if status == OK else None,
        method=timing.method,
        l2=timing.l2,
        graph=timing.graph,
        device=backend.device,
        driver=backend.driver,
        clock_mhz=clock,
        triton_version=backend.versions.get("triton", ""),
        torch_version=backend.versions.get("torch", ""),
        status=status,
        repeat=repeat,
        configuration=configuration,
    )


def failed_row(backend: Backend, spec: KernelSpec, provider: str, shape: Sizes, error: Exception) -> BenchRow:
    """A row of what did not run; an error that is neither the kernel's nor the device's is raised again."""
    status = str(error) if isinstance(error, KernelError) else backend.status(error)
    if status is None:
        raise error
    timing = Timing(0.0, backend.method, L2_STATES[0])
    return row(backend, spec, provider, shape, timing, 0, backend.clock_mhz(), status=status)
