"""Accounting against the published runs, timings and model sizes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.accounting import Shape, get_architecture, shape_from_columns

FOLDER = Path(os.environ.get("BAYES_SCALING_REFERENCE_DATA") or Path(__file__).parents[3] / "shared" / "data")
# (architecture, ttft rate FLOP/s, overhead s) as the study published them, by model
TTFT = {
    "xlstm_160m": (1.6291e14, 0.001249),
    "xlstm_400m": (2.3704e14, 0.001910),
    "xlstm_830m": (2.9507e14, 0.001850),
    "xlstm_1.4b": (3.3484e14, 0.001532),
    "xlstm_2.7b": (3.6639e14, 0.002248),
}
# (bandwidth bytes/s, overhead s, overhead per sequence s)
STEP = {
    "llama2_400m": (8.133e11, 0.001824, 2.20e-5),
    "llama2_830m": (1.168e12, 0.002222, 4.02e-5),
    "llama2_1.4b": (1.534e12, 0.002458, 6.07e-5),
    "llama2_2.7b": (9.777e11, 0.003737, 1.34e-4),
}


def _table(name: str) -> pd.DataFrame:
    if not (FOLDER / name).is_file():
        pytest.skip(f"reference data {name} is not in {FOLDER}")
    return pd.read_csv(FOLDER / name)


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    return _table("xlstm_runs.csv")


@pytest.fixture(scope="module")
def timings() -> pd.DataFrame:
    return _table("inference_timings.csv").fillna({"chunk_size": 64})


def _flops_error(rows: pd.DataFrame, architecture: str, mode: str | None = None, **given) -> np.ndarray:
    shape, value = shape_from_columns(rows, **given), get_architecture(architecture)
    tokens = (rows.global_batch_size * rows.num_train_steps * rows.context_length).to_numpy()
    flops = value.training_flops(shape, tokens, rows.context_length.to_numpy(), mode)
    return np.abs(flops / rows.flops.to_numpy() - 1)


@pytest.mark.parametrize(("architecture", "count"), [("llama", 274), ("xlstm", 302)])
def test_params_and_flops_of_every_run(runs, architecture, count):
    rows = runs[runs.architecture == architecture]
    assert len(rows) == count
    params = get_architecture(architecture).params(shape_from_columns(rows))
    assert np.array_equal(params, rows.params)
    assert (rows.global_batch_size * rows.num_train_steps * rows.context_length).equals(rows.tokens)
    assert _flops_error(rows, architecture).max() < 1e-9


@pytest.mark.parametrize("architecture", ["llama", "xlstm"])
def test_wrong_accounts_do_not_reproduce_the_runs(runs, architecture):
    rows = runs[runs.architecture == architecture]
    wrong_vocab = shape_from_columns(rows, vocab_size=50257)
    assert not np.any(get_architecture(architecture).params(wrong_vocab) == rows.params.to_numpy())
    other = "xlstm" if architecture == "llama" else "llama"
    assert _flops_error(rows, other).min() > 1e-4
    assert _flops_error(rows.assign(ffn_dim=rows.ffn_dim + 64), architecture).min() > 1e-4


def test_modes_differ_as_the_study_found(runs):
    xlstm = runs[runs.architecture == "xlstm"]
    gap = _flops_error(xlstm, "xlstm", mode="tfla")
    assert gap.min() > 5e-6
    assert gap.max() < 1e-4
    llama = runs[runs.architecture == "llama"]
    attention = _flops_error(llama, "llama", mode="chinchilla")
    assert attention.min() > 0.02  # twice the scores


@pytest.mark.parametrize("tag", TTFT)
def test_published_prefill_rates_explain_the_timings(timings, tag):
    rate, overhead = TTFT[tag]
    rows = timings[(timings.model_tag == tag) & (timings.ttft_ms > 50) & (timings.prefill > 0)]
    work = get_architecture("xlstm").prefill(
        shape_from_columns(rows), rows.batch_size.to_numpy(), rows.prefill.to_numpy()
    )
    error = (work.flops / rate + overhead) * 1e3 / rows.ttft_ms.to_numpy() - 1
    assert len(rows) > 10
    assert np.median(np.abs(error)) < 0.03
    without_batch = (work.flops / rows.batch_size / rate + overhead) * 1e3 / rows.ttft_ms - 1
    assert np.median(np.abs(without_batch)) > 0.5


@pytest.mark.parametrize("tag", STEP)
def test_published_bandwidths_explain_the_step_times(timings, tag):
    bandwidth, overhead, per_sequence = STEP[tag]
    rows = timings[(timings.model_tag == tag) & (timings.step_time_ms > 0) & (timings.prefill > 0)]
    shape, batch, prompt = shape_from_columns(rows), rows.batch_size.to_numpy(), rows.prefill.to_numpy()

    def error(weight_reads: float) -> float:
        work = get_architecture("llama").generation(shape, batch, prompt, 100, weight_reads=weight_reads)
        seconds = work.bytes / bandwidth + overhead + per_sequence * batch
        return float(np.median(np.abs(seconds * 1e3 / rows.step_time_ms.to_numpy() - 1)))

    assert error(1 / 100) < 0.05  # the study's convention, which its bandwidths go with
    assert error(1.0) > 2 * error(1 / 100)


@pytest.mark.parametrize(
    ("width", "blocks", "heads", "kv_heads", "ffn", "vocab", "params", "kv_bytes"),
    [
        (4096, 32, 32, 32, 11008, 32000, 6_738_415_616, 524_288),  # Llama 2 7B
        (4096, 32, 32, 8, 14336, 128256, 8_030_261_248, 131_072),  # Llama 3 8B, grouped queries
        (4096, 32, 32, 8, 14336, 32000, 7_241_732_096, 131_072),  # Mistral 7B
    ],
)
def test_public_models(width, blocks, heads, kv_heads, ffn, vocab, params, kv_bytes):
    shape = Shape(width, blocks, heads, ffn, num_kv_heads=kv_heads, vocab_size=vocab)
    llama = get_architecture("llama")
    assert llama.params(shape) == params
    assert llama.weight_bytes(shape) == 2 * params
    assert llama.cache_bytes(shape, 3, 10) == 30 * kv_bytes
    ungrouped = Shape(width, blocks, heads, ffn, num_kv_heads=1, vocab_size=vocab)
    assert llama.params(ungrouped) < params
