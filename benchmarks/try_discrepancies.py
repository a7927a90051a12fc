"""What of the discrepancy earns its place: back-tests with and without its parts.

    python benchmarks/try_discrepancies.py FOLDER [--output FILE] [--only NAME,...] [--tables NAME,...]

FOLDER holds xlstm_runs.csv, epoch_chinchilla.csv, gadre.csv and marin_isoflops.csv; the measured sweep comes
with the package. Runs up to a cut are fitted, the others predicted: two chains of 500 draws, the gate not
waited for. One row a cut, then one a table, and the geometric mean of the CRPS over that of the law alone.
The rule that judges: that mean, where the 90% intervals of every table hold 80% to 97% of its runs.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.calibration.scores import score
from bayes_scaling.laws import drift
from bayes_scaling.runs.table import Runs

NONE = 1e-7  # the median of a scale that switches its walk off
EDGE = drift.EDGE
SAMPLING = {"chains": 2, "draws": 500, "tune": 300, "max_draws": 500, "progress": False}
LARGEST = 36  # runs of the measured sweep that were left for its predictions
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "law alone": {"discrepancy": "none"},
    "no edge": {"edge": 0.0},
    "no walk by context": {"priors": {"drift_context": {"median": NONE}}},
    "walks inside only": {
        "priors": {f"drift_{name}": {"median": NONE} for name in ("ratio", "compute", "context")},
    },
}
CUTS = {
    "xlstm": [("compute", 1e19), ("compute", 3e19), ("ratio", 94.0), ("params", 375e6), ("params", 780e6)],
    "epoch": [("compute", 0.95e20), ("compute", 2.9e20), ("compute", 0.95e21)],
    "marin": [("compute", 4e19), ("compute", 1e20)],
    "gadre": [("compute", 0.95e20)],
    "measured": [("largest", LARGEST)],
}


def load(folder: Path, name: str) -> Runs:
    """One table, points that its authors leave out left out."""
    if name == "measured":
        return bs.load_runs("measured")
    if name == "xlstm":
        return bs.load_runs(folder / "xlstm_runs.csv")
    if name == "epoch":
        frame = pd.read_csv(folder / "epoch_chinchilla.csv")
        return bs.load_runs(frame[~frame["excluded_by_epoch"].astype(bool)])
    if name == "gadre":
        frame = pd.read_csv(folder / "gadre.csv")
        return bs.load_runs(frame.assign(architecture=frame["train_set"]))
    frame = pd.read_csv(folder / "marin_isoflops.csv")
    return bs.load_runs(frame[~frame["outlier"].astype(bool)].assign(architecture=frame["dataset"]))


def beyond(runs: Runs, by: str, cut: float) -> np.ndarray:
    """Which runs lie beyond a cut."""
    frame = runs.frame
    params = frame["params"].to_numpy(dtype=float)
    tokens = frame["tokens"].to_numpy(dtype=float)
    compute = frame["flops"].to_numpy(dtype=float) if "flops" in frame else 6 * params * tokens
    if by == "largest":
        return compute >= np.sort(compute)[-int(cut)]
    return {"compute": compute, "params": params, "ratio": tokens / params}[by] > cut


def forecasts(runs: Runs, table: str, setting: dict[str, Any]) -> Iterator[pd.DataFrame]:
    """Scores of each run beyond each cut of a table."""
    options = {name: value for name, value in setting.items() if name != "edge"}
    drift.EDGE = setting.get("edge", EDGE)
    for by, cut in CUTS[table]:
        future = beyond(runs, by, cut)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = bs.fit(runs.subset(~future), **options, **SAMPLING)
            draws = bs.predict(fit, runs.subset(future), kind="response", extrapolate=True).to_numpy()
        loss = runs.frame["loss"].to_numpy(dtype=float)[future]
        scores = pd.DataFrame(score(draws.reshape(-1, len(loss)), loss))
        yield scores.assign(table=table, cut=f"{by} {cut:g}")


def summary(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Cover, CRPS and width of each part, in the order of the rows."""
    parts = rows.groupby(by, sort=False)
    return pd.DataFrame(
        {
            "runs": parts.size(),
            "in 50%, %": 100 * parts["in_50"].mean(),
            "in 90%, %": 100 * parts["in_90"].mean(),
            "CRPS, mnat": 1000 * parts["crps"].mean(),
            "90% width, mnat": 1000 * parts["width_90"].median(),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--only", default=",".join(VARIANTS))
    parser.add_argument("--tables", default=",".join(CUTS))
    arguments = parser.parse_args()
    parts = []
    for name in arguments.only.split(","):
        for table in arguments.tables.split(","):
            runs = load(arguments.folder, table)
            for rows in forecasts(runs, table, VARIANTS[name]):
                parts.append(rows.assign(variant=name))
                print(summary(parts[-1], ["variant", "table", "cut"]).round(1).to_string(), flush=True)
    whole = pd.concat(parts, ignore_index=True)
    each = summary(whole, ["variant", "table", "cut"])
    text = "\n\n".join(
        str(part.round(1).reset_index().to_markdown(index=False))
        for part in (summary(whole, ["variant", "table"]), each)
    )
    crps = np.log(each["CRPS, mnat"]).unstack("variant")
    if "law alone" in crps:
        ratio = np.exp(crps.sub(crps["law alone"], axis=0).mean())
        text += "\n\nGeometric mean of the CRPS over that of the law alone: "
        text += ", ".join(f"{name} {value:.2f}" for name, value in ratio.items()) + ".\n"
    print(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
