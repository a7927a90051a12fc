"""Devices that share a model: their peaks together, and sums between them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from bayes_scaling.accounting import Shape
from bayes_scaling.roofline.devices import DeviceError, get_device, parallel_device
from bayes_scaling.roofline.formula import log_prefill_time, log_step_time
from bayes_scaling.roofline.parameters import parameters
from bayes_scaling.roofline.workload import Deployment, decode_workload, prefill_workload

SHAPE = Shape(embedding_dim=8192, num_blocks=80, num_heads=64, num_kv_heads=8, ffn_dim=28672)
ONE = get_device("H200-SXM")


def seconds(degree: int, phase: str, batch: float = 1.0, **given: float) -> float:
    """Of a model of 70B params at the prior's medians."""
    device = parallel_device(ONE, degree)
    deployed = Deployment(parallel=degree)
    c = {p.name: p.value(np, p.center) for p in parameters(phase, "attention", degree)} | given
    size = np.array([batch])
    if phase == "step":
        work = decode_workload("transformer", SHAPE, size, np.array([2048.0]), device, 2048, deployed)
        return float(np.exp(log_step_time(np, c, work, device, "attention", np.zeros(1)))[0])
    work = prefill_workload("transformer", SHAPE, size, np.array([2048.0]), device, deployed)
    return float(np.exp(log_prefill_time(np, c, work, device, "attention"))[0])


@pytest.mark.parametrize("phase", ["step", "prefill"])
def test_more_devices_are_faster_but_not_in_proportion(phase: str) -> None:
    times = [seconds(degree, phase) for degree in (1, 2, 4, 8)]
    assert all(first > second for first, second in pairwise(times))
    assert times[0] / times[-1] < 8


def test_a_slow_link_costs_what_it_carries() -> None:
    launch = 1e-12
    fast = seconds(8, "step", 64.0, reduce_launch=launch, link_bandwidth=1e18)
    slow = seconds(8, "step", 64.0, reduce_launch=launch, link_bandwidth=1e9)
    sent = 2 * 80 * 2 * (7 / 8) * 64 * 8192 * 2  # two sums a block, of 64 tokens of two bytes a number
    assert slow - fast == pytest.approx(sent / 1e9, rel=1e-6)


def test_one_device_has_no_link() -> None:
    names = [p.name for p in parameters("step", "attention", 1)]
    assert "link_bandwidth" not in names and parallel_device(ONE, 1).flops_per_second == ONE.flops_per_second
    with pytest.raises(DeviceError, match="degree 0"):
        parallel_device(ONE, 0)
