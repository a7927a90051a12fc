"""The tidy table of timings: one row a repeat."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.files.small import understood
from bayes_scaling.files.small_csv import read_csv
from bayes_scaling.files.whole import whole
from bayes_scaling.kernels import get_kernel, parse_shape

OK, OUT_OF_MEMORY = "ok", "out of memory"
METHODS = ("event", "graph", "host")
L2_STATES = ("flushed", "warm")


class BenchError(BayesScalingError):
    """A bench that cannot be run, or a table of timings that cannot be read."""


@dataclass(frozen=True)
class BenchRow:
    """One timing.

    Attributes
    ----------
    kernel, provider : str
        Name of the kernel; ``triton``, ``torch``, ``jax`` or ``numpy``.
    shape, dtype : str
        Sizes as ``m=1024;n=1024;k=64``.
    bytes, flops : float
        Work of one launch, as the accounting counts it.
    time_ms : float or None
        Of one launch; None where it did not run.
    method : str
        ``event``: CUDA events round one launch; ``graph``: a CUDA graph of many; ``host``: the host's clock.
    l2 : str
        ``flushed`` or ``warm``: whether the last-level cache was overwritten before.
    graph : bool
    device, driver : str
    clock_mhz : float or None
        Clock of the device before the repeats.
    triton_version, torch_version : str
        Empty where not used.
    status : str
        ``ok``, ``out of memory``, or what else went wrong.
    repeat : int
    configuration : str
        Tiles, warps and stages of a Triton kernel; empty where a library chooses, and in tables written
        before there was such a column.
    """

    kernel: str
    provider: str
    shape: str
    dtype: str
    bytes: float
    flops: float
    time_ms: float | None
    method: str
    l2: str
    graph: bool
    device: str
    driver: str
    clock_mhz: float | None
    triton_version: str
    torch_version: str
    status: str
    repeat: int
    configuration: str = ""


COLUMNS = tuple(field.name for field in fields(BenchRow))


def write_bench(rows: Iterable[BenchRow], path: str | Path) -> None:
    """Write a table of timings as CSV; the file appears whole or not at all."""
    with (
        whole(path, error=BenchError) as part,
        part.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_cells(row) for row in rows)


def _cells(row: BenchRow) -> dict[str, object]:
    """Times to six significant digits: more is noise."""
    cells = asdict(row)
    return cells | {name: format(cells[name], ".6g") for name in ("time_ms", "clock_mhz") if cells[name]}


def load_bench(path: str | Path) -> pd.DataFrame:
    """Read a table of timings that `write_bench` wrote.

    Returns
    -------
    DataFrame
        The columns of `BenchRow`, one row a repeat; `time_ms` is NaN where a kernel did not run.

    Raises
    ------
    BenchError
        No such table, a column that is missing, or a cell that cannot be; the row is named.
    """
    text = {field.name: str for field in fields(BenchRow) if field.type == "str"}
    empty = {"time_ms": [""], "clock_mhz": [""]}
    table = read_csv(
        path,
        "a readable table of timings",
        error=BenchError,
        dtype=text,
        keep_default_na=False,
        na_values=empty,
    )
    table = table if "configuration" in table else table.assign(configuration="")
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise BenchError(
            f"{path}: no column {', '.join(missing)}; write it with: bayes-scaling bench -o FILE."
        )
    with understood(path, "a readable table of timings", error=BenchError):
        _check(table, path)
    return table[list(COLUMNS)]


def _check(table: pd.DataFrame, path: str | Path) -> None:
    """Refuse cells that no bench writes."""
    for name in ("bytes", "flops", "time_ms"):
        table[name] = pd.to_numeric(table[name], errors="coerce")
    ran = table["status"] == OK
    checks = {
        "time_ms must be positive where the status is ok": ran & ~(table["time_ms"] > 0),
        "bytes and flops must not be negative": ~((table["bytes"] >= 0) & (table["flops"] >= 0)),
        f"method must be one of {', '.join(METHODS)}": ~table["method"].isin(METHODS),
        f"l2 must be one of {', '.join(L2_STATES)}": ~table["l2"].isin(L2_STATES),
    }
    for message, wrong in checks.items():
        if wrong.any():
            raise BenchError(f"{path}, row {int(wrong.to_numpy().argmax()) + 2}: {message}.")
    for kernel, shape in set(zip(table["kernel"], table["shape"], strict=True)):
        get_kernel(kernel).supports(parse_shape(shape), "float32")
