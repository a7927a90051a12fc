"""Intervals where the truth is outside the family: simulated runs of laws whose exponents break.

    python benchmarks/broken_law.py [--replicates 20] [--output docs/broken.md]

Each truth is L = E + A f(N; a) + B f(D; b) with f a power law whose exponent changes smoothly, within about a
decade, by a random factor between 0.5 and 2 somewhere among the fitted sizes (a smoothly broken power law:
Caballero et al. 2022, arXiv:2210.14891, equation 1). Runs up to 6e19 FLOPs are fitted, those at 10 times that
predicted, by the model and by the law alone.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.calibration.backtest import Backtest
from bayes_scaling.calibration.scores import score

FITTED, TARGET = (6e18, 2e19, 6e19), 6e20
SIZES, NOISE, NU = 16, 0.002, 6
SPECS = {"model": bs.ModelSpec(), "law alone": bs.ModelSpec(discrepancy="none")}


def broken(log_size: np.ndarray, exponent: float, change: float, log_break: float) -> np.ndarray:
    """Ln of a power law whose exponent goes from ``exponent`` to ``change`` times that past a break."""
    softness = 0.5 * np.log(10)
    past = softness * np.logaddexp(0, (log_size - log_break) / softness)
    return np.asarray(-exponent * (log_size - log_break) - exponent * (change - 1) * past)


def simulate(seed: int) -> pd.DataFrame:
    """Runs of two architectures: isoFLOP grids at the fitted budgets and at the target."""
    rng = np.random.default_rng([seed, 11])
    rows = []
    for name in ("transformer", "xlstm"):
        e, a, b = rng.normal(1.75, 0.1), rng.uniform(0.5, 0.8), rng.uniform(0.5, 0.8)
        exponents, changes = rng.uniform(0.28, 0.42, 2), np.exp(rng.uniform(np.log(0.5), np.log(2), 2))
        breaks = np.log(10) * np.array([rng.uniform(8.2, 8.9), rng.uniform(9.7, 10.4)])
        for compute in (*FITTED, TARGET):
            middle = np.sqrt(compute / 6 / 20)
            params = middle * np.geomspace(1 / 6, 6, SIZES) * np.exp(rng.normal(0, 0.05, SIZES))
            tokens = compute / 6 / params
            sizes = np.log(params), np.log(tokens)
            terms = [
                scale * np.exp(broken(x, p, c, at))
                for scale, x, p, c, at in zip((a, b), sizes, exponents, changes, breaks, strict=True)
            ]
            loss = (e + terms[0] + terms[1]) * np.exp(NOISE * rng.standard_t(NU, SIZES))
            grid = {"architecture": name, "params": params, "tokens": tokens, "loss": loss}
            rows.append(pd.DataFrame(grid))
    return pd.concat(rows, ignore_index=True).assign(context_length=8192)


def study(replicates: int, seed: int = 0, draws: int = 500) -> Backtest:
    """Scores of the predictions at the target, of all replicates."""
    parts = []
    for i in range(replicates):
        frame = simulate(seed + i)
        past = 6 * frame["params"] * frame["tokens"] < 2 * max(FITTED)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # bs.checks tells; here coverage is asked for
            known, future = (bs.load_runs(frame[rows].reset_index(drop=True)) for rows in (past, ~past))
            for name, spec in SPECS.items():
                fit = bs.fit(known, spec, draws=draws, seed=i, progress=False)
                found = bs.predict(fit, future, kind="response", seed=i).to_numpy().reshape(-1, len(future))
                scores = pd.DataFrame(score(found, future.frame["loss"].to_numpy()))
                parts.append(scores.assign(forecaster=name, split=f"replicate {i}", decades=1.0))
    return Backtest(pd.concat(parts, ignore_index=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    table = study(arguments.replicates).pooled.round(4)
    text = str(table.to_markdown(index=False)) + "\n"
    print(text)
    if arguments.output:
        arguments.output.write_text(text)


if __name__ == "__main__":
    main()
