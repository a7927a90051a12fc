"""Small tables of timings that follow the formula, for tests of latency."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.latency import LatencyFit, LatencySettings, fit_latency, load_timings, prior_fit
from bayes_scaling.latency.prediction import predict
from bayes_scaling.roofline.devices import Device

DEVICE = Device("tester", 1e15, 3e12, 80e9, 132)
SHAPES = {
    "llama": ((768, 12, 12, 2048), (1024, 24, 16, 2816), (2048, 24, 16, 5504)),
    "transformer": ((768, 12, 12, 2048), (1024, 24, 16, 2816), (2048, 24, 16, 5504)),
    "xlstm": ((768, 12, 6, 2112), (1024, 24, 4, 2752), (2048, 24, 8, 5504)),
}


def queries(architectures: tuple[str, ...] = ("llama", "xlstm")) -> pd.DataFrame:
    """A grid of queries without times."""
    rows = []
    for name in architectures:
        for width, blocks, heads, ffn in SHAPES[name]:
            for batch in (1, 4, 64, 512):
                for prompt in (0, 256, 2048, 16384):
                    size = {"embedding_dim": width, "num_blocks": blocks, "num_heads": heads, "ffn_dim": ffn}
                    size["head_dim_qk"] = width // heads // (2 if name == "xlstm" else 1)
                    rows.append({"architecture": name, "batch_size": batch, "prefill": prompt, **size})
    return pd.DataFrame(rows)


@cache
def simulated(seed: int = 3) -> tuple[pd.DataFrame, dict[str, float]]:
    """Timings of one draw of the prior, and the unconstrained coordinates of that draw."""
    table = queries()
    settings = LatencySettings(DEVICE)
    asked = table.assign(ttft_ms=1.0, step_time_ms=1.0)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prior = prior_fit(asked, settings, draws=1, seed=seed)
        drawn = predict(prior, load_timings(asked), seed=seed)
    truth = prior.idata["unconstrained_posterior"]["position"].isel(chain=0, draw=0)
    fits = np.random.default_rng(seed).uniform(size=len(table)) < drawn["fits"].to_numpy()[0, 0]
    times: dict[str, Any] = {
        n: np.where(fits, drawn[n].to_numpy()[0, 0], np.nan) for n in ("ttft_ms", "step_time_ms")
    }
    names = [str(name) for name in truth["coordinate"].to_numpy()]
    return table.assign(**times, measured=fits), dict(zip(names, truth.to_numpy().tolist(), strict=True))


@cache
def small_fit() -> LatencyFit:
    """A quick fit to the simulated timings of one architecture."""
    table = simulated()[0]
    return fit_latency(
        table[table["architecture"] == "llama"], DEVICE, draws=200, tune=200, chains=2, seed=1, progress=False
    )
