"""Back-tests on public sets and the measured sweep: the model with drift beside its peers, in one page.

    python benchmarks/backtest_public.py FOLDER [--output PAGE] [--summary PAGE] [--kept KEPT]

FOLDER holds xlstm_runs.csv, epoch_chinchilla.csv, gadre.csv and marin_isoflops.csv; the measured sweep comes
with the package. One setting for all sets. Forecasts are kept in KEPT, so that a stopped study goes on. The
summary stands between two marks, ``<!-- backtest -->`` and ``<!-- end of backtest -->``.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

import bayes_scaling as bs
from bayes_scaling.calibration.backtest import Backtest

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that the file runs as a script too

from benchmarks.marked_page import replaced

PAGE = """# Back-tests on public sets

Runs up to each cut (or but one group) are fitted, the others predicted; "in 90%" is the share of single
runs inside their 90% interval, mnat are thousandths of a nat per token. **model** is the gamma law with
drift, **law alone** the same without, **huber** the usual point fit of each group with 1,000 bootstrap fits
and residuals, **conformal** split conformal intervals round that point fit, **isoflop line** power laws
through the minima of isoFLOP parabolas. Rows of the last three hold only the groups that have such a fit.
Four chains of 500 draws, half of a fit's own default; one setting for all sets. A cut takes in runs up to
6% beyond it; "grids cut through" are cuts that part an isoFLOP grid, or leave one run of another design at
its edge. Made by `benchmarks/backtest_public.py`.

"""
NAMES = {"in_50": "in 50%", "in_80": "in 80%", "in_90": "in 90%", "in_95": "in 95%"}
MILLI = {"mae": "MAE, mnat", "bias": "bias, mnat", "width_90": "90% width, mnat", "crps": "CRPS, mnat"}


def studies(folder: Path) -> Iterator[tuple[str, pd.DataFrame, str, list[float] | None]]:
    """Name, runs, what is cut and where."""
    xlstm, gadre, marin, epoch = (
        pd.read_csv(folder / f"{name}.csv")
        for name in ("xlstm_runs", "gadre", "marin_isoflops", "epoch_chinchilla")
    )
    gadre = gadre.assign(architecture=gadre["train_set"])
    marin = marin[~marin["outlier"].astype(bool)].assign(architecture=marin["dataset"])
    epoch = epoch[~epoch["excluded_by_epoch"].astype(bool)]
    yield "xlstm", xlstm, "compute", [1e19, 3e19, 1e20]
    yield "xlstm, grids cut through", xlstm, "compute", [0.943e19, 2.83e19, 0.93e20, 0.943e20]
    yield "xlstm", xlstm, "tokens_per_param", [94.0]
    yield "xlstm", xlstm, "params", [375e6, 780e6]
    yield "epoch", epoch, "compute", [1.9e19, 0.95e20, 2.9e20, 0.95e21]
    yield "gadre", gadre, "compute", [2.9e18, 0.95e20, 0.95e21]
    yield "gadre", gadre, "tokens_per_param", [80.0]
    yield "marin", marin, "compute", [1.2e19, 4e19, 1e20]
    yield "measured", bs.load_runs("measured").frame, "compute", [1.25e11, 2.5e11, 5e11, 1e12]
    for by in ("group", "context", "architecture"):
        yield f"xlstm, {by} left out", xlstm, by, None


def shown(table: pd.DataFrame) -> str:
    """A table with per cent and millinats, as Markdown."""
    return str(displayed(table).to_markdown(index=False))


def displayed(table: pd.DataFrame) -> pd.DataFrame:
    """A table with per cent and millinats."""
    for name in NAMES:
        table[name] = [f"{100 * value:.0f}%" for value in table[name]]
    for name in MILLI:
        table[name] = (1000 * table[name]).round(1)
    table["log_score"] = table["log_score"].round(2)
    return table.rename(columns=NAMES | MILLI)


def summary(table: pd.DataFrame) -> str:
    """The columns that matter most, of sets cut by compute, params or tokens."""
    cut = table[~table["set"].str.contains("left out")]
    chosen = ["set", "forecaster", "runs", *NAMES.values(), *MILLI.values(), "log_score"]
    dropped = ["in 80%", "in 95%", "bias, mnat"]
    return str(cut[chosen].drop(columns=dropped).to_markdown(index=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--summary", type=Path)
    parser.add_argument("--kept", type=Path)
    arguments = parser.parse_args()
    parts = []
    for name, frame, by, cuts in studies(arguments.folder):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = bs.backtest(bs.load_runs(frame), by, cuts, folder=arguments.kept)
        parts.append(found.rows.assign(set=name))
        print(name, by, "\n", found.pooled.round(3).to_string(), flush=True)
    whole = Backtest(pd.concat(parts, ignore_index=True))
    failed = whole.rows[~whole.rows["converged"]].groupby(["set", "split", "forecaster"]).size()
    first = Backtest(whole.rows[whole.rows["set"] == "xlstm"])
    sections = {
        "All cuts of a set": whole.table("set", full=True),
        "xlstm, by architecture": first.table("architecture", full=True),
        "By distance from the fitted runs": Backtest(
            whole.rows[~whole.rows["set"].str.contains("left out")]
        ).table("distance", full=True),
        "Each cut": whole.table("set", "split", full=True),
    }
    text = "\n\n".join(f"## {title}\n\n{shown(table)}" for title, table in sections.items())
    names = "; ".join(", ".join(key) for key in failed.index) or "none"
    text += f"\n\nForecasts whose chains did not pass the convergence gate: {names}.\n"
    print(text)
    if arguments.summary:
        page = arguments.summary.read_text(encoding="utf-8")
        table = summary(displayed(whole.table("set", full=True)))
        arguments.summary.write_text(replaced(page, "backtest", table), encoding="utf-8")
    if arguments.output:
        arguments.output.write_text(PAGE + text, encoding="utf-8")


if __name__ == "__main__":
    main()
