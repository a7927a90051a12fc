"""Mamba-2, the architecture added as one file and one entry, against its source."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.accounting import Shape, get_architecture
from bayes_scaling.accounting import mamba2 as module

# width, blocks, published size; exact counts of the checkpoints where they are public
PUBLISHED = [
    (768, 24, 130e6, 128_989_632),
    (1024, 48, 370e6, 368_346_624),
    (1536, 48, 780e6, None),
    (2048, 48, 1.3e9, None),
    (2560, 64, 2.7e9, 2_702_599_680),
]


def mamba(width: int, blocks: int, **change: int) -> Shape:
    sizes = {
        "num_heads": 2 * width // 64,
        "head_dim_v": 64,
        "head_dim_qk": 128,
        "num_kv_heads": 1,
        "ffn_dim": 0,
        "vocab_size": 50288,  # 50277 padded to a multiple of 16
        "chunk_size": 256,
    }
    return Shape(embedding_dim=width, num_blocks=blocks, **{**sizes, **change})


@pytest.mark.parametrize(("width", "blocks", "nominal", "exact"), PUBLISHED)
def test_published_sizes(width, blocks, nominal, exact):
    value = get_architecture("mamba-2")
    params = value.params(mamba(width, blocks))
    assert params == pytest.approx(nominal, rel=0.035)
    assert exact is None or params == exact
    assert value.params(mamba(width, blocks, vocab_size=50277)) != params
    assert value.params(mamba(width, blocks, head_dim_qk=64)) != params


def test_the_inner_width_is_twice_the_embedding():
    assert module.inner_width(mamba(768, 24)) == 1536


def test_scan_flops_equal_a_tally_of_the_chunked_algorithm():
    shape, length = mamba(768, 1), 256
    heads, head, state = 24, 64, 128
    chunk = 0
    chunk += 2 * length * length * state  # C B', one group
    chunk += heads * length * length  # decay mask
    chunk += heads * 2 * length * length * head  # scores times inputs
    chunk += heads * 2 * state * length * head  # B' X, the chunk's state
    chunk += heads * 2 * state * head  # passing the state on
    chunk += heads * 2 * length * state * head  # C times the incoming state
    chunk += heads * 2 * length * head  # skip
    assert module.scan_flops(shape, 4 * length) == pytest.approx(4 * chunk, rel=1e-14)


def test_flops_per_token_do_not_depend_on_the_context():
    value, shape = get_architecture("mamba2"), mamba(2560, 64)
    per_token = value.training_flops_per_token(shape, np.array([2048, 16384, 131072]))
    assert np.ptp(per_token) < 1e-12 * per_token[0]
    assert per_token[0] / (6 * value.params(shape)) == pytest.approx(1.06, abs=0.04)


def test_a_step_costs_about_two_flops_a_weight_and_a_constant_state():
    value, shape = get_architecture("mamba2"), mamba(2560, 64)
    steps = value.generation(shape, 8, np.array([0, 4096, 65536]), 16)
    assert np.ptp(steps.flops) == 0
    assert np.ptp(steps.bytes) == 0
    assert steps.flops[0] / (8 * 2 * value.params(shape)) == pytest.approx(1.0, abs=0.1)
    state = 64 * (80 * 64 * 128 * 4 + 4 * (5120 + 256) * 2)
    assert value.cache_bytes(shape, 1, 1) == state
    assert steps.bytes[0] > value.weight_bytes(shape) + 2 * 8 * state


def test_a_prefill_is_a_forward_pass_with_one_set_of_logits():
    value, shape, prompt = get_architecture("mamba2"), mamba(1024, 48), 4096
    forward = value.forward_flops(shape, prompt) - (prompt - 1) * 2 * 1024 * 50288
    assert value.prefill(shape, 2, prompt).flops / (2 * forward) == pytest.approx(1.0, abs=0.01)
