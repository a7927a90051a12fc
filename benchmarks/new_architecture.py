"""A new architecture from a few small runs: what the hierarchy lends it, beside fitting it alone.

    python benchmarks/new_architecture.py FOLDER [--output docs/new_architecture.md]

FOLDER holds xlstm_runs.csv. Of one architecture only a few runs of one context length below 1.06e19 FLOPs are
kept, chosen at random; all runs of the other stay. The rest of that context length is predicted, by both
together and by the few alone.
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

CONTEXT, LARGEST, DRAWS = 8192, 1.06e19, 500


def forecasts(frame: pd.DataFrame, name: str, few: int, seed: int) -> pd.DataFrame:
    """Scores of the predictions of the runs of one architecture that were not kept."""
    own = (frame["architecture"] == name) & (frame["context_length"] == CONTEXT)
    small = np.flatnonzero(own & (frame["flops"] <= LARGEST))
    kept = np.random.default_rng([seed, few]).choice(small, few, replace=False)
    rest = np.setdiff1d(np.flatnonzero(own), kept)
    others = np.flatnonzero(frame["architecture"] != name)
    future = bs.load_runs(frame.iloc[rest].reset_index(drop=True))
    parts = []
    for label, rows in {"both": np.union1d(others, kept), "the few alone": kept}.items():
        past = bs.load_runs(frame.iloc[rows].reset_index(drop=True))
        fit = bs.fit(past, draws=DRAWS, seed=seed, progress=False)
        draws = bs.predict(fit, future, kind="response", seed=seed).to_numpy().reshape(-1, len(future))
        scores = pd.DataFrame(score(draws, future.frame["loss"].to_numpy()))
        parts.append(scores.assign(forecaster=label, runs_kept=few, new=name, decades=0.0))
    return pd.concat(parts, ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--replicates", type=int, default=3)
    arguments = parser.parse_args()
    frame = pd.read_csv(arguments.folder / "xlstm_runs.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few runs deserve a review; here they are the question
        rows = [
            forecasts(frame, name, few, seed)
            for name in ("xlstm", "llama")
            for few in (3, 5)
            for seed in range(arguments.replicates)
        ]
    table = Backtest(pd.concat(rows, ignore_index=True)).table("new", "runs_kept", full=True).round(4)
    text = str(table.to_markdown(index=False)) + "\n"
    print(text)
    if arguments.output:
        arguments.output.write_text(text)


if __name__ == "__main__":
    main()
