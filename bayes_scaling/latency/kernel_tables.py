"""Public tables of kernel times as microbenchmarks: those of NVIDIA's AIConfigurator.

Its files (``gemm_perf``, ``context_attention_perf``, ``generation_attention_perf``; .parquet, .csv, or .txt
with commas) have a row a kernel and shape, with its latency in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.bench.rows import OK
from bayes_scaling.errors import LatencyError
from bayes_scaling.kernels import get_kernel

WIDE = ("bfloat16", "float16")  # dtypes that count two bytes
HEAD_DIM = 128  # where a table has no column for it
_ATTENTION = ("batch_size", "num_heads", "num_key_value_heads", "isl", "step")
_UNLIKE = {"window_size": 0, "beam_width": 1, "tp_size": 1}  # what attention must have to count here


@dataclass(frozen=True)
class KernelTable:
    """Kernel times of one device.

    Attributes
    ----------
    frame : DataFrame
        What `fit_latency` takes as ``bench``: kernel, provider, shape, dtype, bytes, flops, time_ms, device,
        status.
    left_out : mapping of str to int
        Rows that tell nothing here, by reason.
    """

    frame: pd.DataFrame
    left_out: Mapping[str, int]


def load_kernel_tables(paths: str | Path | Sequence[str | Path]) -> KernelTable:
    """Read tables of products and of attention of one device.

    Parameters
    ----------
    paths : path or sequence of path

    Returns
    -------
    KernelTable

    Raises
    ------
    LatencyError
        A file that cannot be read, or that is no such table; the missing columns are named.

    Examples
    --------
    >>> table = load_kernel_tables(["gemm_perf.txt", "generation_attention_perf.txt"])  # doctest: +SKIP
    >>> fit_latency("timings.csv", "H200-SXM", bench=table.frame)  # doctest: +SKIP
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    parts = []
    left_out: dict[str, int] = {}
    for path in given:
        raw = _read(Path(path))
        part, reasons = _rows(raw, Path(path))
        parts.append(part)
        for reason, count in reasons.items():
            left_out[reason] = left_out.get(reason, 0) + count
    return KernelTable(pd.concat(parts, ignore_index=True), left_out)


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (OSError, ValueError, ImportError) as error:
        raise LatencyError(f"{path}: not a readable table of kernels ({error}).") from error


def _rows(raw: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, dict[str, int]]:
    """Rows of the bench, and how many were left out for which reason."""
    if {"m", "n", "k", "latency"} <= set(raw):
        return _kept(raw, "matmul", "gemm_dtype", _product)
    missing = [name for name in (*_ATTENTION, "latency") if name not in raw]
    if missing:
        raise LatencyError(
            f"{path}: neither a table of products (m, n, k, latency) nor of attention: "
            f"it has no column {', '.join(missing)}."
        )
    decoding = bool((raw["isl"] == 1).all())
    kernel = "decode_attention" if decoding else "prefill_attention"
    return _kept(raw, kernel, "attn_dtype", _decoding if decoding else _prompt)


def _kept(
    raw: pd.DataFrame, kernel: str, dtype: str, sizes: Callable[[Any], dict[str, int]]
) -> tuple[pd.DataFrame, dict[str, int]]:
    reasons = {}
    keep = np.ones(len(raw), dtype=bool)
    for column in (dtype, "kv_cache_dtype"):
        if column in raw:
            wide = raw[column].astype(str).str.casefold().isin(WIDE).to_numpy()
            reasons[f"{column} of other than two bytes"] = int((keep & ~wide).sum())
            keep &= wide
    for column, value in _UNLIKE.items():
        if column in raw and kernel != "matmul":
            like = (raw[column] == value).to_numpy()
            reasons[f"{column} other than {value}"] = int((keep & ~like).sum())
            keep &= like
    rows = raw[keep].reset_index(drop=True)
    spec = get_kernel(kernel)
    shapes = [sizes(row) for row in rows.itertuples()]
    work = [spec.work(shape, "bfloat16") for shape in shapes]
    frame = pd.DataFrame(
        {
            "kernel": kernel,
            "provider": rows["kernel_source"].astype(str) if "kernel_source" in rows else "given",
            "shape": [";".join(f"{name}={size}" for name, size in shape.items()) for shape in shapes],
            "dtype": "bfloat16",
            "bytes": [float(each.bytes) for each in work],
            "flops": [float(each.flops) for each in work],
            "time_ms": rows["latency"].to_numpy(dtype=float),
            "device": rows["device"].astype(str) if "device" in rows else "",
            "status": OK,
        }
    )
    return frame, {reason: count for reason, count in reasons.items() if count}


def _product(row: Any) -> dict[str, int]:
    return {"m": int(row.m), "n": int(row.n), "k": int(row.k)}


def _decoding(row: Any) -> dict[str, int]:
    """The cache holds ``step`` tokens before the one that is asked."""
    return _heads(row, "keys", int(row.step) + int(row.isl))


def _prompt(row: Any) -> dict[str, int]:
    return _heads(row, "tokens", int(row.isl))


def _heads(row: Any, length: str, tokens: int) -> dict[str, int]:
    heads = int(row.num_heads)
    width = int(getattr(row, "head_dim", HEAD_DIM))
    groups = int(row.num_key_value_heads) or heads  # 0: not grouped
    shape = {"batch": int(row.batch_size), "num_heads": heads, "num_kv_heads": groups, length: tokens}
    return {**shape, "head_dim_qk": width, "head_dim_v": width}
