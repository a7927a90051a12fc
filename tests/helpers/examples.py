"""What examples in docstrings find at hand: small fits that cost no sampling, and a folder of files."""

from __future__ import annotations

import shutil
import warnings
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.latency import LatencyFit, LatencySettings, predict, prior_fit
from bayes_scaling.models.draws import RawDraws
from bayes_scaling.models.rounds import Sampled
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.roofline.devices import get_device

ROOT = Path(__file__).parents[2]
PLAN = """
[[scenario]]
name = "as large as it likes"
compute = [1e21, 1e22]

[[scenario]]
name = "quick to serve"
compute = 1e22
limits = { step_time_ms = 20.0 }
"""


def laplace(
    design: Any, whitening: Any, backend: str, sampler: str, sampling: Any, gate: Any, progress: Any
) -> Sampled:
    """In place of a sampler: draws of the normal that the whitening is of, half as wide."""
    raw = _normal(design.size)
    return Sampled(raw, whitening, {"passed": gate(raw, whitening).passed, "rounds": 1, "draws": 100})


def _normal(size: int) -> RawDraws:
    rng, shape = np.random.default_rng(0), (2, 100)
    stats = {"diverging": np.zeros(shape, dtype=bool), "energy": rng.standard_normal(shape)}
    counts = {name: np.ones(shape, dtype=int) for name in ("n_steps", "tree_depth")}
    rates = {name: np.ones(shape) for name in ("acceptance_rate", "step_size")}
    return RawDraws(0.5 * rng.standard_normal((*shape, size)), stats | counts | rates)


def latency_laplace(design: Any, backend: str, sampler: str, sampling: Any, progress: Any) -> list[Sampled]:
    """The same for each block of a latency model."""

    from bayes_scaling.models.latency_mode import find_whitening

    return [Sampled(_normal(part.size), find_whitening(part), {}) for part in design.alone()]


@cache
def example_fit(law: str = "gamma") -> Fit:
    """Of the runs that ship, without a sampler."""
    with patch("bayes_scaling.posterior.fitting._sample", laplace), warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.errors.ConvergenceWarning)
        return bs.fit("simulated", law=law, progress=False)


def _queries() -> pd.DataFrame:
    rows = [
        {"architecture": name, "embedding_dim": width, "num_blocks": blocks, "num_heads": width // 128}
        | {"ffn_dim": 4 * width, "batch_size": batch, "prefill": prompt}
        for name in ("transformer", "xlstm")
        for width, blocks in ((768, 12), (1024, 24), (2048, 24))
        for batch in (1, 8, 64)
        for prompt in (0, 2048)
    ]
    return pd.DataFrame(rows)


@cache
def example_timings() -> pd.DataFrame:
    """One draw of the prior of an H100."""
    queries = _queries()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.errors.TimingsWarning)
        asked = queries.assign(ttft_ms=50.0, step_time_ms=50.0)
        machine = prior_fit(asked, LatencySettings(get_device("H100-SXM")), draws=1, seed=2)
    drawn = predict(machine, queries).isel(chain=0, draw=0)
    return queries.assign(ttft_ms=drawn["ttft_ms"], step_time_ms=drawn["step_time_ms"], measured=True)


@cache
def example_latency() -> LatencyFit:
    """The prior, for the queries of those timings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.errors.TimingsWarning)
        return prior_fit(example_timings(), LatencySettings(get_device("H100-SXM")), draws=200)


def write_files(folder: Path) -> None:
    """Runs, timings, a plan, logs and an export, as examples name them."""
    shutil.copy(ROOT / "data" / "simulated_runs.csv", folder / "runs.csv")
    example_timings().to_csv(folder / "timings.csv", index=False)
    (folder / "plan.toml").write_text(PLAN)
    logs = folder / "logs"
    logs.mkdir()
    known = {"architecture": "llama", "context_length": 8192}
    pd.DataFrame([known | {"run_id": n, "params": p} for n, p in (("a", 1e8), ("b", 4e8))]).to_csv(
        logs / "runs.csv", index=False
    )
    for name, loss in (("a", 3.21), ("b", 2.95)):
        pd.DataFrame({"tokens": [1e9, 2e9], "loss": [4.0, loss]}).to_csv(logs / f"{name}.csv", index=False)
    export = {
        "Name": ["a", "b", "c"],
        "State": ["finished", "finished", "crashed"],
        "params": [1e8, 4e8, 8e8],
    }
    export |= {"arch": ["llama"] * 3, "ctx": [8192] * 3, "tokens": [2e9] * 3, "val/loss": [3.2, 2.9, 5.0]}
    pd.DataFrame(export).to_csv(folder / "export.csv", index=False)
