"""Laws of repetition on a table of runs of many epochs: residuals, and forecasts of the runs beyond each cut.

    python benchmarks/repetition.py RUNS [--kept FOLDER]

RUNS has params, tokens, unique_tokens and loss. docs/repetition.md shows the tables of the runs that
Muennighoff et al. 2023 published in a notebook of their repository (huggingface/datablations), seeds, other
shapes and deduplicated corpora left out: 229 runs, one each, of up to 9,000 epochs.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import bayes_scaling as bs

LAWS = ("data-limited", "overfitting")
CUTS = (0.4, 0.55, 0.7, 0.85)  # quantiles of compute
CORPUS = 1e8  # unique tokens of the frontier
BUDGETS = (1e18, 1e19, 1e20)


def residuals(runs: bs.Runs) -> pd.DataFrame:
    """Scatter of ln L round each law alone."""
    rows = []
    for law in LAWS:
        fit = bs.fit(runs, law=law, discrepancy="none", progress=False)
        median = fit.predict(runs).median(("chain", "draw")).to_numpy()
        error = np.log(median / runs.frame["loss"].to_numpy(dtype=float))
        scatter = float(fit.posterior["sigma"].median())
        rows.append({"law": law, "status": fit.status, "sigma": scatter, "rms": error.std(),
                     "median |error|": np.median(np.abs(error))})  # fmt: skip
    return pd.DataFrame(rows)


def forecasts(runs: bs.Runs, folder: Path | None) -> pd.DataFrame:
    """Scores of the runs beyond each cut of compute."""
    cuts = [float(np.quantile(runs.frame["flops"], share)) for share in CUTS]
    parts = []
    for law in LAWS:
        kept = None if folder is None else folder / law
        found = bs.backtest(
            runs, cuts=cuts, spec=bs.ModelSpec(law=law), forecasters=["model", "law alone"], folder=kept
        )
        parts.append(found.pooled.assign(law=law))
    return pd.concat(parts)[
        ["law", "forecaster", "runs", "in_50", "in_90", "mae", "bias", "width_90", "crps"]
    ]


def epochs(runs: bs.Runs) -> pd.DataFrame:
    """The optimum in epochs of a corpus under each law."""
    parts = []
    for law in LAWS:
        fit = bs.fit(runs, law=law, discrepancy="none", progress=False)
        parts.append(bs.frontier(fit, BUDGETS, unique_tokens=CORPUS).table(full=True).assign(law=law))
    names = ["compute", "params_median", "epochs_q05", "epochs_median", "epochs_q95", "loss_median"]
    return pd.concat(parts)[["law", *names]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--kept", type=Path)
    arguments = parser.parse_args()
    runs = bs.load_runs(arguments.runs)
    tables = {
        "Residuals": residuals(runs),
        "Epochs": epochs(runs),
        "Forecasts": forecasts(runs, arguments.kept),
    }
    for title, table in tables.items():
        print(f"\n## {title}\n\n{table.to_markdown(index=False, floatfmt='.4g')}", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
