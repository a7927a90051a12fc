"""Timings of kernels as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bayes_scaling.printing.table import Column, print_table


def print_bench(records: Sequence[dict[str, Any]]) -> None:
    """One line for each kernel, provider, shape and state of the cache."""
    titles = {"kernel": "kernel", "provider": "provider", "shape": "shape", "l2": "cache"}
    columns = [
        Column(title, tuple(str(record[name]) for record in records), right=False)
        for name, title in titles.items()
    ]
    columns.append(Column("median ms", tuple(_number(record["time_ms_median"], 1.0) for record in records)))
    columns.append(Column("5 to 95% ms", tuple(_range(record) for record in records)))
    columns.append(Column("GB/s", tuple(_number(record["bytes_per_second"], 1e9) for record in records)))
    columns.append(Column("GFLOP/s", tuple(_number(record["flops_per_second"], 1e9) for record in records)))
    columns.append(Column("status", tuple(str(record["status"]) for record in records), right=False))
    print_table(columns)


def _number(value: float | None, unit: float) -> str:
    return "" if value is None else f"{value / unit:.4g}"


def _range(record: dict[str, Any]) -> str:
    if record["time_ms_q05"] is None:
        return ""
    return f"{record['time_ms_q05']:.4g} to {record['time_ms_q95']:.4g}"
