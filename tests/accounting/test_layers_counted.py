"""Stacks of layers counted a second time: the arrays of a JAX model, and the operations that JAX traces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayes_scaling.accounting import Shape, get_architecture, scores, transformer
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
from tests.helpers.delta_net_model import delta_arrays, delta_net
from tests.helpers.operation_count import PRODUCTS, operations
from tests.helpers.stacked_arrays import arrays, count_active, count_params, random_arrays
from tests.helpers.stacked_model import count_forward, logits

pytest.importorskip("jax")

SMALL = Shape(
    embedding_dim=24, num_blocks=6, num_heads=4, ffn_dim=20, num_kv_heads=2, head_dim_v=6, head_dim_qk=4,
    vocab_size=50, chunk_size=8,
)  # fmt: skip
CONTEXT = 16
DENSE = Layer(Attention(), Dense())
LOCAL = Layer(Attention(window=5), Dense())
DELTA = Layer(GatedDeltaNet(values_per_key=2, head_share=0.5), Dense())
LATENT = Layer(LatentAttention(kv_rank=7, rotary_dim=3, query_rank=9), Dense())
SPARSE = Layer(Attention(), Experts(6, 2, shared=1, shared_gate=True, router_bias=True))
STACKS = {
    "grouped queries": Stack((DENSE,)),
    "gated and normed": Stack((Layer(Attention(gated=True, normed=True), Dense(), norms=4),)),
    "tied": Stack((DENSE,), tied=True),
    "experts": Stack((SPARSE,)),
    "experts after a wide layer": Stack((Layer(Attention(), Dense(widening=3)), *(SPARSE,) * 5)),
    "latent": Stack((LATENT,)),
    "latent, full queries": Stack((Layer(replace(LATENT.mixer, query_rank=None), Dense()),)),
    "local": Stack((LOCAL,)),
    "three local to one": Stack((LOCAL, LOCAL, LOCAL, DENSE)),
    "delta net": Stack((DELTA,)),
    "hybrid of experts": Stack((replace(DELTA, feed_forward=SPARSE.feed_forward),) * 3 + (SPARSE,)),
}
UNLIKE = {  # a stack counted wrongly, each by one slip
    "grouped queries": Stack((Layer(Attention(gated=True), Dense()),)),
    "experts": Stack((Layer(Attention(), replace(SPARSE.feed_forward, active=6)),)),
    "latent": Stack((Layer(replace(LATENT.mixer, rotary_dim=2), Dense()),)),
    "latent, full queries": Stack((LATENT,)),
    "local": Stack((DENSE,)),
    "three local to one": Stack((DENSE, LOCAL, LOCAL, LOCAL)),
    "delta net": Stack((Layer(GatedDeltaNet(values_per_key=2, head_share=1), Dense()),)),
    "hybrid of experts": Stack((SPARSE, *(replace(DELTA, feed_forward=SPARSE.feed_forward),) * 3)),
}


def shape_of(stack: Stack) -> Shape:
    """The small shape, with one head count where the stack has latent attention."""
    latent = any(isinstance(layer.mixer, LatentAttention) for layer in stack.pattern)
    return replace(SMALL, num_kv_heads=4) if latent else SMALL


@pytest.mark.parametrize("name", STACKS)
def test_params_are_those_of_the_arrays(name):
    stack, shape = STACKS[name], shape_of(STACKS[name])
    value = stack.architecture(name)
    assert value.params(shape) == value.all_params(shape) == count_params(stack, shape)
    assert value.active_params(shape) == count_active(stack, shape)
    assert value.params(replace(shape, num_blocks=7)) != count_params(stack, shape)


@pytest.mark.parametrize("mode", scores.MODES)
@pytest.mark.parametrize("name", STACKS)
def test_flops_are_those_of_the_traced_operations(name, mode):
    stack, shape = STACKS[name], shape_of(STACKS[name])
    value = stack.architecture(name)
    counted = count_forward(stack, shape, CONTEXT, mode)
    assert value.forward_flops(shape, CONTEXT, mode) == pytest.approx(counted, rel=1e-9)
    assert value.training_flops_per_token(shape, CONTEXT, mode) == pytest.approx(
        3 * counted / CONTEXT, rel=1e-9
    )


@pytest.mark.parametrize("name", UNLIKE)
def test_a_slip_in_the_count_is_seen(name):
    shape = shape_of(STACKS[name])
    wrong = UNLIKE[name].architecture(name)
    counted = count_forward(STACKS[name], shape, CONTEXT, "chinchilla")
    assert abs(wrong.forward_flops(shape, CONTEXT, "chinchilla") / counted - 1) > 1e-3


def test_all_experts_counted_as_active_are_seen(monkeypatch):
    stack = STACKS["experts"]
    counted = count_forward(stack, SMALL, CONTEXT, "chinchilla")
    monkeypatch.setattr(Experts, "active_weights", Experts.weights)
    assert stack.active_params(SMALL) > 1.5 * count_active(stack, SMALL)
    whole = replace(SPARSE, feed_forward=replace(SPARSE.feed_forward, active=SPARSE.feed_forward.total))
    assert Stack((whole,)).forward_flops(SMALL, CONTEXT, "chinchilla") > 1.5 * counted


def test_the_two_modes_differ_by_the_masks():
    stack = STACKS["grouped queries"]
    half = count_forward(stack, SMALL, CONTEXT, "distill_scaling")
    whole = count_forward(stack, SMALL, CONTEXT, "chinchilla")
    assert whole / half - 1 > 0.01


@pytest.mark.parametrize("value", SHIPPED, ids=lambda value: value.name)
def test_shipped_stacks_are_counted_a_second_time(value):
    stack = value.count_params.__self__
    latent = any(isinstance(layer.mixer, LatentAttention) for layer in stack.pattern)
    shape = Shape(32, 5, 4, 16, num_kv_heads=4 if latent else 1, head_dim_v=8, vocab_size=64, chunk_size=8)
    assert value.params(shape) == count_params(stack, shape)
    assert value.active_params(shape) == count_active(stack, shape)
    for mode in scores.MODES:
        counted = count_forward(stack, shape, CONTEXT, mode)
        assert value.forward_flops(shape, CONTEXT, mode) == pytest.approx(counted, rel=1e-9)


@pytest.mark.parametrize("mode", scores.MODES)
def test_a_stack_of_plain_layers_is_the_transformer(mode):
    plain, llama = STACKS["grouped queries"], get_architecture("llama")
    contexts = np.array([16, 2048, 131072])
    assert plain.params(SMALL) == llama.params(SMALL)
    assert np.allclose(
        plain.forward_flops(SMALL, contexts, mode), llama.forward_flops(SMALL, contexts, mode), rtol=1e-14
    )
    assert np.array_equal(
        plain.architecture("x").cache_bytes(SMALL, 3, contexts), llama.cache_bytes(SMALL, 3, contexts)
    )
    assert transformer.attention_flops(SMALL, 16, mode) < transformer.attention_flops(SMALL, 17, mode)


@pytest.mark.parametrize("window", [1, 5, 16, 40])
def test_pairs_of_a_window_are_those_of_its_mask(window):
    behind = np.arange(CONTEXT)[:, None] - np.arange(CONTEXT)[None, :]
    inclusive = ((behind >= 0) & (behind < window)).sum()
    exclusive = ((behind >= 1) & (behind <= window)).sum()
    assert scores.counted_pairs(CONTEXT, window, "distill_scaling") == (inclusive + exclusive) / 2
    assert scores.counted_pairs(CONTEXT, window, "chinchilla") == CONTEXT * min(window, CONTEXT)
    assert scores.counted_pairs(CONTEXT, None, "distill_scaling") == CONTEXT**2 / 2


@pytest.mark.parametrize("name", ["grouped queries", "experts", "latent", "local", "three local to one"])
def test_the_second_model_is_causal_and_local_where_it_says_so(name):
    """What is counted is a language model: no logit sees a later token, nor one beyond all windows."""
    stack = STACKS[name]
    shape = replace(shape_of(stack), num_blocks=2)
    p = random_arrays(arrays(stack, shape), seed=3)
    tokens = np.arange(CONTEXT)
    found = np.asarray(logits(stack, shape, p, tokens))
    assert found.shape == (CONTEXT, shape.vocab_size)
    assert np.isfinite(found).all()
    late = np.asarray(logits(stack, shape, p, np.where(tokens == 12, 49, tokens)))
    early = np.asarray(logits(stack, shape, p, np.where(tokens == 0, 49, tokens)))
    assert np.allclose(found[:12], late[:12], atol=1e-5)
    assert np.abs(found[12:] - late[12:]).max() > 1e-3
    local = all(getattr(layer.mixer, "window", None) for layer in stack.pattern[:2])
    assert np.allclose(found[9:], early[9:], atol=1e-5) == local  # two layers of five tokens reach back 8


def test_chunks_of_the_delta_net_give_its_recurrence():
    import jax

    mixer = DELTA.mixer
    model = jax.jit(delta_net, static_argnums=2)
    p = random_arrays(delta_arrays(mixer, SMALL), seed=4)
    x = np.random.default_rng(5).standard_normal((8, SMALL.embedding_dim)).astype(np.float32)
    by_token = np.asarray(model(p, x, None))
    assert np.allclose(model(p, x, 4), by_token, atol=1e-4)
    forgetful = p | {"decay_rate": p["decay_rate"] + 1}
    assert not np.allclose(model(forgetful, x, None), by_token, atol=1e-2)


def test_the_operation_count_knows_a_product():
    import jax.numpy as jnp

    found = operations(
        lambda a, b: jnp.einsum("bij,bjk->bik", a, b),
        np.ones((7, 2, 3)),
        np.ones((7, 3, 5)),
        scopes=frozenset(),
    )
    assert found["", PRODUCTS] == 2 * 7 * 2 * 3 * 5
