import json

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.bench.shapes import GPU_SHAPES
from bayes_scaling.errors import LatencyError, TimingsError
from bayes_scaling.latency.kernel_priors import bench_priors
from bayes_scaling.latency.kernel_tables import load_kernel_tables
from bayes_scaling.latency.model_config import config_shape
from bayes_scaling.latency.served import load_served, served_tpot
from tests.helpers.latency_tables import DEVICE
from tests.latency.test_stages import TRUTH, timed

LLAMA_8B = {
    "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
}  # fmt: skip


def test_a_config_gives_the_params_that_are_published(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA_8B))
    shape = config_shape(path)
    assert shape["params"] == 8_030_261_248 and shape["num_kv_heads"] == 8 and shape["head_dim_v"] == 128
    qwen = {"model_type": "qwen3", "hidden_size": 1024, "num_hidden_layers": 28, "num_attention_heads": 16,
            "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 3072, "vocab_size": 151936,
            "tie_word_embeddings": True}  # fmt: skip
    found = config_shape(qwen)
    assert found["head_dim_qk"] == 128 and found["params"] == pytest.approx(0.6e9, rel=0.01)
    assert config_shape(qwen | {"tie_word_embeddings": False})["params"] - found["params"] == 151936 * 1024


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_type": "mixtral"}, "model_type 'mixtral' has no formula"),
        ({"hidden_size": None}, "hidden_size is None"),
        ({"num_hidden_layers": 1.5}, "num_hidden_layers is 1.5"),
    ],
)
def test_another_config_is_refused(change, words):
    with pytest.raises(TimingsError, match=words):
        config_shape(LLAMA_8B | change)


def test_a_file_that_is_no_config_is_named(tmp_path):
    (tmp_path / "config.json").write_text("[1]")
    with pytest.raises(TimingsError, match=r"config.json: not a config.json; it holds a list"):
        config_shape(tmp_path / "config.json")
    with pytest.raises(TimingsError, match="absent.json: not a readable"):
        config_shape(tmp_path / "absent.json")


def _public(tmp_path):
    """The bench's times in the columns of public tables; what tells nothing beside them."""
    table = timed(TRUTH, noise=0.01)
    sizes = {kernel: [dict(shape) for shape in GPU_SHAPES[kernel]] for kernel in set(table["kernel"])}
    files = []
    gemm = pd.DataFrame(sizes["matmul"])
    gemm["latency"] = table.loc[table["kernel"] == "matmul", "time_ms"].to_numpy()
    gemm["gemm_dtype"] = "bfloat16"
    gemm["kernel_source"] = "torch_flow"
    narrow = gemm.iloc[:3].assign(gemm_dtype="fp8", latency=1e-4)
    path = tmp_path / "gemm_perf.txt"
    pd.concat([gemm, narrow]).to_csv(path, index=False)
    files.append(path)
    for kernel, name in (("decode_attention", "generation"), ("prefill_attention", "context")):
        shapes = pd.DataFrame(sizes[kernel])
        decoding = kernel == "decode_attention"
        length = shapes["keys" if decoding else "tokens"]
        frame = pd.DataFrame(
            {
                "batch_size": shapes["batch"],
                "num_heads": shapes["num_heads"],
                "num_key_value_heads": shapes["num_kv_heads"],
                "head_dim": shapes["head_dim_v"],
                "isl": 1 if decoding else length,
                "step": length - 1 if decoding else 0,
                "attn_dtype": "bfloat16",
                "kv_cache_dtype": "bfloat16",
                "tp_size": 1,
                "latency": table.loc[table["kernel"] == kernel, "time_ms"].to_numpy(),
            }
        )
        path = tmp_path / f"{name}_attention_perf.parquet"
        frame.to_parquet(path)
        files.append(path)
    return files, table


def test_public_kernel_tables_say_what_the_bench_says(tmp_path):
    files, table = _public(tmp_path)
    found = load_kernel_tables(files)
    assert found.left_out == {"gemm_dtype of other than two bytes": 3}
    known = bench_priors(found.frame, DEVICE).kernels
    own = bench_priors(table, DEVICE).kernels
    shared = [name for name in own.names if name in known.names]
    assert {"step/bandwidth", "step/key_bandwidth", "prefill/score_matmul"} <= set(shared)
    for name in shared:
        mean = known.mean[known.names.index(name)]
        assert mean == pytest.approx(own.mean[own.names.index(name)], abs=0.02), name


def test_a_table_that_is_none_of_kernels_is_refused(tmp_path):
    path = tmp_path / "moe_perf.txt"
    path.write_text("num_tokens,latency\n1,0.1\n")
    with pytest.raises(LatencyError, match=r"moe_perf.txt: neither .* no column batch_size, num_heads"):
        load_kernel_tables(path)


STEP = {1: 12.0, 8: 13.0, 32: 15.0}  # milliseconds of a step by sequences
PROMPT = {128: 16.0, 1024: 120.0}


def _served():
    rows = [
        {"ISL": isl, "OSL": 128, "Concurrency": count, "tp": 1,
         "TTFT (ms)": prompt if count == 1 else 7 * prompt,
         "TPOT (ms)": served_tpot(step, prompt, count, 128)}
        for isl, prompt in PROMPT.items()
        for count, step in STEP.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_prompts_of_others_leave_the_steps():
    model = config_shape(LLAMA_8B)
    found = load_served(_served(), model)
    frame = found.static.frame
    np.testing.assert_allclose(frame["step_time_ms"], [*STEP.values(), *STEP.values()], rtol=1e-12)
    assert frame["ttft_ms"].dropna().tolist() == list(PROMPT.values())
    assert found.generated == 128 and found.left_out == {"times to first token in a queue": 4}
    raw = _served()["TPOT (ms)"].to_numpy()
    assert (raw / frame["step_time_ms"] - 1).max() > 1  # without the correction steps are over twice as long


def test_loads_without_a_single_request_are_told():
    loads = _served().query("Concurrency > 1 or ISL == 128")
    found = load_served(loads, config_shape(LLAMA_8B))
    assert found.left_out["steps whose prompts' time is not known"] == 2
    with pytest.raises(TimingsError, match="no step is left.*concurrency 1"):
        load_served(_served().query("Concurrency > 1"), config_shape(LLAMA_8B))
    with pytest.raises(TimingsError, match="no column osl"):
        load_served(_served().drop(columns="OSL"), config_shape(LLAMA_8B))
    mixed = load_served(_served().assign(tp=[1, 1, 1, 8, 8, 8]), config_shape(LLAMA_8B))
    assert mixed.left_out["another tensor parallel degree"] == 3 and len(mixed.static) == 3
