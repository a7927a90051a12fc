"""Inference work against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.accounting import AccountingError, Architecture, Precision, Shape, get_architecture

LLAMA = Shape(512, 3, 8, 1408, num_kv_heads=2, vocab_size=1000)
XLSTM = Shape(512, 3, 4, 1408, head_dim_qk=64, head_dim_v=128, vocab_size=1000, chunk_size=64)


def test_transformer_prefill_by_hand():
    d, n, h, kv, e, f, v, batch, t = 512, 3, 8, 2, 64, 1408, 1000, 5, 300
    work = get_architecture("llama").prefill(LLAMA, batch, t)
    linear = d * h * e + 2 * d * kv * e + h * e * d + 3 * d * f
    block = t * (2 * linear + 8 * d + 2 * f) + 2 * 0.65 * t * t * h * (e + e + 2.5)
    assert work.flops == pytest.approx(batch * (n * block + 2 * d * v), rel=1e-14)
    moved = 2 * d + d + (h + 2 * kv) * e + d + h * e + 3 * (d + f)  # norms, qkv, out, ffn
    weights = n * (linear + 2 * d) + d + d * v
    tokens = batch * t * (d + n * moved) + batch * (d + d + v)
    attention = n * batch * t * 2 * e * (h + kv)
    assert work.bytes == pytest.approx(2 * (tokens + weights + attention), rel=1e-14)


def test_transformer_step_is_the_mean_over_the_generation():
    llama, prompt, generated = get_architecture("llama"), 100, 7
    mean = llama.generation(LLAMA, 4, prompt, generated)
    single = llama.generation(LLAMA, 4, prompt + np.arange(generated), 1)
    assert mean.flops == pytest.approx(single.flops.mean(), rel=1e-14)
    assert mean.bytes == pytest.approx(single.bytes.mean(), rel=1e-14)
    assert llama.generation(LLAMA, 4, prompt, generated + 2).bytes > mean.bytes


def test_a_step_reads_the_cache_and_the_weights():
    llama = get_architecture("llama")
    step = llama.generation(LLAMA, 4, 4095, 1)
    longer = llama.generation(LLAMA, 4, 8191, 1)
    assert longer.bytes - step.bytes == llama.cache_bytes(LLAMA, 4, 4096)
    blocks = llama.weight_bytes(LLAMA) - 2 * 512 * 1000  # a step reads rows, not all, of the embedding
    shared = llama.generation(LLAMA, 4, 4095, 1, weight_reads=0.5)
    assert step.bytes - shared.bytes == pytest.approx(0.5 * blocks, rel=1e-14)


def test_xlstm_step_by_hand():
    d, n, h, k, v, f, vocab, batch = 512, 3, 4, 64, 128, 1408, 1000, 6
    work = get_architecture("xlstm").generation(XLSTM, batch, 1000, 50)
    linear = d * h * (2 * k + v) + 2 * d * h * v + 3 * d * f
    elementwise = 8 * d + 2 * d * h + 2 * h + 4 * h * v + 2 * f
    cell = h * (6 * k * v + 7 * k + v + 12)
    assert work.flops == pytest.approx(
        batch * (n * (2 * linear + elementwise + cell) + 3 * d + 2 * d * vocab)
    )
    state = k * v + k + 1
    assert get_architecture("xlstm").cache_bytes(XLSTM, batch, 99) == 4 * batch * n * h * state
    empty = get_architecture("xlstm").generation(XLSTM, batch, 1000, 50, Precision(state=0.0))
    assert work.bytes - empty.bytes == pytest.approx(2 * 4 * batch * n * h * state)


def test_xlstm_prefill_by_hand():
    work = get_architecture("xlstm").prefill(XLSTM, 2, 640)
    d, n, h, k, v, f, chunk = 512, 3, 4, 64, 128, 1408, 64
    gates = chunk * (chunk + 1) / 2
    state = (
        2 * chunk + gates + 4 * chunk + 5 + 2 * k * v + 2 * chunk * k * v + chunk * k + 2 * k + 2 * chunk * k
    )
    intra = 0.75 * (5 * chunk**2 + 2 * chunk + 2 * chunk**2 * (k + v) + 3 * chunk**2) + gates + 2 * chunk
    rest = 2 * chunk * k * v + 3 * chunk * k + 2 * chunk * v + 4 * chunk
    linear = d * h * (2 * k + v) + 2 * d * h * v + 3 * d * f
    token = 2 * linear + 8 * d + 2 * d * h + 2 * h + 4 * h * v + 2 * f
    expected = 2 * (640 * n * token + n * h * 10 * (state + intra + rest) + 2 * d * 1000)
    assert work.flops == pytest.approx(expected, rel=1e-14)


def test_contexts_separate_the_architectures():
    prompts = np.array([1024, 65536])
    for name, shape, ratio in (("llama", LLAMA, 64), ("xlstm", XLSTM, 1)):
        cache = get_architecture(name).cache_bytes(shape, 1, prompts)
        assert cache[1] / cache[0] == ratio


def test_everything_broadcasts():
    batch, prompt = np.array([1, 8, 64])[:, None], np.array([128, 2048])[None, :]
    for name, shape in (("llama", LLAMA), ("xlstm", XLSTM)):
        value = get_architecture(name)
        for work in (value.prefill(shape, batch, prompt), value.generation(shape, batch, prompt, 10)):
            assert np.shape(work.flops) == np.shape(work.bytes) == (3, 2)
            assert (np.diff(work.flops, axis=0) > 0).all()
            assert (np.diff(work.bytes, axis=0) > 0).all()
        alone = value.prefill(shape, 8, 2048)
        assert alone.flops == value.prefill(shape, batch, prompt).flops[1, 1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: a.prefill(LLAMA, 0, 10), "batch is 0"),
        (lambda a: a.prefill(LLAMA, 1, 0), "prompt is 0"),
        (lambda a: a.generation(LLAMA, 1, -1), "prompt is -1"),
        (lambda a: a.generation(LLAMA, 1, 10, 0), "generated is 0"),
        (lambda a: a.cache_bytes(LLAMA, 1, -5), "tokens is -5"),
        (lambda a: a.training_flops(LLAMA, 0, 10), "tokens is 0"),
    ],
)
def test_impossible_queries_are_refused(call, message):
    with pytest.raises(AccountingError, match=message):
        call(get_architecture("llama"))


def test_what_is_not_counted_says_how_to_add_it():
    bare = Architecture("bare", count_params=lambda shape: 1.0, count_forward=lambda *_: 1.0)
    with pytest.raises(AccountingError, match="does not count prefill: register it with count_prefill="):
        bare.prefill(LLAMA, 1, 10)
