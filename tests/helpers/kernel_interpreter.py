"""Every kernel in Triton's interpreter, and broken ones; run as a script, prints JSON.

A process of its own, since Triton reads TRITON_INTERPRET when it is imported. `device` runs every
configuration at the bench's odd shapes instead, with the factors of products rounded to bfloat16 as on a GPU.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import triton.language as tl
from triton.runtime import interpreter

from bayes_scaling.bench.shapes import GATE_SHAPES
from bayes_scaling.kernels import KERNELS, Config, get_kernel, load_code, parse_shape, shape_text
from bayes_scaling.kernels.gate import Trial, Verdict, judge
from bayes_scaling.kernels.host_memory import HostMemory


def tiles(block_t: int, block_qk: int, block_v: int) -> str:
    """A configuration of the chunkwise kernel with the same tiles in both passes."""
    passes = f"state_qk={block_qk};state_v={block_v};state_warps=4;output_qk={block_qk};output_v={block_v}"
    return f"block_t={block_t};{passes}"


# Odd sizes, more than one tile along every dimension, and one tile.
CASES: list[tuple[str, str, str]] = [
    ("copy", "numbers=1000", "block=256"),
    ("copy", "numbers=1", "block=256"),
    ("empty", "programs=3", ""),
    ("matmul", "m=33;n=41;k=50", "block_m=16;block_n=16;block_k=16;group_m=2;splits=1"),
    ("matmul", "m=1;n=70;k=64", "block_m=16;block_n=32;block_k=32;group_m=8;splits=1"),
    ("matmul", "m=20;n=1;k=30", "block_m=16;block_n=16;block_k=16;group_m=8;splits=1"),
    ("matmul", "m=33;n=41;k=70", "block_m=16;block_n=16;block_k=16;group_m=2;splits=3"),
    ("matmul", "m=3;n=33;k=128", "block_m=16;block_n=16;block_k=16;group_m=8;splits=4"),
    ("rmsnorm", "tokens=3;embedding_dim=100", "block=32"),
    ("rmsnorm", "tokens=2;embedding_dim=77", "block=1024"),
    ("swiglu", "tokens=3;ffn_dim=111", "block=128"),
    (
        "decode_attention",
        "batch=2;num_heads=6;num_kv_heads=2;keys=75;head_dim_qk=20;head_dim_v=36",
        "block_keys=16;programs=12",
    ),
    (
        "decode_attention",
        "batch=1;num_heads=2;num_kv_heads=1;keys=310;head_dim_qk=16;head_dim_v=16",
        "block_keys=16;programs=528",
    ),
    (
        "decode_attention",
        "batch=1;num_heads=2;num_kv_heads=2;keys=1;head_dim_qk=64;head_dim_v=16",
        "block_keys=16;programs=1",
    ),
    (
        "prefill_attention",
        "batch=2;num_heads=4;num_kv_heads=2;tokens=45;head_dim_qk=20;head_dim_v=36",
        "block_q=16;block_keys=16",
    ),
    (
        "prefill_attention",
        "batch=1;num_heads=1;num_kv_heads=1;tokens=70;head_dim_qk=16;head_dim_v=16",
        "block_q=32;block_keys=16",
    ),
    (
        "prefill_attention",
        "batch=1;num_heads=1;num_kv_heads=1;tokens=40;head_dim_qk=16;head_dim_v=16",
        "block_q=16;block_keys=32",
    ),
    ("mlstm_step", "batch=2;num_heads=2;head_dim_qk=20;head_dim_v=36", "block_qk=16;block_v=16"),
    ("mlstm_step", "batch=1;num_heads=1;head_dim_qk=1;head_dim_v=3", "block_qk=64;block_v=64"),
    (
        "mlstm_chunkwise",
        "batch=1;num_heads=2;tokens=53;head_dim_qk=20;head_dim_v=36;chunk_size=16",
        tiles(64, 16, 16),
    ),
    (
        "mlstm_chunkwise",
        "batch=1;num_heads=1;tokens=64;head_dim_qk=16;head_dim_v=32;chunk_size=32",
        tiles(64, 32, 64),
    ),
    (
        "mlstm_chunkwise",
        "batch=1;num_heads=1;tokens=5;head_dim_qk=16;head_dim_v=16;chunk_size=16",
        tiles(64, 16, 16),
    ),
    (
        "mlstm_chunkwise",
        "batch=1;num_heads=2;tokens=210;head_dim_qk=20;head_dim_v=20;chunk_size=64",
        tiles(16, 16, 32),
    ),
]

# A mask taken out or a guard broken: the gate must see each of them.
BREAKS: list[tuple[str, str, str]] = [
    ("copy", "tl.load(x + at, mask=inside), mask=inside)", "tl.load(x + at, mask=inside))"),
    ("copy", "* block + tl.arange", "* (block // 2) + tl.arange"),
    ("matmul", "mask=inner[None, :] < last - start, other=0.0", ""),
    ("matmul", "if last_to_arrive(arrivals + tl.program_id(0), splits):", "if tl.program_id(1) == 0:"),
    ("matmul", "in tl.static_range(splits)", "in tl.static_range(splits - 1)"),
    ("matmul", "(rows[:, None] < m) & (cols[None, :] < n)", "rows[:, None] < m"),
    ("matmul", "mask=inner[:, None] < last - start, other=0.0", ""),
    ("matmul", "(rows % m)", "rows"),
    ("rmsnorm", "inside = start + cols < width", "inside = cols < width"),
    ("swiglu", "mask=inside)\n", "mask=at >= 0)\n"),
    ("decode_attention", 'tl.where(seen[None, :], scores, float("-inf"))', "scores"),
    ("decode_attention", "k_mask = in_qk[:, None] & seen", "k_mask = (dims_qk >= 0)[:, None] & seen"),
    ("decode_attention", "mask=each < splits", "mask=each >= 0"),
    ("prefill_attention", "positions[None, :] <= positions_q[:, None]", "positions_q[:, None] >= 0"),
    ("prefill_attention", "v_mask & (positions < tokens)", "v_mask & (positions >= 0)"),
    ("mlstm_step", "mask = in_qk[:, None] & in_v[None, :]", "mask = in_qk[:, None] & (cols >= 0)[None, :]"),
    ("mlstm_step", "norm, mask=in_qk", "norm, mask=rows >= 0"),
    ("mlstm_chunkwise", "keys[None, :] <= positions[:, None]", "keys[None, :] >= 0"),
    ("mlstm_chunkwise", "tl.where(inside, log_sigmoid(forget), 0.0)", "log_sigmoid(forget)"),
    ("mlstm_chunkwise", "if start % chunk_size == 0", "if start == 0"),
    ("mlstm_chunkwise", "mask=inside, other=float", "mask=at >= 0, other=float"),
]

# What the masks of odd sizes hide: only the ways that are timed run it.
TIMED_BREAKS: list[tuple[str, str, str]] = [
    ("matmul", "left = tl.load(a_at)\n", "left = tl.load(a_at) * 0\n"),
    ("prefill_attention", "key_tile = tl.load(k_at) if bare", "key_tile = tl.load(k_at) * 0 if bare"),
    ("decode_attention", "weight = weight * shrink + tl.sum(shares, 1)", "weight += tl.sum(shares, 1)"),
    (
        "rmsnorm",
        "tl.store(y + row + start + cols, (values * scale * gain)",
        "tl.store(y + row + start + cols, (values * scale * gain * 2)",
    ),
]


def mend_interpreter() -> None:
    """Triton 3.6 makes an int of an array of one number, which NumPy 2.5 refuses; later ones squeeze it."""
    original = interpreter._patch_lang_tensor

    def mended(tensor: Any, scope: Any) -> None:
        original(tensor, scope)
        scope.set_attr(tensor, "__index__", lambda self: int(self.handle.data.squeeze()))

    interpreter._patch_lang_tensor = mended


@contextmanager
def watched_reads(memory: HostMemory) -> Iterator[list[str]]:
    """Note reads outside of all tensors, those that leave no trace in the outputs too."""
    builder, strays = interpreter.InterpreterBuilder, []
    original = builder.create_masked_load

    def checked(self: Any, ptrs: Any, mask: Any, *rest: Any) -> Any:
        if not memory.holds(ptrs.data[np.broadcast_to(mask.data, ptrs.data.shape)]):
            strays.append("read outside")
        return original(self, ptrs, mask, *rest)

    builder.create_masked_load = checked
    try:
        yield strays
    finally:
        builder.create_masked_load = original


def verdict(name: str, index: int, dtype: str, code: ModuleType | None = None) -> Verdict:
    _, sizes, blocks = [case for case in CASES if case[0] == name][index]
    shape, config = parse_shape(sizes), Config(parse_shape(blocks))
    memory, rng = HostMemory(), np.random.default_rng(11)
    with watched_reads(memory) as strays:
        found = judge(get_kernel(name), shape, dtype, memory, rng, config, code)
    return replace(found, overwritten=(*found.overwritten, *strays[:1]))


def broken(name: str, old: str, new: str, folder: Path) -> ModuleType:
    """A copy of a kernel's module with one change."""
    origin = importlib.util.find_spec(f"bayes_scaling.kernels.{name}")
    assert origin and origin.origin
    text = Path(origin.origin).read_text()
    assert old in text, f"{name} has no {old!r}"
    path = folder / f"broken_{name}.py"
    path.write_text(text.replace(old, new))
    found = importlib.util.spec_from_file_location(path.stem, path)
    assert found and found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def results() -> dict[str, Any]:
    passed: dict[str, Any] = {}
    for number, (name, *_) in enumerate(CASES):
        index = sum(case[0] == name for case in CASES[:number])
        for dtype in ("float32", "bfloat16", "float16"):
            found = verdict(name, index, dtype)
            passed[f"{name}-{index}-{dtype}"] = [dict(found.errors), found.overwritten]
    return passed


