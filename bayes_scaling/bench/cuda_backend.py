"""A GPU: the Triton kernels and torch's own, timed by CUDA events and CUDA graphs in bfloat16."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from bayes_scaling.bench.backend import Call, Prepared, Timing
from bayes_scaling.bench.rows import OUT_OF_MEMORY, BenchError
from bayes_scaling.bench.shapes import GATE_SHAPES, GPU_SHAPES
from bayes_scaling.bench.torch_providers import TORCH_CALLS, Tensors
from bayes_scaling.kernels import Config, KernelError, KernelSpec, load_code
from bayes_scaling.kernels.gate import Trial, allocate, require
from bayes_scaling.kernels.mlstm_specs import FORGET_BIAS

Array = Any
DTYPE = "bfloat16"
MARGIN = 2**15  # numbers before and after each array
WARM_UP = 5  # launches
TUNING = 5  # replays of a graph
IN_GRAPH = 20  # launches
LEAST_FLUSH = 256 * 2**20  # bytes
QUERY = ("nvidia-smi", "--format=csv,noheader,nounits", "--id={}", "--query-gpu={}")


def load_torch() -> ModuleType:
    """torch, with a GPU behind it.

    Raises
    ------
    BenchError
        torch is not installed, or sees no GPU.
    """
    host = "To time this host instead: bayes-scaling bench --device cpu."
    try:
        import torch
    except ModuleNotFoundError:
        raise BenchError(
            f"no GPU can be used: torch is not installed; run: pip install 'bayes-scaling[kernels]'. {host}"
        ) from None
    if not torch.cuda.is_available():
        raise BenchError(f"no GPU was found: torch sees no CUDA device. {host}")
    module: ModuleType = torch
    return module


def nvidia_smi(field: str, index: int) -> str | None:
    """One field of the driver's own report."""
    command = [part.format(index) if "id" in part else part.format(field) for part in QUERY]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


class Blank:
    """Memory for outputs that are timed, not judged."""

    def __init__(self, torch: ModuleType) -> None:
        self._torch = torch

    def blank(self, size: tuple[int, ...], dtype: str) -> Any:
        """A tensor of any numbers."""
        return self._torch.empty(size, dtype=getattr(self._torch, dtype), device="cuda")

    def clear(self, tensor: Any) -> None:
        """Fill a tensor with zeros."""
        tensor.zero_()


class CudaMemory(Blank):
    """The gate's arrays on a GPU, between margins of NaN."""

    exact_products = False

    def __init__(self, torch: ModuleType) -> None:
        super().__init__(torch)
        self._wholes: dict[int, Any] = {}

    def blank(self, size: tuple[int, ...], dtype: str) -> Any:
        """A tensor of NaN."""
        torch = self._torch
        count = int(np.prod(size, dtype=np.int64))
        whole = torch.full((count + 2 * MARGIN,), float("nan"), dtype=getattr(torch, dtype), device="cuda")
        tensor = whole[MARGIN : MARGIN + count].view(size)
        self._wholes[tensor.data_ptr()] = whole
        return tensor

    def put(self, array: Array, dtype: str) -> Any:
        """A tensor of these numbers, rounded to the dtype."""
        tensor = self.blank(array.shape, dtype)
        tensor.copy_(self._torch.from_numpy(np.ascontiguousarray(array)))
        return tensor

    def get(self, tensor: Any) -> Array:
        """The numbers in float64."""
        return tensor.double().cpu().numpy()

    def is_intact(self, tensor: Any) -> bool:
        """Whether the margins hold nothing but NaN."""
        whole = self._wholes[tensor.data_ptr()]
        edges = self._torch.cat([whole[:MARGIN], whole[-MARGIN:]])
        return bool(edges.isnan().all().item())


