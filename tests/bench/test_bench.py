"""The bench: rows, gate, what does not fit, the host's twins, the command line."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_scaling.bench import COLUMNS, BenchError, bench, get_backend, load_bench, write_bench
from bayes_scaling.bench.backend import Prepared, Timing
from bayes_scaling.bench.host_backend import HostBackend
from bayes_scaling.bench.jax_twins import TWINS
from bayes_scaling.bench.shapes import GATE_SHAPES, GPU_SHAPES, HOST_SHAPES
from bayes_scaling.bench.summary import summarise_bench
from bayes_scaling.kernels import KERNELS, KernelError, KernelSpec, get_kernel
from bayes_scaling.roofline.devices import get_device
from tests.helpers.command_line import assert_refused, records, run

SHIPPED = Path(__file__).parents[2] / "data" / "bench_host.csv"
BIG = 2**20


class Clockwork:
    """A device that takes one millisecond for a megabyte, and holds no more than that."""

    device, driver, dtype, method = "clockwork", "1.0", "bfloat16", "event"
    versions: Mapping[str, str] = {"triton": "3.9.0"}
    shapes: Mapping[str, list[dict[str, int]]] = {
        "copy": [{"numbers": 1000}, {"numbers": BIG}],
        "empty": [{"programs": 1}],
    }

    def providers(self, spec: KernelSpec) -> tuple[str, ...]:
        return ("triton",)

    def gate(self, spec: KernelSpec) -> None:
        if spec.name == "empty":
            raise KernelError("empty fails its gate: it does something")

    def prepare(self, spec: KernelSpec, provider: str, shape: Mapping[str, int]) -> Any:
        work = spec.work(shape, self.dtype)
        if work.bytes > 2e6:
            raise MemoryError
        return Prepared(lambda: work.bytes / 1e6, "block=1024")

    def timings(self, call: Any, repeats: int) -> list[Timing]:
        flushed = [Timing(call(), "event", "flushed") for _ in range(repeats)]
        return flushed + [Timing(call() / 2, "graph", "warm", True) for _ in range(repeats)]

    def clock_mhz(self) -> float | None:
        return 1500.0

    def status(self, error: Exception) -> str | None:
        return "out of memory" if isinstance(error, MemoryError) else None


def test_one_row_a_repeat() -> None:
    rows = list(bench(Clockwork(), ["copy"], repeats=3))
    timed = [row for row in rows if row.status == "ok"]
    assert [(row.method, row.l2, row.graph, row.repeat) for row in timed] == [
        *(("event", "flushed", False, repeat) for repeat in range(3)),
        *(("graph", "warm", True, repeat) for repeat in range(3)),
    ]
    assert {(row.bytes, row.shape, row.device, row.clock_mhz) for row in timed} == {
        (4000.0, "numbers=1000", "clockwork", 1500.0)
    }


def test_what_does_not_fit_is_a_row() -> None:
    (row,) = (row for row in bench(Clockwork(), ["copy"], repeats=3) if row.shape == f"numbers={BIG}")
    assert (row.status, row.time_ms) == ("out of memory", None)


def test_a_wrong_kernel_is_not_timed() -> None:
    (row,) = bench(Clockwork(), ["empty"], repeats=3)
    assert row.time_ms is None
    assert row.status == "empty fails its gate: it does something"


def test_other_errors_are_not_hidden() -> None:
    class Broken(Clockwork):
        def prepare(self, *_: Any) -> Any:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(bench(Broken(), ["copy"], repeats=1))


@pytest.mark.parametrize("error", [MemoryError(), ZeroDivisionError()])
def test_what_stops_the_gate_is_a_row_where_it_is_the_device_s(error: Exception) -> None:
    class Stopped(Clockwork):
        def gate(self, spec: KernelSpec) -> None:
            raise error

    if isinstance(error, ZeroDivisionError):
        with pytest.raises(ZeroDivisionError):
            list(bench(Stopped(), ["copy"], repeats=1))
        return
    (row,) = bench(Stopped(), ["copy"], repeats=1)
    assert (row.status, row.time_ms) == ("out of memory", None)


@pytest.mark.parametrize(
    ("kernels", "repeats", "message"), [(["conv"], 1, "kernel 'conv' is not known"), (None, 0, "repeats = 0")]
)
def test_bad_requests_are_refused(kernels: list[str] | None, repeats: int, message: str) -> None:
    with pytest.raises((KernelError, BenchError), match=message):
        list(bench(Clockwork(), kernels, repeats))


def test_unknown_device_is_refused() -> None:
    with pytest.raises(BenchError, match="device 'tpu' is not known; use one of cuda, cpu"):
        get_backend("tpu")


def test_table_goes_round(tmp_path: Path) -> None:
    rows = list(bench(Clockwork(), ["copy"], repeats=2))
    write_bench(rows, tmp_path / "bench.csv")
    table = load_bench(tmp_path / "bench.csv")
    assert tuple(table.columns) == COLUMNS
    assert table["time_ms"].tolist()[:4] == [0.004, 0.004, 0.002, 0.002]
    assert np.isnan(table["time_ms"].iloc[-1])
    assert table["graph"].tolist()[:4] == [False, False, True, True]
    assert [path.name for path in tmp_path.iterdir()] == ["bench.csv"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time_ms": -1.0}, "row 2: time_ms must be positive"),
        ({"bytes": -1.0}, "row 2: bytes and flops must not be negative"),
        ({"method": "sundial"}, "row 2: method must be one of event, graph, host"),
        ({"l2": "tepid"}, "row 2: l2 must be one of flushed, warm"),
        ({"kernel": "conv"}, "kernel 'conv' is not known"),
        ({"shape": "numbers"}, "'numbers' is not name=size"),
        ({"shape": "rows=3"}, "copy: unknown dimension 'rows'"),
    ],
)
def test_bad_table_is_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    row = replace(next(bench(Clockwork(), ["copy"], repeats=1)), **change)
    write_bench([row], tmp_path / "bench.csv")
    with pytest.raises((BenchError, KernelError), match=message):
        load_bench(tmp_path / "bench.csv")


def test_table_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("architecture,params\nllama,1e9\n")
    with pytest.raises(BenchError, match=r"no column kernel, provider, .*bayes-scaling bench -o FILE"):
        load_bench(path)
    with pytest.raises(BenchError, match=r"cannot be read"):
        load_bench(tmp_path / "none.csv")


def test_summary_has_rates_at_the_median() -> None:
    flushed, warm, lost = summarise_bench(bench(Clockwork(), ["copy"], repeats=4))
    assert (flushed["time_ms_median"], flushed["bytes_per_second"], flushed["repeats"]) == (0.004, 1e9, 4)
    assert warm["bytes_per_second"] == 2e9
    assert (lost["time_ms_median"], lost["status"]) == (None, "out of memory")


@pytest.mark.parametrize("shapes", [GATE_SHAPES, GPU_SHAPES, HOST_SHAPES], ids=["gate", "gpu", "host"])
def test_shapes_are_served(shapes: Mapping[str, Any]) -> None:
    assert set(shapes) == set(KERNELS)
    for name, each in shapes.items():
        for shape in each if isinstance(each, list) else [each]:
            get_kernel(name).supports(shape, "bfloat16")


@pytest.fixture(scope="module")
def host() -> HostBackend:
    return HostBackend()


@pytest.mark.parametrize("name", KERNELS)
def test_twins_pass_the_gate(name: str, host: HostBackend) -> None:
    host.gate(get_kernel(name))


def test_a_wrong_twin_fails_the_gate(host: HostBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TWINS, "rmsnorm", lambda x, weight: {"y": x * weight})
    with pytest.raises(
        KernelError, match="rmsnorm at tokens=37;embedding_dim=1000 in float32 fails its gate"
    ):
        host.gate(get_kernel("rmsnorm"))


def test_host_is_timed(host: HostBackend) -> None:
    spec = get_kernel("matmul")
    timings = host.timings(host.prepare(spec, "jax", {"m": 64, "n": 64, "k": 64}).call, 3)
    assert [(each.method, each.l2) for each in timings] == [("host", "flushed")] * 3 + [("host", "warm")] * 3
    assert all(0 < each.time_ms < 1e3 for each in timings)


def test_host_says_out_of_memory(host: HostBackend) -> None:
    assert host.status(MemoryError()) == "out of memory"
    assert host.status(RuntimeError("RESOURCE_EXHAUSTED: Out of memory")) == "out of memory"
    assert host.status(RuntimeError("another")) is None


def test_command_writes_the_table(tmp_path: Path) -> None:
    path = tmp_path / "bench.csv"
    (flushed, warm) = records("bench", "--device", "cpu", "--kernel", "empty", "--repeats", 2, "-o", path)
    assert (flushed["l2"], warm["l2"], flushed["repeats"]) == ("flushed", "warm", 2)
    with path.open(newline="") as file:
        assert tuple(next(csv.reader(file))) == COLUMNS
    assert len(load_bench(path)) == 4


def test_command_prints_a_table(tmp_path: Path) -> None:
    result = run("bench", "--device", "cpu", "--kernel", "empty", "--repeats", 1, "-o", tmp_path / "b.csv")
    assert result.exit_code == 0
    assert "median ms" in result.stdout and "programs=1" in result.stdout


def test_command_without_a_gpu(tmp_path: Path) -> None:
    try:
        import torch
    except ModuleNotFoundError:
        pass
    else:
        if torch.cuda.is_available():
            pytest.skip("there is a GPU")
    path = tmp_path / "bench.csv"
    assert_refused(run("bench", "-o", path), "no GPU", "bayes-scaling bench --device cpu")
    assert not path.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--device", "tpu"), "device 'tpu' is not known"),
        (("--device", "cpu", "--kernel", "conv"), "kernel 'conv' is not known"),
        (("--device", "cpu", "-o", "nowhere/bench.csv"), "does not exist"),
    ],
)
def test_command_refuses(options: tuple[str, ...], message: str, tmp_path: Path) -> None:
    where = () if "-o" in options else ("-o", tmp_path / "bench.csv")
    result = run("bench", *options, *where)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.skipif(not SHIPPED.exists(), reason="no measured table")
def test_shipped_timings_are_within_the_device() -> None:
    table, device = load_bench(SHIPPED), get_device("cpu")
    assert set(table["kernel"]) == set(KERNELS)
    assert table.groupby(["kernel", "provider", "shape", "l2"]).size().min() >= 10
    medians = table.groupby(["kernel", "provider", "shape", "l2"])[["time_ms", "bytes", "flops"]].median()
    seconds = medians["time_ms"] / 1e3
    assert (medians["flops"] / seconds).max() < device.flops_per_second
    large = medians["bytes"] > 2**28  # more than the caches hold
    assert (medians["bytes"] / seconds)[large].max() < device.bytes_per_second
