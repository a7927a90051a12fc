"""The kernels' references against formulas of their own, their work against accounting, what they refuse."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from bayes_scaling.accounting import Decoding, Precision, Shape, mlstm_cell, transformer
from bayes_scaling.accounting.work import head_activations, logits_flops, model_bytes
from bayes_scaling.kernels import KERNELS, KernelError, get_kernel, parse_shape, shape_text
from bayes_scaling.kernels.spec import DTYPE_BYTES

SIZES = {
    "numbers": 10,
    "programs": 2,
    "m": 3,
    "n": 5,
    "k": 4,
    "tokens": 37,
    "embedding_dim": 6,
    "ffn_dim": 7,
    "batch": 2,
    "num_heads": 4,
    "num_kv_heads": 2,
    "keys": 9,
    "head_dim_qk": 4,
    "head_dim_v": 8,
    "chunk_size": 16,
}
MODEL = Shape(
    embedding_dim=512,
    num_blocks=1,
    num_heads=8,
    ffn_dim=1024,
    num_kv_heads=4,
    head_dim_v=64,
    head_dim_qk=32,
    vocab_size=1000,
)
HEADS = {"batch": 3, "num_heads": 8, "head_dim_qk": 32, "head_dim_v": 64}
PRECISION = {"bfloat16": Precision(), "float32": Precision(4.0, 4.0, 4.0)}


def small(name: str) -> dict[str, int]:
    return {dim: SIZES[dim] for dim in get_kernel(name).dims}


def inputs(name: str) -> dict[str, np.ndarray]:
    return get_kernel(name).inputs(small(name), np.random.default_rng(7))


@pytest.mark.parametrize("name", KERNELS)
def test_arrays_have_the_sizes_that_the_spec_names(name: str) -> None:
    spec, shape = get_kernel(name), small(name)
    read = inputs(name)
    written = spec.reference(read)
    assert {key: array.shape for key, array in read.items()} == {
        key: buffer.size(shape) for key, buffer in spec.reads.items()
    }
    assert {key: array.shape for key, array in written.items()} == {
        key: buffer.size(shape) for key, buffer in spec.writes.items()
    }
    assert all(array.dtype == np.float64 and np.isfinite(array).all() for array in written.values())


@pytest.mark.parametrize("name", KERNELS)
def test_examples_and_default_configuration_are_served(name: str) -> None:
    spec = get_kernel(name)
    for shape in spec.examples:
        for dtype in spec.dtypes:
            spec.supports(shape, dtype)
    assert spec.configs


def test_rmsnorm_rows_have_unit_mean_square() -> None:
    read = inputs("rmsnorm") | {"weight": np.ones(6)}
    y = get_kernel("rmsnorm").reference(read)["y"]
    np.testing.assert_allclose(np.mean(y**2, axis=-1), 1.0, rtol=1e-4)


def test_decode_is_the_last_row_of_prefill() -> None:
    read = inputs("prefill_attention")
    prefill = get_kernel("prefill_attention").reference(read)["out"]
    last = get_kernel("decode_attention").reference(read | {"q": read["q"][:, :, -1]})["out"]
    np.testing.assert_allclose(prefill[:, :, -1], last, rtol=1e-12)


def test_prefill_sees_no_later_key() -> None:
    read = inputs("prefill_attention")
    changed = {name: array.copy() for name, array in read.items()}
    changed["k"][:, :, 20:] += 1.0
    changed["v"][:, :, 20:] += 1.0
    before, after = (get_kernel("prefill_attention").reference(each)["out"] for each in (read, changed))
    np.testing.assert_array_equal(before[:, :, :20], after[:, :, :20])
    assert np.all(before[:, :, 20:] != after[:, :, 20:])


def test_mlstm_is_the_unstabilised_sum_over_past_tokens() -> None:
    """h_t is a gated linear attention: no recurrence and no maximum in this form."""
    read = inputs("mlstm_chunkwise")
    out = get_kernel("mlstm_chunkwise").reference(read)
    decay = np.cumsum(np.log(1.0 / (1.0 + np.exp(-read["forget"]))), axis=-1)
    gates = np.exp(decay[..., :, None] - decay[..., None, :] + read["input"][..., None, :])
    scores = np.tril(gates * (read["q"] @ read["k"].swapaxes(-1, -2))) / np.sqrt(SIZES["head_dim_qk"])
    normaliser = np.maximum(np.abs(scores.sum(axis=-1, keepdims=True)), 1.0)
    np.testing.assert_allclose(out["h"], scores @ read["v"] / normaliser, rtol=1e-9)


def test_a_step_continues_a_prefill() -> None:
    read = inputs("mlstm_chunkwise")
    whole = get_kernel("mlstm_chunkwise").reference(read)
    first = get_kernel("mlstm_chunkwise").reference({name: array[:, :, :-1] for name, array in read.items()})
    last = {name: array[:, :, -1] for name, array in read.items()}
    state = {"C": first["C_last"], "n": first["n_last"], "m": first["m_last"]}
    step = get_kernel("mlstm_step").reference(last | state)
    np.testing.assert_allclose(step["h"], whole["h"][:, :, -1], rtol=1e-12)
    np.testing.assert_allclose(step["C_new"], whole["C_last"], rtol=1e-12)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_matmul_works_like_the_logits(dtype: str) -> None:
    work = get_kernel("matmul").work({"m": 7, "n": 1000, "k": 512}, dtype)
    size = DTYPE_BYTES[dtype]
    read_by_norm = MODEL.embedding_dim
    assert work.flops == 7 * logits_flops(MODEL)
    assert work.bytes == size * (7 * (head_activations(MODEL) - read_by_norm) + 512 * 1000)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_decode_works_like_one_more_key(dtype: str) -> None:
    shape = {**HEADS, "num_kv_heads": 4, "keys": 10}
    long, short = (
        transformer.generation(MODEL, 3, Decoding(prompt), PRECISION[dtype]) for prompt in (1000, 990)
    )
    work = get_kernel("decode_attention").work(shape, dtype)
    assert work.flops == pytest.approx(long.flops - short.flops, rel=1e-9)
    assert work.bytes == pytest.approx(long.bytes - short.bytes, rel=1e-9)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_prefill_works_like_the_mixer_of_a_prefill(dtype: str) -> None:
    tokens, precision = 300, PRECISION[dtype]
    whole = transformer.prefill(MODEL, 3, tokens, precision)
    block = transformer.block_activations(MODEL), transformer.block_weights(MODEL)
    rest = model_bytes(MODEL, precision, block, (3 * tokens, 3))
    flops = 3 * (tokens * transformer.backbone_flops(MODEL) + logits_flops(MODEL))
    work = get_kernel("prefill_attention").work({**HEADS, "num_kv_heads": 4, "tokens": tokens}, dtype)
    assert work.flops == pytest.approx(whole.flops - flops, rel=1e-9)
    assert work.bytes == pytest.approx(whole.bytes - rest, rel=1e-9)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_mlstm_works_like_the_cells(dtype: str) -> None:
    step = get_kernel("mlstm_step").work(HEADS, dtype)
    assert step.flops == 3 * mlstm_cell.step_flops(MODEL)
    assert step.bytes == 3 * mlstm_cell.step_bytes(MODEL, PRECISION[dtype])
    prefill = get_kernel("mlstm_chunkwise").work({**HEADS, "tokens": 256, "chunk_size": 64}, dtype)
    assert prefill.flops == 3 * mlstm_cell.prefill_flops(MODEL, 256)
    assert prefill.bytes == 3 * mlstm_cell.chunkwise_bytes(MODEL, 256, PRECISION[dtype])


def test_norm_and_gate_work_like_a_block() -> None:
    """The inference FLOPs of a block without mixer are matrices, gate, and two norms with their skips."""
    d, f = 512, 1024
    matrices = 2 * d * (transformer.qkv_width(MODEL) + transformer.out_width(MODEL)) + 6 * d * f
    norm = get_kernel("rmsnorm").work({"tokens": 1, "embedding_dim": d}, "bfloat16")
    gate = get_kernel("swiglu").work({"tokens": 1, "ffn_dim": f}, "bfloat16")
    assert transformer.backbone_flops(MODEL) == matrices + gate.flops + 2 * (norm.flops + d)
    assert (norm.bytes, gate.bytes) == (2 * 3 * d, 2 * 3 * f)


@pytest.mark.parametrize(
    ("name", "shape", "dtype", "message"),
    [
        ("copy", {"numbers": 4}, "int8", "copy: dtype 'int8' is not served; use one of bfloat16"),
        ("matmul", {"m": 4, "n": 4}, "bfloat16", "matmul: dimension 'k' is missing; give all of: m, n, k"),
        ("matmul", {"m": 4, "n": 4, "k": 0}, "bfloat16", "matmul: k = 0 must be a whole number"),
        ("matmul", {"m": 4, "n": 4, "k": 2.0}, "bfloat16", "matmul: k = 2.0 must be a whole number"),
        ("copy", {"numbers": 4, "rows": 1}, "bfloat16", "copy: unknown dimension 'rows'"),
        ("decode_attention", {"num_kv_heads": 3}, "bfloat16", "num_kv_heads = 3 must divide num_heads = 4"),
        ("prefill_attention", {"head_dim_v": 512}, "bfloat16", "head_dim_v = 512 is over 128"),
        ("prefill_attention", {"tokens": 2**30}, "bfloat16", "tokens = 1073741824 is over 268435455"),
        ("mlstm_chunkwise", {"tokens": 2**30}, "bfloat16", "tokens = 1073741824 is over 268435455"),
        (
            "mlstm_chunkwise",
            {"chunk_size": 100},
            "bfloat16",
            "chunk_size = 100 is not served; use 16, 32 or a multiple of 64",
        ),
    ],
)
def test_unsupported_is_refused_by_name(name: str, shape: dict[str, int], dtype: str, message: str) -> None:
    whole = shape if name in ("copy", "matmul") else small(name) | shape
    with pytest.raises(KernelError, match=message):
        get_kernel(name).supports(whole, dtype)


def test_unknown_kernel_is_refused() -> None:
    with pytest.raises(KernelError, match=r"kernel 'conv' is not known; the kernels are: copy"):
        get_kernel("conv")


def test_shape_text_goes_round() -> None:
    shape = {"m": 1024, "n": 1, "k": 3}
    assert parse_shape(shape_text(shape)) == shape
    with pytest.raises(KernelError, match=r"'k=x' is not name=size"):
        parse_shape("m=1;k=x")


def test_specifications_need_neither_triton_nor_torch() -> None:
    check = (
        "import sys; sys.modules['triton'] = sys.modules['torch'] = None\n"
        "from bayes_scaling.kernels import KERNELS, KernelError, load_code\n"
        "try:\n    load_code(KERNELS['copy'])\n"
        "except KernelError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Triton is not installed; run: pip install" in done.stdout


def test_configurations_are_for_the_device() -> None:
    spec = get_kernel("prefill_attention")
    assert spec.space(90)[0].blocks == {"block_q": 128, "block_keys": 64}
    assert spec.space(89) == spec.space(80) != spec.space(90)
    with pytest.raises(KernelError, match=r"prefill_attention: sm_75 is too old; use sm_80 or later"):
        spec.space(75)
