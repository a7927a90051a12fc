"""Specifications of the attention kernels: one query over a cache, and a causal prefill."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_scaling.accounting import Work
from bayes_scaling.accounting.scores import SOFTMAX_HALF
from bayes_scaling.accounting.transformer import CAUSAL_FACTOR
from bayes_scaling.kernels.spec import (
    DTYPE_BYTES,
    Arrays,
    Buffer,
    Config,
    KernelError,
    KernelSpec,
    Sizes,
    check_heads_of_grid,
    check_offsets,
)

Array = Any
SOURCE = "Vaswani et al. 2017, arXiv:1706.03762, eq. 1; online softmax: Milakov and Gimelshein 2018"
WIDEST_HEAD = 128


def score_flops(shape: Sizes, pairs: float) -> float:
    """FLOPs of `pairs` query-key pairs of every head, as the accounting counts inference."""
    widths = shape["head_dim_qk"] + shape["head_dim_v"] + SOFTMAX_HALF
    return 2.0 * CAUSAL_FACTOR * shape["batch"] * shape["num_heads"] * widths * pairs


def attend(q: Array, k: Array, v: Array, mask: Array | None = None) -> Array:
    """Softmax attention; heads are the second axis and those of keys and values are repeated."""
    groups = q.shape[1] // k.shape[1]
    scores = q @ np.repeat(k, groups, axis=1).swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True) @ np.repeat(v, groups, axis=1)


def decode_reference(inputs: Arrays) -> Arrays:
    """One query of each head over all keys of the cache."""
    return {"out": attend(inputs["q"][:, :, None], inputs["k"], inputs["v"])[:, :, 0]}


def decode_work(shape: Sizes, dtype: str) -> Work:
    """The cache is read once; query and output are the projections', as in the accounting."""
    widths = shape["head_dim_qk"] + shape["head_dim_v"]
    numbers = 1.0 * shape["batch"] * shape["num_kv_heads"] * shape["keys"] * widths
    return Work(score_flops(shape, shape["keys"]), numbers * DTYPE_BYTES[dtype])


def prefill_reference(inputs: Arrays) -> Arrays:
    """Causal: query t sees the keys 0 to t."""
    tokens = inputs["q"].shape[2]
    mask = np.tril(np.ones((tokens, tokens), dtype=bool))
    return {"out": attend(inputs["q"], inputs["k"], inputs["v"], mask)}


def prefill_work(shape: Sizes, dtype: str) -> Work:
    """Queries, keys and values read once, the output written once."""
    widths = shape["head_dim_qk"] + shape["head_dim_v"]
    heads = shape["num_heads"] + shape["num_kv_heads"]
    numbers = 1.0 * shape["batch"] * shape["tokens"] * widths * heads
    return Work(score_flops(shape, 1.0 * shape["tokens"] ** 2), numbers * DTYPE_BYTES[dtype])


def check_heads(kernel: str, shape: Sizes) -> None:
    """Refuse heads that do not divide and widths that do not fit one tile."""
    if shape["num_heads"] % shape["num_kv_heads"]:
        raise KernelError(
            f"{kernel}: num_kv_heads = {shape['num_kv_heads']} must divide num_heads = {shape['num_heads']}."
        )
    for name in ("head_dim_qk", "head_dim_v"):
        if shape[name] > WIDEST_HEAD:
            raise KernelError(f"{kernel}: {name} = {shape[name]} is over {WIDEST_HEAD}; use narrower heads.")
    check_offsets(kernel, shape, "tokens" if "tokens" in shape else "keys")
    if "tokens" in shape:
        check_heads_of_grid(kernel, shape)


DECODE_ATTENTION = KernelSpec(
    name="decode_attention",
    dims=("batch", "num_heads", "num_kv_heads", "keys", "head_dim_qk", "head_dim_v"),
    reads={
        "q": Buffer(("batch", "num_heads", "head_dim_qk")),
        "k": Buffer(("batch", "num_kv_heads", "keys", "head_dim_qk")),
        "v": Buffer(("batch", "num_kv_heads", "keys", "head_dim_v")),
    },
    writes={"out": Buffer(("batch", "num_heads", "head_dim_v"))},
    reference=decode_reference,
    count=decode_work,
    source=f"{SOURCE}; split over the keys as in Flash-Decoding (Dao et al. 2023)",
    configs=(
        Config({"block_keys": 128, "programs": 132}, num_warps=4, num_stages=3),
        Config({"block_keys": 64, "programs": 132}, num_warps=4, num_stages=3),
        Config({"block_keys": 64, "programs": 528}, num_warps=4, num_stages=2),
        Config({"block_keys": 32, "programs": 528}, num_warps=2, num_stages=4),
    ),
    examples=(
        {
            "batch": 16,
            "num_heads": 16,
            "num_kv_heads": 16,
            "keys": 8192,
            "head_dim_qk": 128,
            "head_dim_v": 128,
        },
    ),
    limits=lambda shape: check_heads("decode_attention", shape),
)

PREFILL_ATTENTION = KernelSpec(
    name="prefill_attention",
    dims=("batch", "num_heads", "num_kv_heads", "tokens", "head_dim_qk", "head_dim_v"),
    reads={
        "q": Buffer(("batch", "num_heads", "tokens", "head_dim_qk")),
        "k": Buffer(("batch", "num_kv_heads", "tokens", "head_dim_qk")),
        "v": Buffer(("batch", "num_kv_heads", "tokens", "head_dim_v")),
    },
    writes={"out": Buffer(("batch", "num_heads", "tokens", "head_dim_v"))},
    reference=prefill_reference,
    count=prefill_work,
    source=f"{SOURCE}; tiles as in FlashAttention-2 (Dao 2023, arXiv:2307.08691)",
    configs=(
        Config({"block_q": 128, "block_keys": 64}, num_warps=8, num_stages=3, capabilities=(90, 100)),
        Config({"block_q": 128, "block_keys": 128}, num_warps=8, num_stages=2, capabilities=(90,)),
        Config({"block_q": 64, "block_keys": 64}, num_warps=4, num_stages=3),
        Config({"block_q": 128, "block_keys": 32}, num_warps=8, num_stages=3),
    ),
    examples=(
        {
            "batch": 4,
            "num_heads": 16,
            "num_kv_heads": 16,
            "tokens": 4096,
            "head_dim_qk": 128,
            "head_dim_v": 128,
        },
    ),
    limits=lambda shape: check_heads("prefill_attention", shape),
)
