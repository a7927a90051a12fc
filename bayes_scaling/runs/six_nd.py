"""The usual count of training FLOPs, 6 N D: parallel streams cost as many times as much as there are."""

from __future__ import annotations

from collections.abc import Container, Mapping

import pandas as pd

STREAMS = "parallel_streams"


def flops_per_token(columns: Mapping[str, pd.Series]) -> pd.Series:
    """6 N for each stream (run,), from canonical columns."""
    return 6.0 * columns["params"] * columns.get(STREAMS, 1.0)


def in_words(columns: Container[str], *sizes: str) -> str:
    """The product of 6, some sizes and the streams, where there is a column of these."""
    return " * ".join(("6", *sizes, *(name for name in (STREAMS,) if name in columns)))
