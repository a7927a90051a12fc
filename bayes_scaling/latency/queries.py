"""Queries of a latency fit as a table: every row with an architecture the fit knows and a shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.accounting import get_architecture
from bayes_scaling.latency.posterior import LatencyPosterior
from bayes_scaling.latency.row_shapes import SHAPE
from bayes_scaling.latency.timings import load_timings


def query_frame(fit: LatencyPosterior, queries: Any) -> pd.DataFrame:
    """The canonical table of queries, with the name each architecture has in the fit as ``label``.

    Rows without a shape get that of the family through the fitted models with exactly that many params.

    Raises
    ------
    TimingsError
        Queries that are not valid.
    LatencyError
        An architecture that was not timed.
    """
    table = pd.DataFrame(dict(queries)) if isinstance(queries, Mapping) else queries
    frame = load_timings(table, need_times=False).frame
    labels = {name: fit.label(str(name)) for name in frame["architecture"].unique()}
    frame = frame.assign(label=frame["architecture"].map(labels))
    return frame if "embedding_dim" in frame else _with_shapes(fit, frame)


def _with_shapes(fit: LatencyPosterior, frame: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for label in frame["label"].unique():
        rows = frame[frame["label"] == label]
        params = rows["params"].to_numpy(dtype=float)
        sizes, where = np.unique(params, return_inverse=True)
        shape = fit.family(str(label)).shape(get_architecture(str(label)).params, sizes)
        columns = {
            n: np.broadcast_to(np.asarray(getattr(shape, n), dtype=float), sizes.shape)[where] for n in SHAPE
        }
        parts.append(rows.assign(**columns))
    return pd.concat(parts).sort_index()


def query(
    architecture: str, params: Any, batch_size: Any, prefill: Any, **shape: Any
) -> dict[str, np.ndarray]:
    """Columns of queries of one architecture; the arguments broadcast against each other."""
    given = {"params": params, "batch_size": batch_size, "prefill": prefill, **shape}
    arrays = np.broadcast_arrays(*(np.atleast_1d(np.asarray(value, dtype=float)) for value in given.values()))
    columns = {name: array.ravel() for name, array in zip(given, arrays, strict=True)}
    return {"architecture": np.full(arrays[0].size, architecture, dtype=object), **columns}
