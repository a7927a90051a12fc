"""Tables of timings by the names that others give their columns."""

from __future__ import annotations

import pandas as pd
import pytest

from bayes_scaling.errors import TimingsError
from bayes_scaling.latency.timings import load_timings

TABLE = pd.DataFrame(
    {
        "architecture": "llama",
        "params": [162220800.0, 406635520.0],
        "batch_size": [1, 1],
        "prefill": [128, 128],
        "ttft_ms": [2.0, 4.0],
        "step_time_ms": [1.0, 2.0],
    }
)
USUAL = {"params": "n_params", "batch_size": "Batch", "prefill": "prompt_len", "ttft_ms": "TTFT (ms)"}


def test_usual_names_are_known() -> None:
    assert load_timings(TABLE.rename(columns=USUAL)).data_hash == load_timings(TABLE).data_hash
    with pytest.raises(TimingsError, match="'prefill' is missing"):
        load_timings(TABLE.rename(columns={"prefill": "question"}))


def test_names_that_are_given() -> None:
    table = TABLE.rename(columns={"prefill": "question"}).assign(ttft_ms=99.0, first=TABLE["ttft_ms"])
    named = load_timings(table, {"prefill": "question", "ttft_ms": "first"})
    assert named.data_hash == load_timings(TABLE).data_hash


@pytest.mark.parametrize(
    ("table", "columns", "message"),
    [
        (TABLE, {"prefill": "prefil"}, "no column 'prefil' for 'prefill'. Remedy: did you mean 'prefill'"),
        (TABLE.drop(columns="prefill").assign(prompt_len=1, prompt_tokens=2), None, "may each be 'prefill'"),
    ],
)
def test_names_that_tell_nothing_are_refused(table, columns, message) -> None:
    with pytest.raises(TimingsError, match=message):
        load_timings(table, columns)
