import numpy as np
import pandas as pd
import pytest

from bayes_scaling.accounting import Precision
from bayes_scaling.errors import LatencyError, TimingsError
from bayes_scaling.latency import LatencySettings, fit_latency, load_timings
from bayes_scaling.latency.fitting import check_conditions
from bayes_scaling.roofline.devices import Device, get_device
from bayes_scaling.roofline.workload import Deployment

GOOD = {"architecture": ["llama"] * 2, "params": [4e8, 4e8], "batch_size": [1, 8], "prefill": [0, 512],
        "ttft_ms": [3.0, 60.0], "step_time_ms": [2.0, 4.0]}  # fmt: skip
H200 = LatencySettings(get_device("H200-SXM"))


def _table(**changed):
    return pd.DataFrame({**GOOD, **changed})


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("mode", ["eager", "graph"], ("'mode'", "more than one mode", "row 1", "keep the rows of one mode")),
        ("device", ["NVIDIA H200", "NVIDIA B200"], ("'device'", "more than one device", "row 1")),
        ("dtype", ["bfloat16", "float8"], ("'dtype'", "more than one dtype")),
        ("Concurrency", [1, 32], ("'Concurrency'", "as served", "load_served")),
        ("tp", [1, 8], ("'tp'", "on several devices", "row 1")),
    ],
)
def test_conditions_that_differ_are_refused(column, values, words):
    with pytest.raises(TimingsError) as caught:
        load_timings(_table(**{column: values}))
    for word in words:
        assert word in str(caught.value)


def test_one_condition_is_kept():
    timings = load_timings(_table(mode="graph", device="NVIDIA H200", dtype="bfloat16", tp=1))
    assert timings.frame[["mode", "device", "dtype"]].drop_duplicates().to_numpy().tolist() == [
        ["graph", "NVIDIA H200", "bfloat16"]
    ]
    check_conditions(timings, H200)


def test_two_modes_without_a_column_are_seen_by_their_repeats():
    once = _table()
    again = once.assign(step_time_ms=once["step_time_ms"] * np.array([5.0, 1.1]))
    with pytest.raises(TimingsError, match="'step_time_ms'.*5.0 times apart"):
        load_timings(pd.concat([once, again], ignore_index=True))
    mild = once.assign(step_time_ms=once["step_time_ms"] * 1.1)
    assert len(load_timings(pd.concat([once, mild], ignore_index=True))) == 4


def test_timings_of_another_device_are_refused():
    timings = load_timings(_table(device="NVIDIA H200"))
    with pytest.raises(LatencyError, match="measured on 'NVIDIA H200'.*'H100-SXM'"):
        fit_latency(timings, "H100-SXM")


def test_times_that_the_device_cannot_reach_are_refused():
    size = {"embedding_dim": 2048, "num_blocks": 24, "num_heads": 16, "ffn_dim": 5504}
    slow = load_timings(_table(**size, step_time_ms=[0.7, 4.0]).drop(columns="params"))
    check_conditions(slow, H200)  # 2.6 GB of weights take 0.55 ms
    with pytest.raises(TimingsError, match="'step_time_ms', row 0: 0.7 ms, but A100-SXM-80GB needs 1.2"):
        check_conditions(slow, LatencySettings(get_device("A100-SXM-80GB")))
    early = load_timings(_table(**size, ttft_ms=[3.0, 9.0]).drop(columns="params"))
    with pytest.raises(TimingsError, match="'ttft_ms', row 1: 9 ms"):
        check_conditions(early, H200)


def test_a_narrow_dtype_is_counted_or_refused():
    narrow = Device("ours", 2e15, 4.8e12, 141e9, 132, dtype="float8")
    with pytest.raises(LatencyError, match="peak is that of float8.*deployment"):
        _ = LatencySettings(narrow).deployed
    counted = LatencySettings(narrow, deployment=Deployment(Precision(weight=1.0)))
    timings = load_timings(_table(dtype="float8"))
    check_conditions(timings, counted)
    with pytest.raises(TimingsError, match="'dtype': measured in float8, but 2 bytes a weight"):
        check_conditions(timings, H200)
