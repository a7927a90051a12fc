"""Several laws and their stack on public sets, by the log score of runs left out.

    python benchmarks/stack_public.py FOLDER [--output docs/stacking.md] [--kept KEPT]

Every law is back-tested at the whole cuts in compute of `backtest_public.py`. The weights at a cut are learnt
from all cuts of the set, or from the others: then what is scored has not been seen. FOLDER and KEPT as there.
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
from bayes_scaling.posterior.stacking import stacking_weights

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


def held_out(part: pd.DataFrame) -> dict[str, float]:
    """Mean log score of the stack and of the best law, both chosen on a set's other splits."""
    values = part[list(LAWS)].to_numpy()
    stack, chosen = np.empty(len(part)), np.empty(len(part))
    for split in part["split"].unique():
        here = (part["split"] == split).to_numpy()
        stack[here] = logsumexp(values[here], axis=1, b=stacking_weights(values[~here]))
        chosen[here] = values[here, values[~here].mean(0).argmax()]
    return {"stack, other cuts": stack.mean(), "law of the other cuts": chosen.mean()}


def own(part: pd.DataFrame) -> float:
    """Mean log score of the stack whose weights these runs gave."""
    values = part[list(LAWS)].to_numpy()
    return float(logsumexp(values, axis=1, b=stacking_weights(values)).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--kept", type=Path)
    arguments = parser.parse_args()
    rows = scores(arguments.folder, arguments.kept)
    table = []
    for name, part in rows.groupby("set", sort=False):
        values = {law: part[law].mean() for law in LAWS} | {"stack": own(part)} | held_out(part)
        table.append({"set": name, "runs": len(part)} | {key: round(v, 3) for key, v in values.items()})
    text = str(pd.DataFrame(table).to_markdown(index=False)) + "\n"
    print(text)
    if arguments.output:
        arguments.output.write_text(text)


if __name__ == "__main__":
    main()