class CudaBackend:
    """The GPU that torch uses."""

    dtype = DTYPE
    method = "event"
    shapes = GPU_SHAPES

    def __init__(self) -> None:
        self._torch = torch = load_torch()
        import triton

        properties = torch.cuda.get_device_properties(torch.cuda.current_device())
        self._index = torch.cuda.current_device()
        self._capability = 10 * properties.major + properties.minor
        self.device = properties.name
        self.driver = nvidia_smi("driver_version", self._index) or ""
        self.versions: Mapping[str, str] = {"triton": triton.__version__, "torch": torch.__version__}
        flush = max(LEAST_FLUSH, 4 * properties.L2_cache_size)
        self._flush = torch.empty(flush // 4, dtype=torch.int32, device="cuda")

    def providers(self, spec: KernelSpec) -> tuple[str, ...]:
        """Triton has all, torch what it has a kernel of its own for."""
        return ("triton", "torch") if spec.name in TORCH_CALLS else ("triton",)

    def gate(self, spec: KernelSpec) -> None:
        """Every configuration against the float64 reference, in every way that is timed.

        Raises
        ------
        KernelError
            The kernel is wrong.
        """
        code = load_code(spec)
        for shape in GATE_SHAPES[spec.name]:
            trial = Trial.draw(spec, shape, DTYPE, CudaMemory(self._torch), np.random.default_rng(0))
            for config in spec.space(self._capability):
                require(spec, shape, DTYPE, trial.judge(config, code))

    def prepare(self, spec: KernelSpec, provider: str, shape: Mapping[str, int]) -> Prepared:
        """One launch on random inputs, with the fastest configuration."""
        inputs = self._inputs(spec, shape)
        if provider == "torch":
            return Prepared(TORCH_CALLS[spec.name](self._torch, inputs))
        space = spec.space(self._capability)
        times = [self._tuning_time(self._triton_call(spec, shape, inputs, config)) for config in space]
        if not np.isfinite(times).any():
            raise KernelError(f"{spec.name}: no configuration runs on this device.")
        fastest = space[int(np.argmin(times))]
        return Prepared(self._triton_call(spec, shape, inputs, fastest), str(fastest))

    def timings(self, call: Call, repeats: int) -> list[Timing]:
        """Events with L2 overwritten before each launch, then graphs of many launches with L2 as it is."""
        for _ in range(WARM_UP):
            call()
        flushed = [Timing(each, "event", "flushed") for each in self._event_times(call, repeats)]
        return flushed + [Timing(each, "graph", "warm", True) for each in self._graph_times(call, repeats)]

    def clock_mhz(self) -> float | None:
        """The clock of the multiprocessors, by the driver."""
        text = nvidia_smi("clocks.sm", self._index)
        return float(text) if text and text.replace(".", "").isdecimal() else None

    def status(self, error: Exception) -> str | None:
        """Out of memory, a kernel that does not compile or launch; None once the device itself has failed."""
        if isinstance(error, self._torch.cuda.OutOfMemoryError):
            return OUT_OF_MEMORY
        from triton.errors import TritonError

        if not isinstance(error, TritonError | RuntimeError):
            return None
        try:
            self._torch.cuda.synchronize()
        except RuntimeError:
            return None
        return f"does not run: {' '.join(str(error).split())[:200]}"

    def _inputs(self, spec: KernelSpec, shape: Mapping[str, int]) -> Tensors:
        """Standard normal, drawn on the device; forget gates that keep most of the state."""
        torch = self._torch
        torch.cuda.empty_cache()
        drawn = {
            name: torch.randn(each.size(shape), dtype=getattr(torch, each.dtype(DTYPE)), device="cuda")
            for name, each in spec.reads.items()
        }
        if "forget" in drawn:
            drawn["forget"] += FORGET_BIAS
        return drawn

    def _triton_call(
        self, spec: KernelSpec, shape: Mapping[str, int], inputs: Tensors, config: Config
    ) -> Call:
        code = load_code(spec)
        tensors = inputs | allocate(spec, code, shape, DTYPE, config, Blank(self._torch))
        launches = code.launches(tensors, shape, DTYPE, config)

        def call() -> None:
            for launch in launches:
                launch()

        return call

    def _tuning_time(self, call: Call) -> float:
        """By a graph: events would count the host's own time between two launches.

        Infinite where a configuration needs more of the device than it has.
        """
        from triton.runtime.errors import OutOfResources

        try:
            call()
        except OutOfResources:
            return float("inf")
        return float(np.median(self._graph_times(call, TUNING)))

    def _event_times(self, call: Call, repeats: int) -> list[float]:
        return self._elapsed(call, repeats, before=self._flush.zero_)

    def _graph_times(self, call: Call, repeats: int) -> list[float]:
        graph = self._torch.cuda.CUDAGraph()
        with self._torch.cuda.graph(graph):
            for _ in range(IN_GRAPH):
                call()
        graph.replay()
        return [each / IN_GRAPH for each in self._elapsed(graph.replay, repeats, before=lambda: None)]

    def _elapsed(self, call: Call, repeats: int, before: Callable[[], Any]) -> list[float]:
        """Milliseconds between two events round each launch."""
        pairs = []
        for _ in range(repeats):
            start, end = (self._torch.cuda.Event(enable_timing=True) for _ in range(2))
            before()
            start.record()
            call()
            end.record()
            pairs.append((start, end))
        self._torch.cuda.synchronize()
        return [start.elapsed_time(end) for start, end in pairs]
