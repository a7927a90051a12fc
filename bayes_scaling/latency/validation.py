"""Checks of a table of timings: every fault is found at once, with its rows, columns and remedy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.accounting import AccountingError, get_architecture
from bayes_scaling.data.reading import Table
from bayes_scaling.errors import TimingsError
from bayes_scaling.latency.conditions import condition_columns, repeat_faults, served_faults
from bayes_scaling.latency.row_shapes import row_shapes
from bayes_scaling.roofline.workload import mixer_of
from bayes_scaling.runs.cell_values import numbers, texts
from bayes_scaling.runs.faults import CONVENTION, Fault, describe_fault
from bayes_scaling.runs.validation import FRACTION, INFINITE, MISSING, NEGATIVE, ZERO, check_size, faults_at

COUNTS = {"batch_size": (ZERO, NEGATIVE), "prefill": (NEGATIVE,)}
REQUIRED_SHAPE = ("embedding_dim", "num_blocks", "num_heads", "ffn_dim")
OPTIONAL_SHAPE = {"num_kv_heads": "num_heads", "head_dim_v": None, "head_dim_qk": "head_dim_v",
                  "vocab_size": 50304.0, "chunk_size": 64.0}  # fmt: skip
RESERVED = ("reserved_bytes", "memory_reserved_gl1_bytes")
_ANSWERS = ("ttft_ms", "step_time_ms", "measured", *RESERVED)
_EMPTY = "leave the cell empty where nothing was measured"
_REMEDIES = {
    "batch_size": "give the sequences of the batch, 1 or more",
    "prefill": "give the tokens of the prompt, 0 or more",
    "ttft_ms": f"give milliseconds above 0; {_EMPTY}",
    "step_time_ms": f"give milliseconds above 0; {_EMPTY}",
    **dict.fromkeys(RESERVED, f"give bytes above 0; {_EMPTY}"),
}


def check_table(table: Table, need_times: bool) -> pd.DataFrame:
    """The canonical table.

    Raises
    ------
    TimingsError
        With all faults.
    """
    names = [str(name) for name in table.frame]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TimingsError(f"{table.source}: column {twice!r} is there twice. Remedy: rename or remove one.")
    frame = table.frame if need_times else table.frame.drop(columns=list(_ANSWERS), errors="ignore")
    faults = check_size(frame)
    if not faults and need_times:
        faults = served_faults(frame)
    if not faults:
        faults = _missing(frame, need_times)
    columns: dict[str, Any] = {}
    if not faults:
        columns, faults = _columns(frame)
    if faults:
        raise _invalid(table, faults)
    checked = pd.DataFrame(columns)
    faults = repeat_faults(checked)
    if faults:
        raise _invalid(table, faults)
    if need_times and not checked[["ttft_ms", "step_time_ms"]].notna().to_numpy().any():
        raise TimingsError(f"{table.source}: no time was measured. Remedy: give ttft_ms or step_time_ms.")
    return checked


def _missing(frame: pd.DataFrame, need_times: bool) -> list[Fault]:
    """Columns that a table of timings cannot do without."""
    has = set(map(str, frame))
    needed = [["architecture"], ["batch_size"], ["prefill"], ["params", "embedding_dim"]]
    needed += [["ttft_ms", "step_time_ms"]] if need_times else []
    if "params" not in has and "embedding_dim" in has:
        needed += [[name] for name in REQUIRED_SHAPE]
    shown = ", ".join(sorted(has)[:12])
    remedy = "a table of timings has architecture, params, batch_size, prefill, ttft_ms, step_time_ms; "
    remedy += f"this one has {shown}"
    lost = [names for names in needed if not has.intersection(names)]
    return [Fault("missing column", " or ".join(names), "is missing", remedy) for names in lost]


def _columns(frame: pd.DataFrame) -> tuple[dict[str, Any], list[Fault]]:
    columns: dict[str, Any] = {}
    columns["architecture"], faults = _architecture(frame["architecture"])
    for name in ("batch_size", "prefill", "ttft_ms", "step_time_ms"):
        columns[name] = np.full(len(frame), np.nan)
        if name in frame:
            columns[name], found = (_count if name in COUNTS else _time)(name, frame[name])
            faults += found
    columns["measured"], found = _measured(frame, columns)
    columns["reserved_bytes"], more = _reserved(frame)
    found += more
    sizes, more = _sizes(frame)
    conditions, unlike = condition_columns(frame)
    faults = faults + found + more + unlike
    if not faults:
        columns |= sizes | conditions
        columns["params"] = _params(columns) if "params" not in columns else columns["params"]
    return columns, faults


def _architecture(cells: pd.Series) -> tuple[list[str], list[Fault]]:
    """Names whose architecture is known and has a latency formula."""
    values, unreadable = texts(cells)
    known = {name: _fault_of(name) for name in set(values)}
    bad = unreadable | np.array([known[name] is not None for name in values], dtype=bool)
    reasons = "; ".join(sorted({known[n] or "" for n in values if known[n]}))
    return values, faults_at(
        cells, bad, "architecture", "names an architecture that cannot be timed", reasons
    )


def _fault_of(name: str) -> str | None:
    try:
        mixer_of(name)
    except AccountingError as error:
        return str(error)
    return None


def _count(name: str, cells: pd.Series) -> tuple[np.ndarray, list[Fault]]:
    values, unreadable = numbers(cells, thousands=True)
    remedy = _REMEDIES[name]
    faults = faults_at(cells, unreadable, "not a number", "holds text where a number is due", remedy)
    for rule in (MISSING, INFINITE, *COUNTS[name], FRACTION):
        faults += faults_at(cells, rule.broken(values) & ~unreadable, rule.code, rule.message, remedy)
    return values, faults


def _time(name: str, cells: pd.Series) -> tuple[np.ndarray, list[Fault]]:
    """Milliseconds or bytes; empty cells were not measured."""
    values, unreadable = numbers(cells)
    remedy = _REMEDIES[name]
    faults = faults_at(cells, unreadable, "not a number", "holds text where a number is due", remedy)
    for rule in (INFINITE, ZERO, NEGATIVE):
        faults += faults_at(cells, rule.broken(values), rule.code, rule.message, remedy)
    return values, faults


def _reserved(frame: pd.DataFrame) -> tuple[np.ndarray, list[Fault]]:
    """Bytes reserved; empty cells are not known."""
    name = next((name for name in RESERVED if name in frame), None)
    if name is None:
        return np.full(len(frame), np.nan), []
    return _time(name, frame[name])


def _measured(frame: pd.DataFrame, columns: dict[str, Any]) -> tuple[np.ndarray, list[Fault]]:
    """1 where it fitted, 0 where not, NaN where unknown."""
    seen = ~(np.isnan(columns["ttft_ms"]) & np.isnan(columns["step_time_ms"]))
    if "measured" not in frame:
        return np.where(seen, 1.0, np.nan), []
    cells = frame["measured"]
    words = [str(cell).strip().casefold() for cell in cells]
    truth = {"true": 1.0, "1": 1.0, "1.0": 1.0, "false": 0.0, "0": 0.0, "0.0": 0.0, "nan": np.nan, "": np.nan}
    values = np.array([truth.get(word, -1.0) for word in words])
    faults = faults_at(cells, values < 0, "measured", "is neither true nor false", "write True or False")
    against = (values == 0) & seen
    message = "says that a query did not fit whose time is given"
    faults += faults_at(cells, against, "contradiction", message, "correct the cell or drop the time")
    return np.where(values < 0, np.nan, values), faults


def _sizes(frame: pd.DataFrame) -> tuple[dict[str, np.ndarray], list[Fault]]:
    """Params and, where the table has them, the sizes of the shapes."""
    names = ["params"] if "params" in frame else []
    if all(name in frame for name in REQUIRED_SHAPE):
        names += [*REQUIRED_SHAPE, *(name for name in OPTIONAL_SHAPE if name in frame)]
    sizes: dict[str, np.ndarray] = {}
    faults: list[Fault] = []
    for name in names:
        values, unreadable = numbers(frame[name], thousands=True)
        sizes[name] = values
        rules = (INFINITE, ZERO, NEGATIVE) if name in OPTIONAL_SHAPE else (MISSING, INFINITE, ZERO, NEGATIVE)
        faults += faults_at(
            frame[name], unreadable, "not a number", "holds text where a number is due", "write a number"
        )
        for rule in rules:
            faults += faults_at(
                frame[name], rule.broken(values) & ~unreadable, rule.code, rule.message, rule.remedy
            )
    if "embedding_dim" in sizes and not faults:
        for name in OPTIONAL_SHAPE:
            sizes[name] = _filled(name, sizes.get(name, np.full(len(frame), np.nan)), sizes)
    return sizes, faults


def _filled(name: str, values: np.ndarray, sizes: dict[str, np.ndarray]) -> np.ndarray:
    """Empty cells by the usual value of that size."""
    usual = OPTIONAL_SHAPE[name]
    if isinstance(usual, float):
        return np.where(np.isnan(values), usual, values)
    default = sizes["embedding_dim"] / sizes["num_heads"] if usual is None else sizes[usual]
    return np.where(np.isnan(values), default, values)


def _params(columns: dict[str, Any]) -> np.ndarray:
    """Params of the shapes."""
    frame = pd.DataFrame(columns)
    params = np.empty(len(frame))
    shapes = row_shapes(frame)
    for name in frame["architecture"].unique():
        rows = (frame["architecture"] == name).to_numpy()
        params[rows] = np.asarray(get_architecture(str(name)).params(shapes))[rows]
    return params


def _invalid(table: Table, faults: list[Fault]) -> TimingsError:
    title = f"{table.source}: {len(faults)} fault{'s' if len(faults) > 1 else ''} in the table of timings."
    lines = [title, *(f"  - {describe_fault(fault, table.lines)}" for fault in faults)]
    if any(fault.rows for fault in faults):
        lines.append(CONVENTION)
    return TimingsError("\n".join(lines))
