"""Under which conditions a table of timings was measured: one device, one mode, one dtype, static batches."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_scaling.accounting.work import Precision
from bayes_scaling.errors import TimingsError
from bayes_scaling.runs.cell_values import numbers
from bayes_scaling.runs.faults import Fault

CONDITIONS = ("device", "mode", "dtype")
PARALLEL = ("tp", "tensor_parallel", "tensor_parallel_size")
SERVED_COLUMNS = ("concurrency", "max_concurrency", "request_rate", "isl", "osl", "tpot", "tpot_ms", "itl_ms")
APART = 2.0  # times of one query further apart than this are of two ways to run it
BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "fp16": 2.0, "bf16": 2.0, "fp32": 4.0, "fp8": 1.0,
         "float8": 1.0, "float8_e4m3fn": 1.0, "float8_e5m2": 1.0, "int8": 1.0}  # fmt: skip
_QUERY = ["architecture", "params", "batch_size", "prefill"]


def served_faults(frame: pd.DataFrame) -> list[Fault]:
    """Refuse what a server measured under load, and models on several devices."""
    names = {str(name).strip().casefold(): str(name) for name in frame}
    faults = []
    found = [names[name] for name in SERVED_COLUMNS if name in names]
    if found:
        remedy = "read them with bs.latency.load_served, or time batches of a fixed size and drop the column"
        message = "is of requests as served, which queue and share their steps with other prompts"
        faults.append(Fault("served timings", found[0], message, remedy))
    for name in (names[name] for name in PARALLEL if name in names):
        values, _ = numbers(frame[name])
        rows = tuple(int(row) for row in np.flatnonzero(values > 1))
        if rows:
            shown = tuple(str(frame[name].iloc[row]) for row in rows)
            remedy = "keep the rows of one device, or read them with bs.latency.load_served"
            faults.append(
                Fault("several devices", name, "runs a model on several devices", remedy, rows, shown)
            )
    return faults


def condition_columns(frame: pd.DataFrame) -> tuple[dict[str, list[str]], list[Fault]]:
    """Device, mode and dtype where a table has them, as text; each must be one."""
    columns = {}
    faults = []
    for name in (name for name in CONDITIONS if name in frame):
        values = ["" if pd.isna(cell) else str(cell).strip() for cell in frame[name]]
        columns[name] = values
        kinds = tuple(dict.fromkeys(value for value in values if value))
        if len(kinds) > 1:
            first = next(i for i, value in enumerate(values) if value == kinds[1])
            remedy = f"keep the rows of one {name}; there are {', '.join(kinds[:4])}"
            faults.append(
                Fault(f"several {name}s", name, f"holds more than one {name}", remedy, (first,), (kinds[1],))
            )
    return columns, faults


def repeat_faults(checked: pd.DataFrame) -> list[Fault]:
    """Refuse repeats of one query whose times are those of two ways to run it."""
    shape = [name for name in ("embedding_dim", "num_blocks", "num_heads", "ffn_dim") if name in checked]
    faults = []
    for name in ("ttft_ms", "step_time_ms"):
        grouped = checked.groupby([*_QUERY, *shape])[name]
        ratio = (grouped.transform("max") / grouped.transform("min")).to_numpy()
        rows = np.flatnonzero(ratio > APART)
        if rows.size:
            remedy = "give one table for each way to run the model, such as eager or by CUDA graphs"
            message = f"has times of one query up to {np.nanmax(ratio):.1f} times apart"
            shown = tuple(f"{checked[name].iloc[row]:g}" for row in rows)
            faults.append(Fault("two modes", name, message, remedy, tuple(int(row) for row in rows), shown))
    return faults


def check_dtype(frame: pd.DataFrame, precision: Precision, source: str) -> None:
    """Refuse timings in another width of numbers than is counted.

    Raises
    ------
    TimingsError
        Naming the dtype and the remedy.
    """
    if "dtype" not in frame:
        return
    for name in dict.fromkeys(str(value).casefold() for value in frame["dtype"] if value):
        width = BYTES.get(name.removeprefix("torch."))
        if width != precision.weight:
            counted = f"{precision.weight:g} bytes a weight are counted"
            raise TimingsError(
                f"{source}, column 'dtype': measured in {name}, but {counted}. Remedy: give "
                "settings=LatencySettings(device, deployment=Deployment(Precision(weight=...)))."
            )
