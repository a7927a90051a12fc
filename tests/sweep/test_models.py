"""The models of the sweep: cells against their definition, causality, gradients, counts, first loss."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bayes_scaling.accounting import get_architecture
from bayes_scaling.kernels.mlstm_specs import chunkwise_reference
from bayes_scaling.sweep.protocol import shape_names, shape_of
from bayes_scaling.sweep.training import attention, language_model, mlstm

ARCHITECTURES = ("transformer", "xlstm")


def gates_and_values(tokens: int = 96, seed: int = 0):
    rng = np.random.default_rng(seed)
    q, k = rng.standard_normal((2, 2, 3, tokens, 4))
    v = rng.standard_normal((2, 3, tokens, 8))
    write, keep = rng.standard_normal((2, 2, 3, tokens)) * 2
    return q, k, v, write, keep + 2


@pytest.mark.parametrize("chunk_size", [1, 16, 32, 96, 200])
def test_chunkwise_is_recurrent(chunk_size):
    with jax.enable_x64(True):
        inputs = [jnp.asarray(x) for x in gates_and_values()]
        slow, fast = mlstm.recurrent(*inputs), mlstm.chunkwise(*inputs, chunk_size)
    np.testing.assert_allclose(fast, slow, rtol=1e-10)


def test_chunkwise_is_recurrent_in_single_precision():
    inputs = [jnp.asarray(x, jnp.float32) for x in gates_and_values()]
    slow, fast = mlstm.recurrent(*inputs), mlstm.chunkwise(*inputs, 32)
    np.testing.assert_allclose(fast, slow, rtol=1e-5, atol=1e-5 * float(jnp.abs(slow).max()))


def test_recurrent_is_the_kernels_reference():
    q, k, v, write, keep = gates_and_values(tokens=20)
    reference = chunkwise_reference({"q": q, "k": k, "v": v, "input": write, "forget": keep})["h"]
    ours = mlstm.recurrent(*(jnp.asarray(x, jnp.float32) for x in (q, k, v, write, keep)))
    np.testing.assert_allclose(ours, reference, rtol=1e-4, atol=1e-5)


def test_a_wrong_scale_of_the_state_is_seen(monkeypatch):
    inputs = [jnp.asarray(x, jnp.float32) for x in gates_and_values()]
    whole = mlstm._states_before

    def forgetful(*parts):
        memory, normaliser, scale = whole(*parts)
        return memory, normaliser, scale + 0.01

    monkeypatch.setattr(mlstm, "_states_before", forgetful)
    assert np.max(np.abs(mlstm.chunkwise(*inputs, 16) - mlstm.recurrent(*inputs))) > 1e-3


def test_chunks_must_divide_the_tokens():
    with pytest.raises(ValueError, match="no whole number of chunks"):
        mlstm.chunkwise(*(jnp.asarray(x) for x in gates_and_values(tokens=96)), 64)


def test_blocks_of_queries_change_nothing():
    q, k, v = (
        jnp.asarray(x, jnp.float32) for x in np.random.default_rng(1).standard_normal((3, 2, 2, 50, 8))
    )
    whole = attention.causal_attention(q, k, v, block=64)
    np.testing.assert_allclose(attention.causal_attention(q, k, v, block=16), whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_later_token_leaves_earlier_outputs_alone(architecture):
    shape = shape_of(architecture, "w24x2")
    weights = language_model.start_weights(architecture, shape, 0)
    tokens = np.random.default_rng(2).integers(0, 256, (1, 128))
    changed = tokens.copy()
    changed[0, 70] += 1 - 2 * (changed[0, 70] == 255)
    before, after = (
        np.asarray(language_model.logits(weights, t, architecture, shape)) for t in (tokens, changed)
    )
    np.testing.assert_array_equal(before[0, :70], after[0, :70])
    assert np.abs(before[0, 70:] - after[0, 70:]).max(axis=1).min() > 0  # and reaches every later one


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_gradient_is_that_of_finite_differences(architecture):
    shape = shape_of(architecture, "w12x1")
    with jax.enable_x64(True):
        weights = jax.tree.map(
            lambda w: jnp.asarray(w, jnp.float64), language_model.start_weights(architecture, shape, 0)
        )
        windows = np.random.default_rng(3).integers(0, 256, (2, 65))

        def loss(weights):
            return language_model.mean_loss(weights, windows, architecture, shape)

        def along(step):
            return loss(jax.tree.map(lambda w, d: w + step * d, weights, direction))

        rng = np.random.default_rng(4)
        direction = jax.tree.map(lambda w: rng.standard_normal(w.shape), weights)
        slopes = jax.tree.map(lambda g, d: jnp.vdot(g, d), jax.grad(loss)(weights), direction)
        slope = float(sum(jax.tree.leaves(slopes)))
        difference = float(along(1e-5) - along(-1e-5)) / 2e-5
    assert difference == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", shape_names())
def test_built_params_are_the_accounted(architecture, name):
    shape = shape_of(architecture, name)
    built = jax.eval_shape(lambda: language_model.start_weights(architecture, shape, 0))
    assert language_model.count_params(built) == get_architecture(architecture).params(shape)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_first_loss_is_that_of_guessing(architecture):
    shape = shape_of(architecture, "w48x2")
    weights = language_model.start_weights(architecture, shape, 0)
    windows = np.random.default_rng(5).integers(0, 256, (16, 129))
    loss = float(language_model.mean_loss(weights, windows, architecture, shape))
    assert loss == pytest.approx(np.log(256), abs=0.03)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_one_batch_can_be_learnt_by_heart(architecture):
    shape = shape_of(architecture, "w32x2")
    weights = language_model.start_weights(architecture, shape, 0)
    windows = np.random.default_rng(6).integers(0, 256, (2, 33))  # random: nothing but memory helps
    optimiser = optax.adam(0.02)

    @jax.jit
    def step(weights, state):
        loss, slope = jax.value_and_grad(language_model.mean_loss)(weights, windows, architecture, shape)
        move, state = optimiser.update(slope, state)
        return optax.apply_updates(weights, move), state, loss

    state = optimiser.init(weights)
    for _ in range(200):
        weights, state, loss = step(weights, state)
    assert float(loss) < 0.05
