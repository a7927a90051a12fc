"""Timings summarised: one record for each kernel, provider, shape and state of the cache."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from bayes_scaling.bench.rows import OK, BenchRow


def summarise_bench(rows: Iterable[BenchRow]) -> list[dict[str, Any]]:
    """Median time with the quantiles of the repeats, and the rates at the median.

    Returns
    -------
    list of dict
        ``kernel``, ``provider``, ``shape``, ``dtype``, ``method``, ``l2``, ``repeats``, ``time_ms_median``,
        ``time_ms_q05``, ``time_ms_q95``, ``bytes_per_second``, ``flops_per_second`` and ``status``; what
        was not timed has None.
    """
    groups: dict[tuple[Any, ...], list[BenchRow]] = {}
    for row in rows:
        where = row.kernel, row.provider, row.shape, row.dtype, row.method, row.l2, row.status
        groups.setdefault(where, []).append(row)
    return [_record(group) for group in groups.values()]


def _record(group: list[BenchRow]) -> dict[str, Any]:
    first = group[0]
    names = ("kernel", "provider", "shape", "dtype", "method", "l2")
    record: dict[str, Any] = {name: getattr(first, name) for name in names}
    times = np.array([row.time_ms for row in group if row.status == OK], dtype=float)
    q05, median, q95 = np.quantile(times, [0.05, 0.5, 0.95]).tolist() if times.size else (None, None, None)
    seconds = median / 1e3 if median else None
    return record | {
        "repeats": int(times.size),
        "time_ms_median": median,
        "time_ms_q05": q05,
        "time_ms_q95": q95,
        "bytes_per_second": first.bytes / seconds if seconds else None,
        "flops_per_second": first.flops / seconds if seconds else None,
        "status": first.status,
    }
