"""Stacks of layers: patterns, caches, families, costs and frontiers; impossible ones are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.accounting import (
    AccountingError,
    Precision,
    Shape,
    forget_architecture,
    get_architecture,
    get_cost,
    nearest_shape,
    register_architecture,
)
from bayes_scaling.accounting.layers import (
    Attention,
    Dense,
    Experts,
    GatedDeltaNet,
    LatentAttention,
    Layer,
    Stack,
)
from bayes_scaling.accounting.layers.shipped import SHIPPED
from tests.helpers import synthetic

NAMES = [value.name for value in SHIPPED] + ["transformer-gqa", "transformer-mqa"]
PARAMS = np.geomspace(1e5, 1e15, 200)
SHAPE = Shape(512, 8, 8, 1408, num_kv_heads=2, vocab_size=1000)
LOCAL = Layer(Attention(window=1024), Dense())
WHOLE = Layer(Attention(), Dense())
MIXED = Stack((LOCAL, LOCAL, LOCAL, WHOLE))


@pytest.mark.parametrize(
    ("blocks", "local", "whole"),
    [(4, 3, 1), (8, 6, 2), (6, 5, 1), (3, 3, 0), (np.array([7, 12]), [6, 9], [1, 3])],
)
def test_a_pattern_repeats_and_may_end_early(blocks, local, whole):
    counts = MIXED.blocks(replace(SHAPE, num_blocks=blocks))
    assert np.array_equal(counts[LOCAL], local)
    assert np.array_equal(counts[WHOLE], whole)


def test_smooth_shapes_have_a_share_of_each_layer():
    smooth = replace(SHAPE, continuous=True)
    assert MIXED.blocks(smooth) == {LOCAL: 6.0, WHOLE: 2.0}
    for count in (MIXED.params, lambda shape: MIXED.forward_flops(shape, 4096, "chinchilla")):
        assert count(smooth) == pytest.approx(count(SHAPE), rel=1e-14)
    uneven = replace(SHAPE, num_blocks=6.5, continuous=True)
    assert MIXED.blocks(uneven)[WHOLE] == 6.5 / 4


def test_a_window_stops_what_a_token_costs_and_keeps():
    local, whole = (Stack((layer,)).architecture("x") for layer in (LOCAL, WHOLE))
    contexts = np.array([512, 1024, 4096, 2**20])
    gap = whole.training_flops_per_token(SHAPE, contexts) - local.training_flops_per_token(SHAPE, contexts)
    assert gap[0] == gap[1] == 0
    assert gap[2] > 0
    far = local.training_flops_per_token(SHAPE, 2**20) / local.training_flops_per_token(SHAPE, 2**21)
    assert far == pytest.approx(1, abs=1e-3)
    keys = local.cache_bytes(SHAPE, 3, contexts)
    assert keys.tolist() == [8 * 2 * 128 * 2 * 3 * kept for kept in (512, 1024, 1024, 1024)]
    mixed = MIXED.architecture("x").cache_bytes(SHAPE, 3, contexts)
    assert np.array_equal(mixed, 0.75 * keys + 0.25 * whole.cache_bytes(SHAPE, 3, contexts))


def test_a_delta_net_keeps_a_state_whatever_the_context():
    value = get_architecture("gated-deltanet")
    shape = Shape(512, 8, 8, 1408, head_dim_qk=32, vocab_size=1000)
    state = 8 * (8 * 32 * 64 * 4 + 4 * (2 * 8 * 32 + 8 * 64) * 2)
    assert np.array_equal(value.cache_bytes(shape, 2, np.array([1, 10**6])), [2 * state, 2 * state])
    assert value.cache_bytes(shape, 2, 1, Precision(state=2.0)) < 2 * state
    per_token = value.training_flops_per_token(shape, np.array([2048, 2**20]))
    assert per_token[0] == pytest.approx(per_token[1], rel=1e-12)


def test_tied_tables_count_once_and_the_logits_stay():
    tied, untied = Stack((WHOLE,), tied=True), Stack((WHOLE,))
    assert untied.params(SHAPE) - tied.params(SHAPE) == 512 * 1000
    assert tied.forward_flops(SHAPE, 64, "chinchilla") == untied.forward_flops(SHAPE, 64, "chinchilla")
    larger = replace(SHAPE, vocab_size=2000)
    more = tied.forward_flops(larger, 64, "chinchilla") - tied.forward_flops(SHAPE, 64, "chinchilla")
    assert more == 64 * 2 * 512 * 1000


def test_idle_experts_cost_params_but_no_flops():
    few, many = (Stack((Layer(Attention(), Experts(total, 2)),)) for total in (8, 64))
    expert, router = 3 * 512 * 1408, 512
    assert many.params(SHAPE) - few.params(SHAPE) == 8 * 56 * (expert + router)
    assert many.active_params(SHAPE) - few.active_params(SHAPE) == 8 * 56 * router
    more = many.forward_flops(SHAPE, 64, "chinchilla") - few.forward_flops(SHAPE, 64, "chinchilla")
    assert more == 8 * 56 * router * 2 * 64


@pytest.mark.parametrize("name", NAMES)
def test_families_reach_every_size_and_cost_more_for_more(name):
    value = get_architecture(name)
    shape = value.family.shape(value.params, PARAMS)
    assert np.max(np.abs(value.params(shape) / PARAMS - 1)) < 1e-12
    for context in (2048, 131072):
        found = get_cost("accounted").flops_per_token(np, np.log(PARAMS), context, name)
        direct = value.training_flops_per_token(shape, context)
        assert np.max(np.abs(found / direct - 1)) < 1e-10
        assert np.all(np.diff(found) > 0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("params", [3e9, 7e10])
def test_shapes_that_can_be_built_are_near(name, params):
    value, real = get_architecture(name), nearest_shape(name, params, 8192)
    assert real.params == value.params(real.shape)
    assert real.params == pytest.approx(params, rel=0.05)
    assert real.flops_per_token == value.training_flops_per_token(real.shape, 8192)


@pytest.mark.parametrize(
    ("name", "share"), [("mixtral", 0.28), ("deepseek-v3", 0.055), ("transformer-tied", 1.0)]
)
def test_active_params_size_an_architecture_where_it_says_so(name, share):
    every = get_architecture(name)
    active = replace(every, name="by active", aliases=(), sized_by="active")
    shape = every.family.shape(every.params, 1e12)
    assert every.active_params(shape) / every.params(shape) == pytest.approx(share, rel=0.05)
    assert active.params(shape) == every.active_params(shape)
    assert active.weight_bytes(shape) == every.weight_bytes(shape) == pytest.approx(2e12)
    register_architecture(active)
    try:
        x = np.log(every.active_params(shape))
        found = get_cost("accounted").flops_per_token(np, x, 8192, "by active")
    finally:
        forget_architecture("by active")
    assert found == pytest.approx(
        get_cost("accounted").flops_per_token(np, np.log(1e12), 8192, name), rel=1e-9
    )


def test_frontiers_under_new_architectures(monkeypatch):
    monkeypatch.setattr(synthetic, "ARCHITECTURES", ("mixtral", "gemma2"))
    fit = synthetic.synthetic_fit(draws=50)
    draws = bs.frontier(fit, [1e20, 1e21], cost="accounted").draws
    plain = bs.frontier(fit, [1e20, 1e21]).draws
    for name in ("mixtral", "gemma2"):
        one = draws.sel(architecture=name, context_length=8192)
        per_token = get_cost("accounted").flops_per_token(np, np.log(one["params"].to_numpy()), 8192, name)
        spent = per_token * one["tokens"].to_numpy()
        assert np.allclose(spent, [1e20, 1e21], rtol=1e-8)
    sparse = draws["params"].sel(architecture="mixtral") > plain["params"].sel(architecture="mixtral")
    assert sparse.all()  # idle experts are cheap


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Experts(8, 9), "9 active experts of 8 in total"),
        (lambda: Experts(8, 0), "active is 0"),
        (lambda: Experts(8, 2, shared=-1), "shared is -1"),
        (lambda: Experts(8.5, 2), "total is 8.5"),
        (lambda: Attention(window=0), "window is 0"),
        (lambda: LatentAttention(kv_rank=0), "kv_rank is 0"),
        (lambda: GatedDeltaNet(values_per_key=1.5), "values_per_key is 1.5"),
        (lambda: Dense(widening=0), "widening is 0"),
        (lambda: Stack(()), "one Layer or more"),
        (lambda: Stack((Attention(),)), "one Layer or more"),
        (lambda: replace(get_architecture("mixtral"), sized_by="some"), "sized by 'some'"),
        (lambda: replace(get_architecture("mqa"), sized_by="active"), "give count_active= too"),
        (lambda: get_architecture("mla").params(SHAPE), "latent attention has one head count"),
        (
            lambda: get_architecture("qwen3-next").params(replace(SHAPE, head_dim_v=65)),
            "value dimension of the",
        ),
        (lambda: get_architecture("mixtral").prefill(SHAPE, 1, 10), "does not count prefill"),
    ],
)
def test_impossible_layers_are_refused(make, message):
    with pytest.raises(AccountingError, match=message):
        make()


def test_counts_are_numbers_under_jax():
    jax = pytest.importorskip("jax")
    value = get_architecture("gemma2")

    def flops(context):
        return value.forward_flops(SHAPE, context)

    assert jax.jit(flops)(5000.0) == pytest.approx(value.forward_flops(SHAPE, 5000.0), rel=1e-5)
