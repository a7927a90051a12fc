"""Times that no device could reach, or that look like another unit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_scaling.accounting import Shape, get_architecture
from bayes_scaling.roofline.devices import device_names, get_device

FASTEST, SLOWEST = 0.25, 1e7  # times over the ideal of the fastest device known, beyond which a unit is wrong
SHOWN = 5


def implausible(frame: pd.DataFrame, shapes: Shape) -> list[str]:
    """One note for each column and direction."""
    notes = []
    for column, ideal in _ideal_ms(frame, shapes).items():
        ratio = frame[column].to_numpy(dtype=float) / ideal
        for bad, what in (
            (ratio < FASTEST, "faster than any known device could be: are they seconds? Give milliseconds"),
            (ratio > SLOWEST, "millions of times slower than the work needs: are they microseconds or less?"),
        ):
            rows = np.flatnonzero(bad)
            if rows.size:
                some = ", ".join(str(int(row)) for row in rows[:SHOWN]) + (
                    ", ..." if rows.size > SHOWN else ""
                )
                notes.append(f"column {column!r}: {rows.size} times are {what} (rows {some})")
    return notes


def _ideal_ms(frame: pd.DataFrame, shapes: Shape) -> dict[str, np.ndarray]:
    """Milliseconds that the fastest device known would need at its peaks."""
    devices = [get_device(name) for name in device_names()]
    flops_per_second = max(device.flops_per_second for device in devices)
    bytes_per_second = max(device.bytes_per_second for device in devices)
    batch = frame["batch_size"].to_numpy(dtype=float)
    prompt = frame["prefill"].to_numpy(dtype=float)
    ideal = {"ttft_ms": np.empty(len(frame)), "step_time_ms": np.empty(len(frame))}
    for name in frame["architecture"].unique():
        rows = (frame["architecture"] == name).to_numpy()
        architecture = get_architecture(str(name))
        shape = type(shapes)(**{k: v[rows] if np.ndim(v) else v for k, v in vars(shapes).items()})
        first = architecture.prefill(shape, batch[rows], np.maximum(prompt[rows], 1))
        held = (
            architecture.weight_bytes(shape) - 2.0 * shape.embedding_dim * shape.vocab_size
        )  # one is looked up
        for column, flops in (("ttft_ms", first.flops), ("step_time_ms", 0.0)):
            ideal[column][rows] = 1e3 * np.maximum(flops / flops_per_second, held / bytes_per_second)
    return ideal
