"""The shapes that are timed: on a GPU those of models of 160M to 7B params, on a host of smaller ones."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

Shapes = list[dict[str, int]]


def grid(**sizes: tuple[int, ...]) -> Shapes:
    """Every combination of the sizes."""
    return [dict(zip(sizes, each, strict=True)) for each in product(*sizes.values())]


def heads(batch: int, count: int, key: int, value: int) -> dict[str, int]:
    """The sizes of the mLSTM's heads."""
    return {"batch": batch, "num_heads": count, "head_dim_qk": key, "head_dim_v": value}


def attention(batch: int, count: int, width: int, **length: int) -> dict[str, int]:
    """The sizes of an attention whose heads are not grouped."""
    shape = {"batch": batch, "num_heads": count, "num_kv_heads": count, **length}
    return {**shape, "head_dim_qk": width, "head_dim_v": width}


def grouped(batch: int, **length: int) -> dict[str, int]:
    """The sizes of an attention of 32 heads in groups of four."""
    return {
        "batch": batch,
        "num_heads": 32,
        "num_kv_heads": 8,
        **length,
        "head_dim_qk": 128,
        "head_dim_v": 128,
    }


# What a kernel is checked at before it is timed: odd sizes, and every way of compiling it that is timed.
GATE_SHAPES: Mapping[str, Shapes] = {
    "copy": [{"numbers": 10007}, {"numbers": 2**16}],
    "empty": [{"programs": 7}],
    "matmul": [
        {"m": 257, "n": 131, "k": 200},
        {"m": 37, "n": 131, "k": 1000},
        {"m": 64, "n": 256, "k": 1024},
        {"m": 512, "n": 512, "k": 512},
    ],
    "rmsnorm": [{"tokens": 37, "embedding_dim": 1000}, {"tokens": 5, "embedding_dim": 4096}],
    "swiglu": [{"tokens": 37, "ffn_dim": 333}, {"tokens": 2, "ffn_dim": 5504}],
    "decode_attention": [
        {"batch": 3, "num_heads": 6, "num_kv_heads": 2, "keys": 333, "head_dim_qk": 72, "head_dim_v": 96},
        {"batch": 1, "num_heads": 32, "num_kv_heads": 8, "keys": 8192, "head_dim_qk": 128, "head_dim_v": 128},
        {"batch": 133, "num_heads": 4, "num_kv_heads": 4, "keys": 300, "head_dim_qk": 64, "head_dim_v": 64},
    ],
    "prefill_attention": [
        {"batch": 2, "num_heads": 6, "num_kv_heads": 2, "tokens": 301, "head_dim_qk": 72, "head_dim_v": 96},
        {"batch": 1, "num_heads": 4, "num_kv_heads": 2, "tokens": 512, "head_dim_qk": 128, "head_dim_v": 128},
    ],
    "mlstm_step": [heads(3, 4, 72, 136), heads(1, 2, 256, 512)],
    "mlstm_chunkwise": [
        {**heads(2, 3, 72, 136), "tokens": 301, "chunk_size": 64},
        {**heads(1, 2, 64, 128), "tokens": 512, "chunk_size": 64},
        {**heads(1, 2, 256, 512), "tokens": 512, "chunk_size": 128},
    ],
}

GPU_SHAPES: Mapping[str, Shapes] = {
    "copy": [{"numbers": 2**power} for power in range(12, 31, 2)],
    "empty": [{"programs": count} for count in (1, 132, 2048)],
    "matmul": [
        *({"m": size, "n": size, "k": size} for size in (512, 1024, 2048, 4096, 8192)),
        *({"m": m, "n": width, "k": width} for m in (1, 16, 64, 256) for width in (768, 2048, 4096)),
        *({"m": m, "n": 50304, "k": 2048} for m in (1, 16, 256)),
        *({"m": m, "n": 5504, "k": 2048} for m in (512, 2048, 16384)),
    ],
    "rmsnorm": grid(tokens=(1, 64, 1024, 16384), embedding_dim=(768, 2048, 4096)),
    "swiglu": grid(tokens=(1, 64, 1024, 16384), ffn_dim=(2112, 5504, 10944)),
    "decode_attention": [
        attention(batch, count, 128, keys=keys)
        for batch in (1, 8, 64)
        for count in (6, 16)
        for keys in (512, 2048, 8192, 32768)
    ]
    + [grouped(batch, keys=keys) for batch in (1, 8, 64) for keys in (2048, 8192)],
    "prefill_attention": [
        attention(batch, 16, 128, tokens=tokens) for batch in (1, 8) for tokens in (512, 2048, 8192, 16384)
    ]
    + [grouped(1, tokens=8192), attention(4, 16, 64, tokens=4096)],
    "mlstm_step": [
        heads(batch, *sizes)
        for batch in (1, 8, 64, 256)
        for sizes in ((6, 64, 128), (4, 256, 512), (8, 256, 512))
    ],
    "mlstm_chunkwise": [
        {**heads(batch, *sizes), "tokens": tokens, "chunk_size": chunk}
        for batch, sizes in ((1, (6, 64, 128)), (1, (4, 256, 512)), (8, (4, 256, 512)))
        for tokens in (512, 2048, 8192)
        for chunk in (64, 128)
    ],
}

HOST_SHAPES: Mapping[str, Shapes] = {
    "copy": [{"numbers": 2**power} for power in range(10, 27, 2)],
    "empty": [{"programs": 1}],
    "matmul": [
        *({"m": size, "n": size, "k": size} for size in (64, 256, 512, 1024)),
        *({"m": m, "n": width, "k": width} for m in (1, 8, 64) for width in (256, 768, 2048)),
        {"m": 1, "n": 50304, "k": 256},
        {"m": 512, "n": 2112, "k": 768},
    ],
    "rmsnorm": grid(tokens=(1, 64, 1024), embedding_dim=(256, 768, 2048)),
    "swiglu": grid(tokens=(1, 64, 1024), ffn_dim=(704, 2112)),
    "decode_attention": [
        attention(batch, 4, 64, keys=keys) for batch in (1, 8) for keys in (128, 512, 2048, 8192)
    ],
    "prefill_attention": [
        attention(batch, 4, 64, tokens=tokens) for batch in (1, 4) for tokens in (64, 256, 1024)
    ],
    "mlstm_step": [
        heads(batch, *sizes) for batch in (1, 8, 32) for sizes in ((4, 32, 64), (4, 64, 128), (4, 128, 256))
    ],
    "mlstm_chunkwise": [
        {**heads(batch, *sizes), "tokens": tokens, "chunk_size": 64}
        for batch in (1, 4)
        for sizes in ((4, 32, 64), (4, 64, 128))
        for tokens in (64, 256, 1024)
    ],
}
