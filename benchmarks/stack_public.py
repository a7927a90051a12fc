"""Several laws and their stack on public sets, by the log score of runs left out.

    python benchmarks/stack_public.py FOLDER [--output docs/stacking.md] [--kept KEPT]

Every law is back-tested at the whole cuts in compute of `backtest_public.py`. The weights at a cut are learnt
from the other cuts of the set: what is scored has not been seen. FOLDER and KEPT as there.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from backtest_public import studies
from scipy.special import logsumexp

import bayes_scaling as bs
from bayes_scaling.stacking import stacking_weights

LAWS = ("gamma", "chinchilla", "varying-exponent", "kaplan")


def scores(folder: Path, kept: Path | None) -> pd.DataFrame:
    """One row a run left out: set, split, and the log score of each law."""
    parts = []
    for name, frame, by, cuts in studies(folder):
        if by != "compute" or "," in name:
            continue
        columns = {}
        for law in LAWS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                rows = bs.backtest(
                    bs.load_runs(frame), by, cuts, bs.ModelSpec(law), folder=kept, forecasters=("model",)
                ).rows
            columns[law] = rows["log_score"].to_numpy()
        parts.append(rows[["split"]].assign(set=name, **columns))
    return pd.concat(parts, ignore_index=True)


def stacked(part: pd.DataFrame) -> np.ndarray:
    """Log score of the stack at each run of a set, the weights from its other splits."""
    found = np.empty(len(part))
    for split in part["split"].unique():
        here = (part["split"] == split).to_numpy()
        weights = stacking_weights(part.loc[~here, list(LAWS)].to_numpy())
        found[here] = logsumexp(part.loc[here, list(LAWS)].to_numpy(), axis=1, b=weights)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--kept", type=Path)
    arguments = parser.parse_args()
    rows = scores(arguments.folder, arguments.kept)
    table = []
    for name, part in rows.groupby("set", sort=False):
        values = {law: part[law].mean() for law in LAWS} | {"stack": stacked(part).mean()}
        table.append({"set": name, "runs": len(part)} | {key: round(v, 3) for key, v in values.items()})
    text = str(pd.DataFrame(table).to_markdown(index=False)) + "\n"
    print(text)
    if arguments.output:
        arguments.output.write_text(text)


if __name__ == "__main__":
    main()
