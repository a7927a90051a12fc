"""The kernels without a GPU: in Triton's interpreter against float64, and compiled for three devices."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from bayes_scaling.bench.shapes import GATE_SHAPES
from bayes_scaling.kernels import KERNELS
from bayes_scaling.kernels.spec import CAPABILITIES

pytestmark = pytest.mark.skipif(not find_spec("triton"), reason="Triton is made for Linux only")

HELPERS = Path(__file__).parents[1] / "helpers"
TABLE = HELPERS.parents[1] / "data" / "kernel_resources.csv"
Row = dict[str, Any]

# Triton 3.9 spills some bytes of it; with Triton 3.6 it spills none and was the fastest on an H200.
FASTEST = "state_qk=64;state_v=128"


def run(script: str, *arguments: str, **env: str) -> Any:
    """What a script of the helpers prints; Triton's switches are read when it is imported."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRITON_")}
    command = [sys.executable, str(HELPERS / script), *arguments]
    done = subprocess.run(command, env=kept | env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def interpreted() -> Any:
    return run("kernel_interpreter.py", TRITON_INTERPRET="1")


@pytest.fixture(scope="module")
def compiled() -> Any:
    return run("kernel_compilation.py")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("name", KERNELS)
def test_kernel_agrees_with_its_reference(name: str, dtype: str, interpreted: Any) -> None:
    """Outputs start as NaN, margins round every array are NaN, and every read is watched."""
    cases = {
        case: verdict
        for case, verdict in interpreted["results"].items()
        if case.startswith(f"{name}-") and case.endswith(f"-{dtype}")
    }
    assert cases
    for case, (errors, overwritten) in cases.items():
        assert set(errors) == set(KERNELS[name].writes)
        assert all(error <= 1.0 for error in errors.values()), (case, errors)
        assert not overwritten, case


def test_broken_kernels_are_seen(interpreted: Any) -> None:
    """Masks dropped, guards removed, blocks that overlap: none may pass."""
    controls = interpreted["controls"]
    assert {case.rpartition("-")[0] for case in controls} == set(KERNELS) - {"empty"}
    assert [case for case, passed in controls.items() if passed] == []


def test_kernels_broken_where_they_are_timed_are_seen(interpreted: Any) -> None:
    """A product of zero, keys of zero, a sum not rescaled, a norm doubled: odd shapes alone pass all four."""
    controls = interpreted["timed_controls"]
    assert set(controls) == {"matmul", "prefill_attention", "decode_attention", "rmsnorm"}
    for name, passed in controls.items():
        assert passed[0], name
        assert not all(passed), name


def test_every_way_that_is_timed_is_gated(compiled: Any) -> None:
    assert compiled["ungated"] == []


def key(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in ("kernel", "shape", "code", "capability", "config"))


def numbers(row: Row) -> tuple[int, ...]:
    return tuple(int(row[name]) for name in ("registers", "spill_bytes", "shared_bytes", "threads"))


def recorded() -> list[Row]:
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_kernel_compiles_within_the_limits(compiled: Any) -> None:
    rows: list[Row] = compiled["rows"]
    assert {(row["kernel"], row["capability"]) for row in rows} == {
        (name, capability) for name in KERNELS for capability in CAPABILITIES
    }
    assert [(key(row), row["over_limits"]) for row in rows if row["over_limits"]] == []


def test_compiled_resources_are_those_recorded(compiled: Any) -> None:
    table = {key(row): numbers(row) for row in recorded() if row["triton_version"] == version("triton")}
    if not table:
        pytest.skip(f"the table holds no Triton {version('triton')}; the limits are checked all the same")
    assert {key(row): numbers(row) for row in compiled["rows"]} == table


def test_recorded_resources_are_whole_and_spill_nothing() -> None:
    rows = recorded()
    assert {row["triton_version"].rpartition(".")[0] for row in rows} >= {"3.6", "3.9"}
    assert {row["kernel"] for row in rows} == set(KERNELS)
    assert all(int(row["spill_bytes"]) == 0 for row in rows)


def test_hints_are_those_of_the_jit(compiled: Any) -> None:
    assert compiled["hints_that_differ"] == []


def test_limits_refuse_what_is_over() -> None:
    """The check itself: spills, too much shared memory and too many registers are named."""
    check = (
        "from bayes_scaling.kernels.compiling import Resources as R\n"
        "import json\n"
        "resources = R('f', 90, 64, 0, 2**10, 128), R('f', 90, 255, 8, 2**18, 512)\n"
        "print(json.dumps([each.over_limits() for each in resources]))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    fine, over = json.loads(done.stdout)
    assert fine == []
    assert [each.split(" ")[-1] for each in over] == ["spilled", "memory", "threads"]


@pytest.mark.slow
def test_every_configuration_passes_the_gate_of_a_device() -> None:
    """What `bayes-scaling bench` asks of a GPU first, with factors rounded as there."""
    verdicts = run("kernel_interpreter.py", "device", TRITON_INTERPRET="1")
    assert len(verdicts) == sum(len(spec.configs) * len(GATE_SHAPES[name]) for name, spec in KERNELS.items())
    for case, (errors, overwritten) in verdicts.items():
        assert all(error <= 1.0 for error in errors.values()) and not overwritten, (case, errors)


@pytest.mark.slow
def test_every_configuration_compiles_within_the_limits() -> None:
    rows: list[Row] = run("kernel_compilation.py", "all")["rows"]
    over = [(key(row), row["over_limits"]) for row in rows if row["over_limits"]]
    assert [each for each in over if FASTEST not in each[0][-1]] == []
