"""End-to-end timings of small models on this host, built from the kernels' JAX twins in float32."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.accounting import Shape, get_architecture
from bayes_scaling.bench.jax_twins import TWINS
from bayes_scaling.roofline.workload import ATTENTION, mixer_of

Array = Any
VOCABULARY = 8192
WIDTHS = ((256, 4), (384, 6), (512, 8))  # embedding_dim, num_blocks
BATCHES = (1, 4)
PROMPTS = (128, 512)
HEAD_DIM = {"transformer": (64, 64), "xlstm": (64, 128)}  # of keys and of values
REPEATS = 25
CACHE_BLOCK = 128


@dataclass(frozen=True)
class HostModel:
    """Random weights of one model and its twins, compiled each for itself: every kernel is a launch.

    Attributes
    ----------
    architecture : str
    shape : Shape
    weights : mapping of str to array
        Of one block, shared by all.
    head : array (embedding_dim, vocab_size)
    """

    architecture: str
    shape: Shape
    weights: dict[str, Array]
    head: Array

    def run(self, x: Array, mix: Callable[[Array], Array], last: bool) -> Array:
        """Activations (row, embedding_dim) through all blocks to logits."""
        twin = twins()
        for _ in range(int(self.shape.num_blocks)):
            h = twin["rmsnorm"](x, self.weights["norm"])["y"]
            h = mix(twin["matmul"](h, self.weights["inputs"])["c"])
            if "gate" in self.weights:
                h = twin["swiglu"](twin["matmul"](x, self.weights["gate"])["c"], h)["y"]
            x = x + twin["matmul"](h, self.weights["output"])["c"]
            h = twin["rmsnorm"](x, self.weights["norm"])["y"]
            gate = twin["matmul"](h, self.weights["ffn_gate"])["c"]
            up = twin["matmul"](h, self.weights["ffn_up"])["c"]
            x = x + twin["matmul"](twin["swiglu"](gate, up)["y"], self.weights["ffn_down"])["c"]
        return twin["matmul"](x[-1:] if last else x, self.head)["c"]


def twins() -> dict[str, Callable[..., Any]]:
    """The compiled twins by name."""
    import jax

    if not _COMPILED:
        for name, twin in TWINS.items():
            fixed = ("chunk_size",) if name == "mlstm_chunkwise" else ()
            _COMPILED[name] = jax.jit(twin, static_argnames=fixed)
    return _COMPILED


_COMPILED: dict[str, Callable[..., Any]] = {}


def host_shape(architecture: str, embedding_dim: int, num_blocks: int) -> Shape:
    """The shape of a small model."""
    key, value = HEAD_DIM[architecture]
    return Shape(
        embedding_dim=embedding_dim,
        num_blocks=num_blocks,
        num_heads=embedding_dim // value,
        ffn_dim=64 * round(2.667 * embedding_dim / 64),
        head_dim_v=value,
        head_dim_qk=key,
        vocab_size=VOCABULARY,
    )


def build(architecture: str, shape: Shape, rng: np.random.Generator) -> HostModel:
    """Random weights of the right sizes."""
    d = int(shape.embedding_dim)
    f = int(shape.ffn_dim)
    heads = int(shape.num_heads)
    inner = heads * int(shape.head_dim_v)
    keys = heads * int(shape.head_dim_qk)
    sizes = {
        "inputs": (d, 2 * keys + inner),
        "output": (inner, d),
        "ffn_gate": (d, f),
        "ffn_up": (d, f),
        "ffn_down": (f, d),
    }
    if mixer_of(architecture) != ATTENTION:
        sizes["gate"] = (d, inner)
    weights = {name: _random(rng, size) for name, size in sizes.items()} | {"norm": np.ones(d, np.float32)}
    return HostModel(architecture, shape, weights, _random(rng, (d, VOCABULARY)))


def time_host(
    architectures: Sequence[str] = ("transformer", "xlstm"),
    widths: Sequence[tuple[int, int]] = WIDTHS,
    batches: Sequence[int] = BATCHES,
    prompts: Sequence[int] = PROMPTS,
    repeats: int = REPEATS,
    note: Callable[[str], None] = lambda text: None,
) -> pd.DataFrame:
    """Time to first token and decode step of small models on this host, the least of a few repeats.

    A host shares its cores: the least is what the work itself needs.

    Returns
    -------
    DataFrame
        The columns that `load_timings` reads.
    """
    rng = np.random.default_rng(0)
    rows = []
    for architecture, (width, depth) in product(architectures, widths):
        model = build(architecture, host_shape(architecture, width, depth), rng)
        note(f"{architecture}, width {width}")
        rows += list(_time_model(model, batches, prompts, repeats, rng))
    return pd.DataFrame(rows)


def _time_model(
    model: HostModel, batches: Sequence[int], prompts: Sequence[int], repeats: int, rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    shape = model.shape
    sizes = {n: int(v) for n, v in vars(shape).items() if n not in ("continuous",)}
    params = int(get_architecture(model.architecture).params(shape))
    for batch, prompt in product(batches, prompts):
        yield {
            "architecture": model.architecture,
            "params": params,
            "batch_size": batch,
            "prefill": prompt,
            "ttft_ms": 1e3 * prefill_seconds(model, batch, prompt, rng, repeats),
            "step_time_ms": 1e3 * step_seconds(model, batch, prompt, rng, repeats),
            **sizes,
            "measured": True,
        }


def step_seconds(
    model: HostModel, batch: int, prompt: int, rng: np.random.Generator, repeats: int = REPEATS
) -> float:
    """Seconds of one decoding step over a cache of whole blocks."""
    twin = twins()
    heads, key, value = _heads(model.shape)
    cells = batch, heads
    keys = CACHE_BLOCK * (-(-prompt // CACHE_BLOCK) + 1)
    if mixer_of(model.architecture) == ATTENTION:
        cache = _random(rng, (*cells, keys, key)), _random(rng, (*cells, keys, value))

        def mix(x: Array) -> Array:
            q = x[:, : heads * key].reshape(*cells, key)
            return twin["decode_attention"](q, *cache)["out"].reshape(batch, -1)
    else:
        gates = _random(rng, cells), _random(rng, cells)
        states = _random(rng, (*cells, key, value)), _random(rng, (*cells, key)), _random(rng, cells)

        def mix(x: Array) -> Array:
            q, k, v = _split(x, heads, key)
            parts = q.reshape(*cells, key), k.reshape(*cells, key), v.reshape(*cells, value)
            return twin["mlstm_step"](*parts, *gates, *states)["h"].reshape(batch, -1)

    x = _random(rng, (batch, int(model.shape.embedding_dim)))
    return _least_seconds(lambda: model.run(x, mix, last=False), repeats)


def prefill_seconds(
    model: HostModel, batch: int, prompt: int, rng: np.random.Generator, repeats: int = REPEATS
) -> float:
    """Seconds from a prompt to its first token; recurrent models give all positions' logits."""
    twin = twins()
    heads, key, value = _heads(model.shape)
    attends = mixer_of(model.architecture) == ATTENTION
    gates = _random(rng, (batch, heads, prompt)), _random(rng, (batch, heads, prompt))

    def mix(x: Array) -> Array:
        widths = zip(_split(x, heads, key), (key, key, value), strict=True)
        q, k, v = (part.reshape(batch, prompt, heads, width).swapaxes(1, 2) for part, width in widths)
        if attends:
            out = twin["prefill_attention"](q, k, v)["out"]
        else:
            out = twin["mlstm_chunkwise"](q, k, v, *gates, chunk_size=64)["h"]
        return out.swapaxes(1, 2).reshape(batch * prompt, -1)

    x = _random(rng, (batch * prompt, int(model.shape.embedding_dim)))
    return _least_seconds(lambda: model.run(x, mix, last=attends), repeats)


def _heads(shape: Shape) -> tuple[int, int, int]:
    return int(shape.num_heads), int(shape.head_dim_qk), int(shape.head_dim_v)


def _split(x: Array, heads: int, key: int) -> tuple[Array, Array, Array]:
    return x[:, : heads * key], x[:, heads * key : 2 * heads * key], x[:, 2 * heads * key :]


def _least_seconds(call: Callable[[], Any], repeats: int) -> float:
    import jax

    jax.block_until_ready(call())
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(call())
        found.append(time.perf_counter() - start)
    return min(found)


def _random(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    import jax

    return jax.device_put((0.05 * rng.standard_normal(shape)).astype(np.float32))
