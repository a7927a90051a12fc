"""Forecasts of the package simple-scaling-laws (pypi.org/project/simple-scaling-laws), where installed.

Its law ``separable-power`` is E + A N^-alpha + B D^-beta, fitted to each group alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pandas as pd

from benchmarks.scoreboard_forms import groups_to_predict

LEVELS = np.arange(0.005, 1, 0.01)  # its quantiles are told apart to three decimals
DRAWS = 500
SIZES = {"params": "model_size__params", "tokens": "dataset_size__tokens"}  # its prefixes tell the roles
LOSS = "test_loss__loss"


def available() -> bool:
    """Whether the package can be imported."""
    return find_spec("simple_scaling_laws") is not None


def simple_scaling_laws_forecast(
    past: pd.DataFrame, future: pd.DataFrame, group: Sequence[str], seed: int = 0
) -> np.ndarray:
    """Quantiles (level, run) of a new run's loss at evenly spaced levels, which stand for draws.

    NaN in a group that the package refuses to fit; standard error tells why.
    """
    package = import_module("simple_scaling_laws")
    found = np.full((len(LEVELS), len(future)), np.nan)
    for key, runs, wanted in groups_to_predict(past, future, group):
        try:
            model = package.fit(_columns(runs, loss=True), n_draws=DRAWS, seed=seed)
            told = model.predict(_columns(future[wanted]), kind="new-run", quantiles=list(LEVELS))
        except ValueError as error:
            print(f"simple-scaling-laws, {key}: {error}", file=sys.stderr)
            continue
        names = [name for name in told.columns if name.startswith(f"{LOSS}__")]
        found[:, wanted] = told.select(names).to_numpy().T
    return found


def _columns(runs: pd.DataFrame, loss: bool = False) -> pd.DataFrame:
    """The package's columns; each run is a training of its own."""
    frame = pd.DataFrame({name: runs[canonical].astype(float) for canonical, name in SIZES.items()})
    if loss:
        frame[LOSS] = runs["loss"].astype(float)
        frame["training_run_id"] = [str(number) for number in range(len(runs))]
    return frame.reset_index(drop=True)
