"""The shapes of the models in the rows of a table of timings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.accounting import Shape, get_architecture

SHAPE = ("embedding_dim", "num_blocks", "num_heads", "ffn_dim", "num_kv_heads", "head_dim_v", "head_dim_qk",
         "vocab_size", "chunk_size")  # fmt: skip


def row_shapes(frame: pd.DataFrame) -> Shape:
    """Shapes of the rows of a canonical table.

    Where the table has no shapes, those of each architecture's family with exactly that many params.
    """
    if "embedding_dim" in frame:
        sizes: dict[str, Any] = {name: frame[name].to_numpy(dtype=float) for name in SHAPE if name in frame}
        return Shape(**sizes, continuous=True)
    parts: dict[str, np.ndarray] = {name: np.empty(len(frame)) for name in SHAPE}
    for name in frame["architecture"].unique():
        rows = (frame["architecture"] == name).to_numpy()
        architecture = get_architecture(str(name))
        params = frame.loc[rows, "params"].to_numpy(dtype=float)
        shape = architecture.family.shape(architecture.params, params)
        for size in SHAPE:
            parts[size][rows] = getattr(shape, size)
    return Shape(**parts, continuous=True)
