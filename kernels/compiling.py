"""Compilation ahead of time, with the hints that the JIT would give; needs Triton, no GPU and no torch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from bayes_scaling.kernels.gate import scratch_of
from bayes_scaling.kernels.launch import Launch
from bayes_scaling.kernels.registry import load_code
from bayes_scaling.kernels.spec import LARGEST_SIZE, Config, KernelError, KernelSpec, Sizes

WARP = 32
SHARED_LIMITS = {80: 163 * 1024, 90: 227 * 1024, 100: 227 * 1024}  # bytes a block may use
REGISTER_FILE = 65536  # registers that the threads of a block share
POINTERS = {"bfloat16": "*bf16", "float16": "*fp16", "float32": "*fp32"}
ALIGNED = [["tt.divisibility", 16]]
LOG = {
    "registers": r"Used (\d+) registers",
    "spill_stores": r"(\d+) bytes spill stores",
    "spill_loads": r"(\d+) bytes spill loads",
}


@dataclass(frozen=True)
class Pointer:
    """The address of a tensor that does not exist: aligned, as allocators give them."""

    dtype: str


@dataclass(frozen=True)
class Resources:
    """What one launch takes of a device.

    Attributes
    ----------
    code : str
        Name of the Triton function.
    capability : int
        90 for sm_90.
    registers : int
        Per thread.
    spill_bytes : int
        Stored and loaded per thread.
    shared_bytes : int
        Shared memory per block.
    threads : int
        Per block.
    """

    code: str
    capability: int
    registers: int
    spill_bytes: int
    shared_bytes: int
    threads: int

    def over_limits(self) -> list[str]:
        """What a device would refuse, or run slowly for."""
        over = []
        if self.spill_bytes:
            over.append(f"{self.spill_bytes} bytes of registers spilled")
        if self.shared_bytes > SHARED_LIMITS[self.capability]:
            over.append(f"{self.shared_bytes} bytes of shared memory")
        if self.registers * self.threads > REGISTER_FILE:
            over.append(f"{self.registers} registers in each of {self.threads} threads")
        return over


def symbolic_launches(spec: KernelSpec, shape: Sizes, dtype: str, config: Config) -> list[Launch]:
    """A kernel's launches at a shape, without arrays."""
    spec.supports(shape, dtype)
    code = load_code(spec)
    buffers = {**spec.reads, **spec.writes}
    arrays = {name: Pointer(buffer.dtype(dtype)) for name, buffer in buffers.items()}
    scratch = scratch_of(code, shape, dtype, config)
    arrays |= {name: Pointer(each.dtype) for name, each in scratch.items()}
    launches: list[Launch] = code.launches(arrays, shape, dtype, config)
    return launches


def hint(value: Any) -> tuple[str, bool]:
    """The JIT's type of an argument, and whether it takes it to be a multiple of 16."""
    if isinstance(value, Pointer):
        return POINTERS[value.dtype], True
    if isinstance(value, float):
        return "fp32", False
    if value == 1:
        return "constexpr", False
    return ("i32" if value <= LARGEST_SIZE else "i64"), value % 16 == 0


def source(launch: Launch) -> ASTSource:
    """The function with its signature, constants and hints."""
    hints = {name: hint(value) for name, value in launch.args.items()}
    names = launch.code.arg_names
    signature = {name: hints[name][0] if name in hints else "constexpr" for name in names}
    values = {**launch.args, **launch.constants}
    constants = {name: values[name] for name, kind in signature.items() if kind == "constexpr"}
    attributes = {(names.index(name),): ALIGNED for name, (_, aligned) in hints.items() if aligned}
    return ASTSource(launch.code, signature, constexprs=constants, attrs=attributes)


def compile_launch(launch: Launch, capability: int) -> Resources:
    """Compile for a device that need not be there, and read the assembler's report.

    Raises
    ------
    KernelError
        The assembler reported nothing, as when the result came from Triton's cache.
    """
    options = {"num_warps": launch.config.num_warps, "num_stages": launch.config.num_stages}
    knobs = triton.knobs
    log = StringIO()
    with knobs.nvidia.scope(), knobs.compilation.scope(), redirect_stdout(log):
        knobs.nvidia.dump_ptxas_log, knobs.compilation.always_compile = True, True
        compiled = triton.compile(source(launch), target=GPUTarget("cuda", capability, WARP), options=options)
    found = {name: re.search(pattern, log.getvalue()) for name, pattern in LOG.items()}
    if not all(found.values()):
        raise KernelError(f"{launch.code.__name__}: the assembler reported no registers:\n{log.getvalue()}")
    numbers = {name: int(match[1]) for name, match in found.items() if match}
    return Resources(
        code=launch.code.__name__,
        capability=capability,
        registers=numbers["registers"],
        spill_bytes=numbers["spill_stores"] + numbers["spill_loads"],
        shared_bytes=int(compiled.metadata.shared),
        threads=WARP * launch.config.num_warps,
    )


def kernel_resources(
    spec: KernelSpec, shape: Sizes, capability: int, dtype: str = "bfloat16", config: Config | None = None
) -> Iterator[Resources]:
    """Resources of each launch of a kernel at a shape, by default with the default configuration."""
    for launch in symbolic_launches(spec, shape, dtype, config or spec.space(capability)[0]):
        yield compile_launch(launch, capability)
