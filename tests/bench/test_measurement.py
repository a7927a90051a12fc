"""What is known of the measurement: errors given by loss_sd, as of rounded losses."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import ConvergenceWarning
from bayes_scaling.laws.law import GAMMA_LAW

TRUTH = {"E": 1.8, "A": 400.0, "B": 1500.0, "alpha": 0.34, "beta": 0.36, "gamma": 1.0}
STEP, SIGMA = 0.02, 0.0008


def scatter(loss: np.ndarray, frame: pd.DataFrame, **columns: float) -> float:
    """Posterior mean of the runs' own scatter."""
    runs = load_runs(frame.assign(loss=loss, **columns))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = bs.fit(runs, law="chinchilla", draws=300, tune=300, chains=2, progress=False)
    return float(fit.posterior["sigma"].mean())


def test_rounding_taken_for_scatter_hides_how_good_the_runs_are() -> None:
    rng = np.random.default_rng(5)
    params = np.exp(rng.uniform(np.log(5e7), np.log(2e9), 90))
    tokens = params * np.exp(rng.uniform(np.log(5), np.log(300), 90))
    frame = pd.DataFrame(
        {"params": params, "tokens": tokens, "architecture": "llama", "context_length": 2048}
    )
    exact = GAMMA_LAW.loss(np, params, tokens, TRUTH) * np.exp(SIGMA * rng.standard_normal(90))
    rounded = STEP * np.round(exact / STEP)
    best, ignored = scatter(exact, frame), scatter(rounded, frame)
    told = scatter(rounded, frame, loss_sd=STEP / np.sqrt(12))
    assert best < 1.5 * SIGMA
    assert ignored > 1.8 * best
    assert told < 0.75 * ignored
