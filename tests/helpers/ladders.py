"""Small tables of runs after a known law, in plain counts and nats."""

from __future__ import annotations

import numpy as np
import pandas as pd

LADDER = (0.04, 0.12, 0.35, 1.0, 2.8)


def isoflop_frame(noise: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Fifteen runs at three budgets, L = 1.75 + 420 N^-0.34 + 1400 D^-0.32, with normal scatter of ln L."""
    budgets = np.repeat([1e18, 1e19, 1e20], len(LADDER))
    params = np.round(np.tile(LADDER, 3) * 1.2e8 * (budgets / 1e19) ** 0.5)
    tokens = np.round(budgets / 6 / params)
    loss = 1.75 + 420 * params**-0.34 + 1400 * tokens**-0.32
    scatter = np.exp(noise * np.random.default_rng(seed).standard_normal(len(loss)))
    columns = {"params": params, "tokens": tokens, "loss": loss * scatter}
    return pd.DataFrame({"architecture": "transformer", "context_length": 2048, **columns})
