"""Timings of requests as served: what they say of batches of a fixed size.

Under continuous batching a server decodes with ``concurrency`` requests at once, and each step also carries
the prompts that others bring: a request stays for ``osl`` steps, so each step meets (concurrency - 1) / osl
prompts.

    TPOT = step(concurrency) + (concurrency - 1) / osl x prompt(isl)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.data.loading import open_source
from bayes_scaling.errors import RunsError, TimingsError
from bayes_scaling.latency.row_shapes import SHAPE
from bayes_scaling.latency.timings import Timings, load_timings

Array = Any
ALIASES = {
    "isl": ("isl", "input_len", "input_length", "random_input_len", "input tokens"),
    "osl": ("osl", "output_len", "output_length", "random_output_len", "output tokens"),
    "concurrency": ("concurrency", "max_concurrency", "batch_size", "batch size"),
    "ttft_ms": ("ttft_ms", "ttft (ms)", "ttft", "mean_ttft_ms", "median_ttft_ms"),
    "tpot_ms": ("tpot_ms", "tpot (ms)", "tpot", "mean_tpot_ms", "median_tpot_ms"),
    "tp": ("tp", "tensor_parallel", "tensor_parallel_size", "tp_size"),
}
_NEEDED = ("isl", "osl", "concurrency", "tpot_ms")


@dataclass(frozen=True)
class ServedTimings:
    """Served timings of one model or several, on one device.

    Attributes
    ----------
    static : Timings
        Of batches of a fixed size: steps without the prompts of others, and times to first token of single
        requests. It is what `fit_latency` takes.
    generated : int
        Tokens of each answer, by their median; for `LatencySettings`.
    left_out : mapping of str to int
        Rows or times that tell nothing of a fixed batch, by reason.
    """

    static: Timings
    generated: int
    left_out: Mapping[str, int]


def served_tpot(step: Array, prompt: Array, concurrency: Array, osl: Array) -> Array:
    """Time per output token under continuous batching, in the unit of ``step`` and ``prompt``.

    Parameters
    ----------
    step : array
        Of one decoding step of that many sequences.
    prompt : array
        Of one prompt.
    concurrency, osl : array
        Requests at once, and tokens of each answer.
    """
    return step + (concurrency - 1) / osl * prompt


def load_served(
    source: str | Path | pd.DataFrame, model: Mapping[str, Any] | None = None, tp: int = 1
) -> ServedTimings:
    """Read timings of requests as served, and take the prompts of others out of their steps.

    Parameters
    ----------
    source : path or DataFrame
        One row a load: isl, osl (tokens of prompt and answer), concurrency, ttft_ms, tpot_ms, optionally tp,
        and the model's columns; vLLM's and TRT-LLM's names are known too.
    model : mapping, optional
        Columns of the model where the table has none, such as `config_shape` gives.
    tp : int
        Only rows of this tensor parallel degree are of one device's count.

    Raises
    ------
    TimingsError
        Columns that are missing, or no step that remains.
    """
    try:
        table = open_source(source)
    except RunsError as error:
        raise TimingsError(str(error).replace("for each run", "for each load")) from None
    frame = _named(table.frame, table.source)
    left_out: dict[str, int] = {}
    if "tp" in frame:
        same = pd.to_numeric(frame["tp"], errors="coerce") == tp
        left_out["another tensor parallel degree"] = int((~same).sum())
        frame = frame[same].reset_index(drop=True)
    for name, value in (model or {}).items():
        frame[name] = value
    for name in (*_NEEDED, "ttft_ms"):
        frame[name] = pd.to_numeric(frame[name], errors="coerce") if name in frame else np.nan
    static, reasons = _static(frame)
    left_out |= reasons
    if not static["step_time_ms"].notna().any():
        raise TimingsError(
            f"{table.source}: no step is left. A load of several requests needs the time to first token of a "
            "single request with the same isl. Remedy: measure concurrency 1 too."
        )
    found = {reason: count for reason, count in left_out.items() if count}
    generated = max(round(float(frame["osl"].median())), 1)
    return ServedTimings(load_timings(static), generated, found)


def _named(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """Columns by the names here."""
    known = {str(column).strip().casefold(): column for column in frame}
    names = {}
    for name, aliases in ALIASES.items():
        column = next((known[alias] for alias in aliases if alias in known), None)
        if column is not None:
            names[column] = name
    missing = [name for name in _NEEDED if name not in names.values()]
    if missing:
        raise TimingsError(
            f"{source}: no column {', '.join(missing)}. Served timings have isl, osl, concurrency, ttft_ms, "
            "tpot_ms and, where they differ, tp."
        )
    return frame.rename(columns=names)


def _static(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """The table of fixed batches, and why some times are left out."""
    kept = ["architecture", "params", *SHAPE]
    table = frame[[name for name in kept if name in frame]].copy()
    table["batch_size"] = frame["concurrency"]
    table["prefill"] = frame["isl"]
    alone = (frame["concurrency"] == 1).to_numpy()
    table["ttft_ms"] = np.where(alone, frame["ttft_ms"], np.nan)
    prompt = _prompts(frame, alone)
    share = (frame["concurrency"] - 1) / frame["osl"]
    step = np.where(alone, frame["tpot_ms"], frame["tpot_ms"] - share * prompt)
    unknown = ~alone & np.isnan(prompt)
    table["step_time_ms"] = np.where(step > 0, step, np.nan)
    reasons = {
        "times to first token in a queue": int((~alone & frame["ttft_ms"].notna()).sum()),
        "steps whose prompts' time is not known": int(unknown.sum()),
        "steps that their prompts outweigh": int((step <= 0).sum()),
    }
    timed = table[["ttft_ms", "step_time_ms"]].notna().any(axis=1)
    return table[timed].reset_index(drop=True), reasons


def _prompts(frame: pd.DataFrame, alone: np.ndarray) -> np.ndarray:
    """Milliseconds of one prompt of each row: what a single request of that model and length waits."""
    model = ("architecture", "params", "embedding_dim", "num_blocks")
    keys = [*(name for name in model if name in frame), "isl"]
    single = frame[alone].groupby(keys)["ttft_ms"].median().rename("prompt")
    joined = frame[keys].merge(single, left_on=keys, right_index=True, how="left")
    return joined["prompt"].to_numpy(dtype=float)
