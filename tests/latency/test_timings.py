import numpy as np
import pandas as pd
import pytest

from bayes_scaling.errors import TimingsError, TimingsWarning
from bayes_scaling.latency import load_timings

GOOD = {"architecture": ["llama"] * 2, "params": [4e8, 4e8], "batch_size": [1, 8], "prefill": [0, 512],
        "ttft_ms": [3.0, 60.0], "step_time_ms": [2.0, 4.0]}  # fmt: skip


def _table(**changed):
    return pd.DataFrame({**GOOD, **changed})


def test_a_good_table_has_canonical_columns():
    timings = load_timings(_table())
    assert len(timings) == 2 and timings.architectures == ("llama",)
    assert timings.frame["measured"].tolist() == [1.0, 1.0]
    shapes = timings.shapes()
    np.testing.assert_allclose(np.asarray(shapes.embedding_dim) > 500, True)


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("ttft_ms", [-1.0, 60.0], ("'ttft_ms'", "negative", "row 0", "leave the cell empty")),
        ("step_time_ms", [2.0, 0.0], ("'step_time_ms'", "zeros", "row 1", "milliseconds above 0")),
        ("step_time_ms", [np.inf, 2.0], ("'step_time_ms'", "infinite", "row 0")),
        ("batch_size", [0, 8], ("'batch_size'", "zeros", "row 0", "1 or more")),
        ("batch_size", [1.5, 8], ("'batch_size'", "not whole", "row 0")),
        ("prefill", [0, -5], ("'prefill'", "negative", "row 1", "0 or more")),
        ("ttft_ms", ["fast", 60.0], ("'ttft_ms'", "text", "row 0")),
        ("architecture", ["llama", "rnn-9"], ("'architecture'", "row 1", "rnn-9")),
        ("architecture", ["llama", "mamba2"], ("row 1", "no latency formula")),
        ("params", [4e8, 0.0], ("'params'", "zeros", "row 1")),
    ],
)
def test_a_fault_names_column_row_and_remedy(column, values, words):
    with pytest.raises(TimingsError) as caught:
        load_timings(_table(**{column: values}))
    for word in words:
        assert word in str(caught.value)


def test_all_faults_come_at_once():
    with pytest.raises(TimingsError, match="2 faults"):
        load_timings(_table(batch_size=[0, 8], prefill=[0, -5]))


def test_a_table_of_another_kind_is_refused():
    runs = pd.DataFrame({"architecture": ["llama"], "params": [1e9], "tokens": [1e10], "loss": [2.5]})
    with pytest.raises(TimingsError, match="batch_size.*missing"):
        load_timings(runs)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TimingsError, match="absent.csv"):
        load_timings(tmp_path / "absent.csv")


def test_seconds_in_a_column_of_milliseconds_are_told():
    with pytest.warns(TimingsWarning, match="'step_time_ms'.*are they seconds.*rows 1"):
        load_timings(_table(step_time_ms=[2.0, 0.004]))


def test_a_query_that_did_not_fit_has_no_time():
    with pytest.raises(TimingsError, match="did not fit"):
        load_timings(_table(measured=[True, False]))
    timings = load_timings(_table(ttft_ms=[3.0, np.nan], step_time_ms=[2.0, np.nan], measured=[True, False]))
    assert timings.frame["measured"].tolist() == [1.0, 0.0]


def test_queries_need_no_times_and_ignore_them():
    queries = load_timings(_table(ttft_ms=[-1.0, -1.0]), need_times=False)
    assert queries.frame["ttft_ms"].isna().all()


def test_shapes_stand_for_params():
    shape = {"embedding_dim": 1024, "num_blocks": 24, "num_heads": 16, "ffn_dim": 2752, "head_dim_v": 64}
    timings = load_timings(_table(**shape).drop(columns="params"))
    assert timings.frame["params"].tolist() == [406635520.0] * 2
