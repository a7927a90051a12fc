"""Compile every kernel for three devices; run as a script, prints JSON. `all` takes every configuration.

A process of its own, without TRITON_INTERPRET and with an empty cache. `table` puts this Triton's rows of the
default configurations into data/kernel_resources.csv instead.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
import warnings
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

from bayes_scaling.bench.shapes import GATE_SHAPES, GPU_SHAPES
from bayes_scaling.kernels import KERNELS, shape_text
from bayes_scaling.kernels.spec import CAPABILITIES, Config, KernelSpec

os.environ["TRITON_CACHE_DIR"] = tempfile.mkdtemp()
warnings.simplefilter("ignore")  # Triton 3.9 warns of a default that will change

import triton  # noqa: E402
from triton.backends.nvidia.compiler import CUDABackend  # noqa: E402
from triton.runtime.jit import native_specialize_impl  # noqa: E402

from bayes_scaling.kernels import compiling  # noqa: E402

TABLE = Path(__file__).parents[2] / "data" / "kernel_resources.csv"


class Aligned:
    """What the JIT looks at in a tensor."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype

    def data_ptr(self) -> int:
        return 4096


def jit_hint(value: Any) -> tuple[str, bool]:
    """The JIT's own answer to what `compiling.hint` says."""
    if isinstance(value, compiling.Pointer):
        value = Aligned(value.dtype)
    kind, key = native_specialize_impl(CUDABackend, value, False, True, True)
    return kind, key == "D"


def hints_that_differ() -> list[str]:
    """Arguments of all kernels of which the JIT thinks otherwise."""
    found = []
    for spec in KERNELS.values():
        for launch in compiling.symbolic_launches(spec, spec.examples[0], "bfloat16", spec.space()[0]):
            for name, value in launch.args.items():
                if jit_hint(value) != compiling.hint(value):
                    found.append(f"{spec.name}: {name} = {value!r}: {jit_hint(value)}")
    return found


def ways(spec: KernelSpec, shapes: list[dict[str, int]], config: Config) -> set[tuple[Any, ...]]:
    """The switches with which a kernel's functions are compiled at some shapes."""
    found = set()
    for shape in shapes:
        for launch in compiling.symbolic_launches(spec, shape, "bfloat16", config):
            switches = {name: value for name, value in launch.constants.items() if isinstance(value, bool)}
            found.add((launch.code.__name__, *sorted(switches.items())))
    return found


def ungated() -> list[str]:
    """Ways of compiling a kernel that a GPU's bench times and its gate does not run."""
    return [
        f"{spec.name} {config}: {way}"
        for spec in KERNELS.values()
        for config in spec.configs
        for way in ways(spec, GPU_SHAPES[spec.name], config) - ways(spec, GATE_SHAPES[spec.name], config)
    ]


def rows(every_configuration: bool) -> list[dict[str, Any]]:
    table = []
    for spec in KERNELS.values():
        for shape, capability in product(spec.examples, CAPABILITIES):
            configs = spec.space(capability)
            for config in configs if every_configuration else configs[:1]:
                where = {
                    "kernel": spec.name,
                    "shape": shape_text(shape),
                    "capability": capability,
                    "config": str(config),
                    "triton_version": triton.__version__,
                }
                for found in compiling.kernel_resources(spec, shape, capability, config=config):
                    table.append(where | asdict(found) | {"over_limits": found.over_limits()})
    return table


def update_table(found: list[dict[str, Any]]) -> None:
    """Replace the rows of this Triton."""
    with TABLE.open(newline="") as file:
        kept = [row for row in csv.DictReader(file) if row["triton_version"] != triton.__version__]
    fresh = [{name: str(row[name]) for name in kept[0]} for row in found]
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(fresh[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(kept + fresh, key=lambda row: row["triton_version"]))


if __name__ == "__main__" and "table" in sys.argv:
    update_table(rows(every_configuration=False))
elif __name__ == "__main__":
    found = {"rows": rows("all" in sys.argv), "hints_that_differ": hints_that_differ(), "ungated": ungated()}
    json.dump(found, sys.stdout)
