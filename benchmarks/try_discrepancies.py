"""What of the discrepancy earns its place: back-tests with and without its parts.

    python benchmarks/try_discrepancies.py FOLDER [--page PAGE] [--only NAME,...] [--tables NAME,...]

FOLDER holds xlstm_runs.csv, epoch_chinchilla.csv, gadre.csv and marin_isoflops.csv; the measured sweep comes
with the package. Runs up to a cut are fitted, the others predicted, at the cuts of docs/backtest.md: two
chains of 500 draws, the gate not waited for. The rule that judges: the geometric mean over all cuts of the
CRPS over that of the law alone, where the 90% intervals of every table hold 80% to 97% of its runs. In PAGE,
docs/discrepancy.md, the tables stand between ``<!-- variants -->`` and ``<!-- end of variants -->``.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.calibration.scores import score
from bayes_scaling.calibration.splits import SLACK, chosen_runs, make_splits
from bayes_scaling.laws import drift
from bayes_scaling.runs.table import Runs

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that the file runs as a script too

from benchmarks.marked_page import replaced

NONE = 1e-7  # the median of a scale that switches its walk off
EDGE = drift.EDGE
SAMPLING = {"chains": 2, "draws": 500, "tune": 300, "max_draws": 500, "progress": False}
PRIORS = {
    "no walk by context": {"drift_context": {"median": NONE}},
    "walks inside only": {f"drift_{name}": {"median": NONE} for name in ("ratio", "compute", "context")},
    "compute walks less": {"drift_compute": {"median": 0.002, "scale": 0.5}},
    "E as of sub-words": {"E": {"median": 1.7, "scale": 0.35, "group_scale": 0.05}},
}
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "law alone": {"discrepancy": "none"},
    "no edge": {"edge": 0.0},
    **{name: {"priors": priors} for name, priors in PRIORS.items()},
}
OF_BYTES = "E as of sub-words"  # differs from the default on the measured sweep alone
CUTS = {
    "xlstm": [
        *(("compute", cut) for cut in (1e19, 3e19, 1e20)),
        *(("compute", cut / SLACK) for cut in (1e19, 3e19)),
        ("tokens_per_param", 94.0),
        ("params", 375e6),
        ("params", 780e6),
    ],
    "epoch": [("compute", cut) for cut in (1.9e19, 0.95e20, 2.9e20, 0.95e21)],
    "gadre": [*(("compute", cut) for cut in (2.9e18, 0.95e20, 0.95e21)), ("tokens_per_param", 80.0)],
    "marin": [("compute", cut) for cut in (1.2e19, 4e19, 1e20)],
    "measured": [("compute", cut) for cut in (1.25e11, 2.5e11, 5e11, 1e12)],
}
SIGNS = {"compute": "C", "params": "N", "tokens_per_param": "D/N"}


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


def forecasts(runs: Runs, table: str, setting: dict[str, Any]) -> Iterator[pd.DataFrame]:
    """Scores of each run beyond each cut of a table."""
    options = {name: value for name, value in setting.items() if name != "edge"}
    drift.EDGE = setting.get("edge", EDGE)
    for by, cut in CUTS[table]:
        (split,) = make_splits(runs, by, [cut])
        past = chosen_runs(runs, split.fitted)
        future = chosen_runs(runs, split.predicted)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = bs.fit(past, **options, **SAMPLING)
            draws = bs.predict(fit, future, kind="response", extrapolate=True).to_numpy()
        loss = future.frame["loss"].to_numpy(dtype=float)
        scores = pd.DataFrame(score(draws.reshape(-1, len(loss)), loss))
        yield scores.assign(table=table, cut=f"{SIGNS[by]} <= {SLACK * cut:.3g}")


def summary(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Cover, CRPS and width of each part, in the order of the rows."""
    parts = rows.groupby(by, sort=False)
    return pd.DataFrame(
        {
            "runs beyond": parts.size(),
            "in 50%, %": 100 * parts["in_50"].mean(),
            "in 90%, %": 100 * parts["in_90"].mean(),
            "CRPS, mnat": 1000 * parts["crps"].mean(),
            "bias, mnat": 1000 * parts["error"].mean(),
            "90% width, mnat": 1000 * parts["width_90"].median(),
        }
    )


def relative(rows: pd.DataFrame) -> pd.DataFrame:
    """CRPS of each variant over that of the law alone: the geometric mean over cuts, by table and of all."""
    crps = rows.groupby(["variant", "table", "cut"], sort=False)["crps"].mean().unstack("variant")
    ratio = np.log(crps.div(crps["law alone"], axis=0))
    if OF_BYTES in ratio:
        ratio[OF_BYTES] = ratio[OF_BYTES].fillna(ratio["default"])
    tables = np.exp(ratio.groupby("table", sort=False).mean()).T
    return tables.assign(all=np.exp(ratio.mean()))


def held(rows: pd.DataFrame) -> pd.DataFrame:
    """Of 100 runs, how many each variant holds in its 90% intervals, by table."""
    found = 100 * rows.groupby(["variant", "table"], sort=False)["in_90"].mean().unstack("table")
    if OF_BYTES in found.index:
        found.loc[OF_BYTES] = found.loc[OF_BYTES].fillna(found.loc["default"])
    return found


def shown(table: pd.DataFrame, digits: int) -> str:
    """As Markdown."""
    return str(table.round(digits).reset_index().to_markdown(index=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--only", default=",".join(VARIANTS))
    parser.add_argument("--tables", default=",".join(CUTS))
    arguments = parser.parse_args()
    parts = []
    for name in arguments.only.split(","):
        for table in arguments.tables.split(","):
            if name == OF_BYTES and table != "measured":
                continue
            runs = load(arguments.folder, table)
            for rows in forecasts(runs, table, VARIANTS[name]):
                parts.append(rows.assign(variant=name))
                print(summary(parts[-1], ["variant", "table", "cut"]).round(1).to_string(), flush=True)
    whole = pd.concat(parts, ignore_index=True)
    default = whole[whole["variant"] == "default"]
    text = "\n\n".join(
        (
            shown(summary(default, ["table", "cut"]), 1),
            shown(held(whole), 0),
            shown(relative(whole), 2),
        )
    )
    print(text)
    if arguments.page:
        page = arguments.page.read_text(encoding="utf-8")
        arguments.page.write_text(replaced(page, "variants", text), encoding="utf-8")


if __name__ == "__main__":
    main()
