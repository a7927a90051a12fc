"""A small table of runs from a known law, for tests that need a design or a quick real fit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.laws.law import GAMMA_LAW
from bayes_scaling.runs.table import Runs

TRUTH = {"E": 1.8, "A": 900.0, "B": 2500.0, "alpha": 0.42, "beta": 0.44, "gamma": 0.8}


def small_runs(groups: tuple[tuple[str, int], ...], per_group: int = 24, seed: int = 0) -> Runs:
    """Runs over two decades of compute; xlstm's loss is 2% below the other's."""
    rng = np.random.default_rng(seed)
    compute = np.geomspace(3e18, 3e20, per_group)
    frames = []
    for architecture, context_length in groups:
        params = np.sqrt(compute / 120) * np.exp(rng.uniform(-1.3, 1.3, per_group))
        tokens = compute / 6 / params
        loss = GAMMA_LAW.loss(np, params, tokens, TRUTH) * (0.98 if architecture == "xlstm" else 1.0)
        frame = pd.DataFrame({"params": params, "tokens": tokens, "flops": compute})
        frame["loss"] = loss * np.exp(0.003 * rng.standard_t(6, per_group))
        frame["architecture"], frame["context_length"] = architecture, context_length
        frames.append(frame)
    return load_runs(pd.concat(frames, ignore_index=True))


def plane(count: int, seed: int) -> pd.DataFrame:
    """Params and tokens over two decades of compute, without losses."""
    rng = np.random.default_rng(seed)
    compute = np.geomspace(3e18, 3e20, count)
    params = np.sqrt(compute / 120) * np.exp(rng.uniform(-1.3, 1.3, count))
    return pd.DataFrame({"params": params, "tokens": compute / 6 / params})


FOUR = (("llama", 2048), ("llama", 8192), ("xlstm", 2048), ("xlstm", 8192))
UNEVEN = (("llama", 2048), ("llama", 8192), ("xlstm", 2048))


def odd_runs() -> Runs:
    """Runs of uneven groups with known errors, weights, unique tokens, experts, streams and two recipes."""
    runs = small_runs(UNEVEN)
    unique = runs.frame["tokens"] * np.geomspace(0.02, 50, len(runs))
    extra = {"loss_sd": 0.004, "weight": np.linspace(0.5, 2, len(runs)), "unique_tokens": unique}
    extra |= {"params_total": runs.frame["params"] * np.geomspace(1, 32, len(runs))}
    streams = np.resize((1, 2, 4), len(runs))
    extra |= {"parallel_streams": streams, "flops": runs.frame["flops"] * streams}
    return load_runs(runs.frame.assign(**extra, recipe=np.where(unique > unique.median(), "new", "old")))