def controls() -> dict[str, bool]:
    """Whether the gate passes each broken kernel, over its cases."""
    seen = {}
    for number, (name, old, new) in enumerate(BREAKS):
        with tempfile.TemporaryDirectory() as folder:
            module = broken(name, old, new, Path(folder))
            cases = range(sum(case[0] == name for case in CASES))
            seen[f"{name}-{number}"] = all(verdict(name, index, "float32", module).passed for index in cases)
    return seen


def timed_controls() -> dict[str, list[bool]]:
    """Whether each shape of the gate passes a kernel that is broken only in the ways that are timed."""
    seen = {}
    for name, old, new in TIMED_BREAKS:
        spec = get_kernel(name)
        config = spec.configs[-1] if name == "rmsnorm" else spec.configs[0]
        with tempfile.TemporaryDirectory() as folder:
            code = broken(name, old, new, Path(folder))
            verdicts = [
                judge(spec, shape, "float32", HostMemory(), np.random.default_rng(3), config, code)
                for shape in GATE_SHAPES[name]
            ]
        seen[name] = [each.passed for each in verdicts]
    return seen


def round_factors() -> None:
    """Products of bfloat16 factors, which the interpreter would multiply as integers."""

    def widened(factor: Any) -> Any:
        if factor.dtype.scalar != tl.bfloat16:
            return factor.data
        return (factor.data.astype(np.uint32) << 16).view(np.float32)

    def create_dot(self: Any, a: Any, b: Any, d: Any, *rest: Any) -> Any:
        product = np.matmul(widened(a), widened(b), dtype=np.float32)
        return interpreter.TensorHandle(product + d.data, d.dtype.scalar)

    interpreter.InterpreterBuilder.create_dot = create_dot


class RoundingMemory(HostMemory):
    """The host's memory, judged as a GPU's."""

    exact_products = False


def device_results() -> dict[str, Any]:
    round_factors()
    found = {}
    for spec in KERNELS.values():
        code = load_code(spec)
        if hasattr(code, "dot_dtype"):
            code.dot_dtype = lambda dtype: getattr(tl, dtype)  # type: ignore[attr-defined]
        for shape in GATE_SHAPES[spec.name]:
            trial = Trial.draw(spec, shape, "bfloat16", RoundingMemory(), np.random.default_rng(0))
            for config in spec.configs:
                each = trial.judge(config, code)
                found[f"{spec.name} {shape_text(shape)} {config}"] = [dict(each.errors), each.overwritten]
    return found


if __name__ == "__main__" and "device" in sys.argv:
    mend_interpreter()
    json.dump(device_results(), sys.stdout)
elif __name__ == "__main__":
    mend_interpreter()
    found = {"results": results(), "controls": controls(), "timed_controls": timed_controls()}
    json.dump(found, sys.stdout)
