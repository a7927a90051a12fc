"""Times that the device named cannot reach."""

from __future__ import annotations

import numpy as np

from bayes_scaling.errors import TimingsError
from bayes_scaling.latency.design import workload
from bayes_scaling.latency.settings import LatencySettings
from bayes_scaling.latency.timings import Timings
from bayes_scaling.roofline.parameters import PREFILL, STEP

CACHED_BYTES = 1.3e8  # weights of fewer bytes may stay in the last cache from step to step
SLACK = 0.9  # a clock a little above the data sheet's is no fault


def check_reachable(timings: Timings, settings: LatencySettings) -> None:
    """Refuse steps faster than the weights can be read, and prompts faster than their products.

    Raises
    ------
    TimingsError
        Naming the first such row and the remedy.
    """
    device = settings.device
    for name in timings.architectures:
        frame = timings.frame[timings.frame["architecture"] == name]
        step = workload(name, STEP, frame, settings)
        read = np.where(step.weight_bytes > CACHED_BYTES, step.weight_bytes, 0.0)
        least = {"step_time_ms": 1e3 * read / device.bytes_per_second}
        prompts = frame["prefill"].to_numpy(dtype=float) > 0
        flops = workload(name, PREFILL, frame, settings).matmul_flops
        least["ttft_ms"] = np.where(prompts, 1e3 * flops / device.flops_per_second, 0.0)
        for column, bound in least.items():
            time = frame[column].to_numpy(dtype=float)
            wrong = np.flatnonzero(time < SLACK * bound)
            if wrong.size:
                row = int(frame.index[wrong[0]])
                raise TimingsError(
                    f"{timings.source}, column {column!r}, row {row}: {time[wrong[0]]:.4g} ms, but "
                    f"{device.name} needs {bound[wrong[0]]:.4g} ms at its peaks. Remedy: name the device "
                    "that was measured, give milliseconds, or tell the bytes of a weight by a deployment."
                )
