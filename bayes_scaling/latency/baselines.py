"""What latency is usually predicted by: a hard roofline, and lines fitted by least squares."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import optimize

from bayes_scaling.accounting import Shape, get_architecture
from bayes_scaling.latency.row_shapes import row_shapes
from bayes_scaling.roofline.devices import Device

GENERATED = 100


def work_of(frame: pd.DataFrame, quantity: str, study: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """FLOPs and bytes of the rows of one architecture, by the accounting.

    ``study``: as the xLSTM study counts, which divides one read of the weights over a whole generation.
    """
    architecture = get_architecture(str(frame["architecture"].iloc[0]))
    shape: Shape = row_shapes(frame)
    batch = frame["batch_size"].to_numpy(dtype=float)
    prompt = frame["prefill"].to_numpy(dtype=float)
    if quantity == "ttft_ms":
        work = architecture.prefill(shape, batch, np.maximum(prompt, 1))
    else:
        reads = 1 / GENERATED if study else 1.0
        work = architecture.generation(shape, batch, prompt, GENERATED, weight_reads=reads)
    return np.asarray(work.flops), np.asarray(work.bytes)


def hard_roofline(frame: pd.DataFrame, quantity: str, device: Device) -> np.ndarray:
    """Milliseconds at the datasheet's peaks: the larger of compute and memory time, no fit at all."""
    flops, moved = work_of(frame, quantity)
    return np.asarray(1e3 * np.maximum(flops / device.flops_per_second, moved / device.bytes_per_second))


def study_lines(train: pd.DataFrame, test: pd.DataFrame, quantity: str) -> np.ndarray:
    """Milliseconds by the xLSTM study's forms, refitted by least squares for each size, then extrapolated.

    Time to first token: FLOPs / alpha + eps, by relative least squares. Step time: ln of
    bytes / beta + eps + batch eps_bp, by least squares in logs. Signs are left free, as in the study. Each
    coefficient of a size not fitted comes from a power law in params through the sizes where it is positive
    (its mean over the sizes where fewer than two are).
    """
    params = []
    coefficients = []
    timed = train[train[quantity].notna()]
    for size in np.unique(timed["params"].to_numpy(dtype=float)):
        rows = timed[timed["params"] == size]
        if len(rows) > 3:
            params.append(size)
            coefficients.append(_fit_size(rows, quantity))
    found = np.array(coefficients)
    chosen = _extrapolate(np.array(params), found, float(test["params"].iloc[0]))
    return np.asarray(_features(test, quantity) @ chosen)


def _features(frame: pd.DataFrame, quantity: str) -> np.ndarray:
    flops, moved = work_of(frame, quantity, study=True)
    ones = np.ones(len(frame))
    if quantity == "ttft_ms":
        return np.column_stack([flops / 1e12, ones])
    return np.column_stack([moved / 1e9, ones, frame["batch_size"].to_numpy(dtype=float)])


def _fit_size(rows: pd.DataFrame, quantity: str) -> np.ndarray:
    features = _features(rows, quantity)
    time = rows[quantity].to_numpy(dtype=float)
    first = np.linalg.lstsq(features / time[:, None], np.ones(len(time)), rcond=None)[0]
    if quantity == "ttft_ms":
        return np.asarray(first)

    def residual(c: np.ndarray) -> np.ndarray:
        return np.asarray(np.log(np.maximum(features @ c, 1e-6)) - np.log(time))

    return np.asarray(optimize.least_squares(residual, first, x_scale=np.abs(first) + 1e-12).x)


def _extrapolate(params: np.ndarray, coefficients: np.ndarray, size: float) -> np.ndarray:
    chosen = []
    for column in coefficients.T:
        good = column > 0
        if good.sum() < 2:
            chosen.append(column.mean())
            continue
        slope, level = np.polyfit(np.log(params[good]), np.log(column[good]), 1)
        chosen.append(np.exp(level + slope * np.log(size)))
    return np.array(chosen)
