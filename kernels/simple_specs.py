"""Specifications of the kernels that are not mixers: copy, empty, matmul, RMS norm, SwiGLU."""

from __future__ import annotations

import numpy as np

from bayes_scaling.accounting import Work
from bayes_scaling.kernels.spec import CAPABILITIES, Arrays, Buffer, Config, KernelSpec, Sizes, config_space

EPSILON = 1e-6  # under the root of the RMS norm
NORM_FLOPS, GATE_FLOPS = 3.0, 2.0  # per number, as the accounting counts norm and SwiGLU gate


def traffic(reads: dict[str, Buffer], writes: dict[str, Buffer], shape: Sizes, dtype: str) -> float:
    """Bytes where every input is read once and every output written once."""
    return float(sum(buffer.bytes(shape, dtype) for buffer in (*reads.values(), *writes.values())))


def copy_reference(inputs: Arrays) -> Arrays:
    """``y = x``."""
    return {"y": inputs["x"].copy()}


def copy_work(shape: Sizes, dtype: str) -> Work:
    """One read and one write; no FLOPs."""
    return Work(0.0, traffic(COPY_READS, COPY_WRITES, shape, dtype))


COPY_READS = {"x": Buffer(("numbers",))}
COPY_WRITES = {"y": Buffer(("numbers",))}
COPY = KernelSpec(
    name="copy",
    dims=("numbers",),
    reads=COPY_READS,
    writes=COPY_WRITES,
    reference=copy_reference,
    count=copy_work,
    source="STREAM copy (McCalpin 1995)",
    configs=config_space({"block": (4096, 2048, 8192)}, (8, 4)),
    examples=({"numbers": 2**28},),
)

EMPTY = KernelSpec(
    name="empty",
    dims=("programs",),
    reads={},
    writes={},
    reference=lambda inputs: {},
    count=lambda shape, dtype: Work(0.0, 0.0),
    source="a kernel that does nothing: the time of a launch",
    configs=(Config({}, num_warps=4, num_stages=1),),
    examples=({"programs": 1},),
)


def matmul_reference(inputs: Arrays) -> Arrays:
    """``c = a b``."""
    return {"c": inputs["a"] @ inputs["b"]}


def matmul_work(shape: Sizes, dtype: str) -> Work:
    """``2 m n k`` FLOPs; both factors read and the product written once, as for the logits."""
    flops = 2.0 * shape["m"] * shape["n"] * shape["k"]
    return Work(flops, traffic(MATMUL_READS, MATMUL_WRITES, shape, dtype))


def draw_matmul(shape: Sizes, rng: np.random.Generator) -> Arrays:
    """Factors whose product has unit variance."""
    a = rng.standard_normal((shape["m"], shape["k"]))
    return {"a": a, "b": rng.standard_normal((shape["k"], shape["n"])) / np.sqrt(shape["k"])}


def product_config(
    block_m: int,
    block_n: int,
    block_k: int,
    *,
    num_warps: int,
    num_stages: int,
    splits: int = 1,
    capabilities: tuple[int, ...] = CAPABILITIES,
) -> Config:
    """Tiles in groups of eight rows; `splits` programs share a tile where there are few rows."""
    blocks = {"block_m": block_m, "block_n": block_n, "block_k": block_k, "group_m": 8, "splits": splits}
    return Config(blocks, num_warps, num_stages, capabilities)


MATMUL_READS = {"a": Buffer(("m", "k")), "b": Buffer(("k", "n"))}
MATMUL_WRITES = {"c": Buffer(("m", "n"))}
MATMUL = KernelSpec(
    name="matmul",
    dims=("m", "n", "k"),
    reads=MATMUL_READS,
    writes=MATMUL_WRITES,
    reference=matmul_reference,
    count=matmul_work,
    source="dense product; tiles in groups of rows to reuse L2",
    configs=(
        product_config(128, 256, 64, num_warps=8, num_stages=3),
        product_config(128, 128, 64, num_warps=8, num_stages=3),
        product_config(64, 128, 64, num_warps=4, num_stages=4),
        product_config(64, 64, 64, num_warps=4, num_stages=6),
        product_config(64, 64, 64, num_warps=4, num_stages=5, splits=2),
        product_config(64, 32, 128, num_warps=4, num_stages=5),
        product_config(64, 32, 128, num_warps=4, num_stages=8, capabilities=(90, 100)),
        product_config(16, 64, 128, num_warps=4, num_stages=4),
        product_config(16, 64, 128, num_warps=4, num_stages=4, splits=4),
        product_config(16, 128, 64, num_warps=4, num_stages=5, splits=4),
        product_config(16, 32, 256, num_warps=4, num_stages=4),
    ),
    examples=({"m": 8192, "n": 8192, "k": 8192}, {"m": 16, "n": 4096, "k": 4096}),
    draw=draw_matmul,
)


def rmsnorm_reference(inputs: Arrays) -> Arrays:
    """``y = x w / sqrt(mean(x^2) + epsilon)`` over the last dimension."""
    x = inputs["x"]
    scale = 1.0 / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + EPSILON)
    return {"y": x * scale * inputs["weight"]}


def rmsnorm_work(shape: Sizes, dtype: str) -> Work:
    """Read, write and weight; the accounting charges the write to the layer that reads it."""
    numbers = 1.0 * shape["tokens"] * shape["embedding_dim"]
    return Work(NORM_FLOPS * numbers, traffic(RMSNORM_READS, RMSNORM_WRITES, shape, dtype))


RMSNORM_READS = {"x": Buffer(("tokens", "embedding_dim")), "weight": Buffer(("embedding_dim",))}
RMSNORM_WRITES = {"y": Buffer(("tokens", "embedding_dim"))}
RMSNORM = KernelSpec(
    name="rmsnorm",
    dims=("tokens", "embedding_dim"),
    reads=RMSNORM_READS,
    writes=RMSNORM_WRITES,
    reference=rmsnorm_reference,
    count=rmsnorm_work,
    source="Zhang and Sennrich 2019, arXiv:1910.07467, eq. 4",
    configs=config_space({"block": (4096, 2048, 1024)}, (8, 4)),
    examples=({"tokens": 16384, "embedding_dim": 4096},),
)


def swiglu_reference(inputs: Arrays) -> Arrays:
    """``y = gate sigmoid(gate) up``."""
    gate = inputs["gate"]
    return {"y": gate / (1.0 + np.exp(-gate)) * inputs["up"]}


def swiglu_work(shape: Sizes, dtype: str) -> Work:
    """Two reads and one write; two FLOPs a number."""
    numbers = 1.0 * shape["tokens"] * shape["ffn_dim"]
    return Work(GATE_FLOPS * numbers, traffic(SWIGLU_READS, SWIGLU_WRITES, shape, dtype))


SWIGLU_READS = {"gate": Buffer(("tokens", "ffn_dim")), "up": Buffer(("tokens", "ffn_dim"))}
SWIGLU_WRITES = {"y": Buffer(("tokens", "ffn_dim"))}
SWIGLU = KernelSpec(
    name="swiglu",
    dims=("tokens", "ffn_dim"),
    reads=SWIGLU_READS,
    writes=SWIGLU_WRITES,
    reference=swiglu_reference,
    count=swiglu_work,
    source="Shazeer 2020, arXiv:2002.05202, eq. 6",
    configs=config_space({"block": (2048, 1024, 4096)}, (8, 4)),
    examples=({"tokens": 16384, "ffn_dim": 10944},),
)
