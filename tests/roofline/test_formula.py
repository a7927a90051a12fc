"""Times of kernels: launches add, inside a kernel the larger counts, keys count by their bytes."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.accounting import Precision, Shape
from bayes_scaling.roofline.devices import Device
from bayes_scaling.roofline.formula import log_step_time
from bayes_scaling.roofline.kernel_times import key_time, product_time
from bayes_scaling.roofline.launches import block_launches, numbers_moved
from bayes_scaling.roofline.parameters import parameters
from bayes_scaling.roofline.workload import Deployment, decode_workload, prefill_workload

DEVICE = Device("tester", 1e15, 4e12, 80e9, 132)
SHAPE = Shape(embedding_dim=2048, num_blocks=24, num_heads=16, num_kv_heads=4, ffn_dim=5504)
XLSTM = Shape(embedding_dim=2048, num_blocks=24, num_heads=8, ffn_dim=5504, head_dim_qk=128)


@pytest.mark.parametrize(("loads", "flops"), [(4e9, 1e9), (1e6, 1e12)])
def test_inside_a_product_the_larger_counts(loads: float, flops: float) -> None:
    sharp = {"bandwidth": 0.8, "matmul": 0.5, "corner": 200.0}
    time = product_time(np, sharp, np.array([loads]), np.array([flops]), DEVICE)
    assert time == pytest.approx(max(loads / 3.2e12, flops / 5e14), rel=1e-3)
    summed = product_time(np, sharp | {"corner": 1.0}, np.array([loads]), np.array([flops]), DEVICE)
    assert summed == pytest.approx(loads / 3.2e12 + flops / 5e14, rel=1e-9)


def test_keys_that_are_split_count_by_their_bytes_and_whole_heads_by_rounds() -> None:
    read = np.array([1e9])
    width = np.array([0.625]), np.array([1.0])  # heads 80 wide, padded to 128
    crowding = np.array([8.25])  # 16 heads on 132 units
    c = {"key_bandwidth": 0.9, "key_width": 1.0}
    split = key_time(np, c | {"whole_heads": 0.0}, read, width, crowding, DEVICE)
    assert split == pytest.approx(1e9 / 3.6e12)
    whole = key_time(np, c | {"whole_heads": 1.0}, read, width, crowding, DEVICE)
    assert whole == pytest.approx(split * 8.25 / 0.625)


def test_launches_add_and_are_counted_from_the_architecture() -> None:
    work = decode_workload("transformer", SHAPE, np.array([8.0]), np.array([128.0]), DEVICE)
    counted = block_launches("transformer", "eager")
    assert work.products[0] == 24 * counted.products + 1 and work.mixers[0] == 24
    c = {p.name: float(p.value(np, p.center)) for p in parameters("step", "attention")}
    times = []
    for more in (0.0, 1e-6):
        changed = c | {"small_launch": c["small_launch"] + more}
        log_time = log_step_time(np, changed, work, DEVICE, "attention", np.zeros(1))
        times.append(float(np.exp(log_time)[0]))
    assert times[1] - times[0] == pytest.approx(1e-6 * work.small[0], rel=1e-6)


def test_a_fused_block_launches_and_moves_less() -> None:
    for name, shape in (("transformer", SHAPE), ("xlstm", XLSTM)):
        eager, fused = (block_launches(name, fusion) for fusion in ("eager", "fused"))
        assert fused.small < eager.small and fused.products == eager.products
        assert numbers_moved(name, shape, "fused") < numbers_moved(name, shape, "eager")


def test_what_is_kept_counts_by_its_bytes() -> None:
    size = np.array([4.0])
    counts = {}
    for cache, weight, state in ((2.0, 2.0, 4.0), (1.0, 1.0, 2.0)):
        deployed = Deployment(Precision(weight=weight, state=state, cache=cache))
        llama = decode_workload("transformer", SHAPE, size, np.array([1024.0]), DEVICE, deployed=deployed)
        xlstm = decode_workload("xlstm", XLSTM, size, np.array([1024.0]), DEVICE, deployed=deployed)
        counts[cache] = llama.key_bytes[0], llama.weight_bytes[0], xlstm.mixer_bytes[0]
    keys = 24 * 4 * 4 * 1024 * 2 * 128 * 2  # blocks, groups, sequences, tokens, keys and values, width, bytes
    assert counts[2.0][0] == keys and counts[1.0][0] == keys / 2
    assert counts[1.0][1] == counts[2.0][1] / 2 and counts[1.0][2] == pytest.approx(
        counts[2.0][2] / 2, rel=0.01
    )


def test_logits_of_all_positions_are_a_setting() -> None:
    size = np.array([4.0])
    last = prefill_workload("xlstm", XLSTM, size, np.array([512.0]), DEVICE)
    every = prefill_workload(
        "xlstm", XLSTM, size, np.array([512.0]), DEVICE, Deployment(all_logits=("xlstm",))
    )
    assert every.logit_bytes[0] == 512 * last.logit_bytes[0]
    head = 2.0 * 2048 * 50304 * 4 * 511
    assert every.matmul_flops[0] - last.matmul_flops[0] == pytest.approx(head)
