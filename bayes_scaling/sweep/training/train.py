"""Train one model to the end of its schedule and measure its validation loss."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bayes_scaling.accounting import Shape
from bayes_scaling.sweep.protocol import Protocol
from bayes_scaling.sweep.specs import RunSpec
from bayes_scaling.sweep.training.batches import Batches, validation_windows
from bayes_scaling.sweep.training.corpus import Corpus
from bayes_scaling.sweep.training.language_model import count_params, mean_loss, start_weights

Array = Any
Sizes = tuple[tuple[str, int], ...]

SEGMENT = 64  # steps a call
QUARTERS = (0.25, 0.5, 0.75, 1.0)
AVERAGED = 0.05  # share of the steps that a point of the loss curve averages
DIVERGED_ABOVE = 1.1  # times the loss at the start


@dataclass(frozen=True)
class Trained:
    """What a run gave.

    Attributes
    ----------
    params : int
        Numbers in the built model.
    initial_loss, loss : float
        Validation loss (nats per token) before and after; `loss` is the initial one of a diverged run.
    curve : tuple of float
        Training loss round a quarter, half, three quarters and the end of the steps.
    diverged : bool
    training_s, compile_s, step_ms : float
        Seconds of training without compilation and validation; of compilation; median time of a step.
    """

    params: int
    initial_loss: float
    loss: float
    curve: tuple[float, ...]
    diverged: bool
    training_s: float
    compile_s: float
    step_ms: float


def train(spec: RunSpec, shape: Shape, protocol: Protocol, corpus: Corpus) -> Trained:
    """Train a model and measure it.

    Parameters
    ----------
    spec : RunSpec
    shape : Shape
    protocol : Protocol
    corpus : Corpus

    Returns
    -------
    Trained

    Raises
    ------
    SweepError
        The corpus is too short for the run.
    """
    length = spec.context_length
    windows = protocol.batch_tokens // spec.context_length
    batches = Batches(corpus.train, length, windows, spec.seed)
    validation = _validator(spec.architecture, _sizes(shape), protocol)
    held_out = validation_windows(corpus.validation, length, protocol.validation_tokens)
    weights = start_weights(spec.architecture, shape, spec.seed)
    params = count_params(weights)
    initial = validation(weights, held_out)
    began = time.perf_counter()
    advance = _compiled(spec.architecture, _sizes(shape), length, windows, protocol)
    compile_s = time.perf_counter() - began
    rates = protocol.learning_rates(spec.architecture, int(shape.embedding_dim), spec.steps)
    state = _optimiser(protocol).init(weights)
    weights, losses, seconds = _run(advance, weights, state, batches, rates)
    final = validation(weights, held_out)
    diverged = not (np.isfinite(final) and final < DIVERGED_ABOVE * initial and np.isfinite(losses).all())
    step_ms = 1e3 * float(np.median(seconds))
    curve = _curve(losses)
    return Trained(params, initial, initial if diverged else final, curve, diverged,
                   float(np.sum(seconds * _segments(spec.steps))), compile_s, step_ms)  # fmt: skip


def _run(
    advance: Callable[..., Any], weights: Any, state: Any, batches: Batches, rates: np.ndarray
) -> tuple[Any, np.ndarray, np.ndarray]:
    """All steps; weights, training losses (step,) and seconds a step of each segment."""
    losses = []
    seconds = []
    sizes = _segments(len(rates))
    for first, size in zip(np.cumsum(sizes) - sizes, sizes, strict=True):
        windows = np.zeros((SEGMENT, batches.windows, batches.context_length + 1), np.int32)
        windows[:size] = batches.take(int(first), int(size))
        rate = np.zeros(SEGMENT, np.float32)
        rate[:size] = rates[first : first + size]
        began = time.perf_counter()
        weights, state, loss = advance(weights, state, windows, rate, np.int32(size))
        loss = np.asarray(loss)[:size]  # waits for the result
        seconds.append((time.perf_counter() - began) / size)
        losses.append(loss)
        if not np.isfinite(loss).all():
            break
    return weights, np.concatenate(losses), np.asarray(seconds + [0.0] * (len(sizes) - len(seconds)))


def _segments(steps: int) -> np.ndarray:
    """Sizes of the segments that make up the steps."""
    return np.diff(np.append(np.arange(0, steps, SEGMENT), steps))


def _curve(losses: np.ndarray) -> tuple[float, ...]:
    width = max(1, round(AVERAGED * len(losses)))
    ends = [max(width, round(share * len(losses))) for share in QUARTERS]
    return tuple(float(np.mean(losses[end - width : end])) for end in ends)


def _sizes(shape: Shape) -> Sizes:
    """The shape as a key of a cache."""
    return tuple((name, int(value)) for name, value in vars(shape).items() if name != "continuous")


def _shape(sizes: Sizes) -> Shape:
    values: dict[str, Any] = dict(sizes)
    return Shape(**values)


def _optimiser(protocol: Protocol) -> optax.GradientTransformation:
    adam = optax.scale_by_adam(protocol.beta1, protocol.beta2)
    return optax.chain(optax.clip_by_global_norm(protocol.clip), adam)


@cache
def _compiled(architecture: str, sizes: Sizes, length: int, windows: int, protocol: Protocol) -> Any:
    """`_advance` for one model and batch, compiled once a process."""
    shape = _shape(sizes)
    weights = jax.eval_shape(lambda: start_weights(architecture, shape, 0))
    optimiser = _optimiser(protocol)
    state = jax.eval_shape(optimiser.init, weights)
    batch = jax.ShapeDtypeStruct((SEGMENT, windows, length + 1), jnp.int32)
    rates = jax.ShapeDtypeStruct((SEGMENT,), jnp.float32)
    count = jax.ShapeDtypeStruct((), jnp.int32)

    def advance(weights: Any, state: Any, batch: Array, rates: Array, count: Array) -> tuple[Any, Any, Array]:
        def step(i: Array, carry: tuple[Any, Any, Array]) -> tuple[Any, Any, Array]:
            weights, state, losses = carry
            loss, slope = jax.value_and_grad(mean_loss)(weights, batch[i], architecture, shape)
            move, state = optimiser.update(slope, state, weights)
            weights = jax.tree.map(lambda w, m: w - rates[i] * m, weights, move)
            return weights, state, losses.at[i].set(loss)

        start = weights, state, jnp.zeros(SEGMENT, jnp.float32)
        return jax.lax.fori_loop(0, count, step, start)

    return jax.jit(advance, donate_argnums=(0, 1)).lower(weights, state, batch, rates, count).compile()


@cache
def _validator(architecture: str, sizes: Sizes, protocol: Protocol) -> Callable[[Any, np.ndarray], float]:
    """Mean loss of a model over windows."""
    shape = _shape(sizes)

    @jax.jit
    def total(weights: Any, batches: Array) -> Array:
        return jnp.mean(jax.lax.map(lambda batch: mean_loss(weights, batch, architecture, shape), batches))

    def validate(weights: Any, windows: np.ndarray) -> float:
        size = max(1, protocol.batch_tokens * 4 // (windows.shape[1] - 1))
        return float(total(weights, windows.reshape(-1, size, windows.shape[1])))

    return validate
