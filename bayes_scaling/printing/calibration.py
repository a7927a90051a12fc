"""Calibration as people read it."""

from __future__ import annotations

import pandas as pd

from bayes_scaling.calibration.backtest import Backtest
from bayes_scaling.calibration.sbc import Sbc
from bayes_scaling.printing.columns import column, text
from bayes_scaling.printing.table import Column, print_line, print_table


def print_sbc(found: Sbc) -> None:
    """Ranks of each quantity, how many replicates converged, and the verdict."""
    table = found.table()
    table["band"] = table["outside_family"].map({True: "outside", False: "inside"})
    print_table(
        [
            text(table, "quantity", "quantity"),
            column(table, "mean rank (0.5)", "mean", "{:.3f}".format),
            column(table, "sd (0.289)", "sd", "{:.3f}".format),
            text(table, "95% band of all", "band"),
        ]
    )
    alone = int(table["outside"].sum())
    print_line(f"{len(found.ranks)} replicates, {found.not_converged} of them not converged.")
    print_line(f"{alone} of {len(table)} quantities leave their own 95% band; chance alone gives about 5%.")
    verdict = "uniform: the fit is calibrated" if found.uniform else "not uniform: the fit is not calibrated"
    print_line(f"Ranks are {verdict} on runs of these sizes, if the law holds.")


def print_backtest(found: Backtest) -> None:
    """Scores of each forecaster, over all, by split and by distance."""
    for title, table in (
        ("all runs left out", found.pooled),
        ("by split", found.table("split", full=True)),
        ("by distance of compute from the fitted runs, decades", found.table("distance", full=True)),
    ):
        print_line(title)
        print_table(score_columns(table))
        print_line("")
    rows = found.rows[["split", "forecaster", "converged"]].drop_duplicates()
    failed = [f"{row.forecaster} at {row.split}" for row in rows[~rows["converged"]].itertuples()]
    print_line(f"Chains that did not pass the gate: {'; '.join(failed) or 'none'}.")


def print_stack(table: pd.DataFrame) -> None:
    """Weights of the models and what they rest on."""
    print_table(
        [
            text(table, "model", "model"),
            column(table, "weight", "weight", "{:.2f}".format),
            column(table, "mean log score", "score", "{:.3f}".format),
            column(table, "runs", "runs", str),
            text(table, "judged by", "criterion"),
        ]
    )
    if table["criterion"].iloc[0] == "leave one out":
        print_line(
            "Note: leave-one-out sees interpolation only; with --backtest weights rest on runs beyond."
        )


def score_columns(table: pd.DataFrame) -> list[Column]:
    """Columns of `bayes_scaling.calibration.backtest.Backtest.table`."""
    labels = [name for name in ("split", "distance", "forecaster") if name in table]
    shares = {"in_50": "in 50%", "in_80": "in 80%", "in_90": "in 90%", "in_95": "in 95%"}
    milli = {"mae": "MAE (mnat)", "bias": "bias", "width_90": "90% width", "crps": "CRPS"}
    return [
        *(text(table, name, name) for name in labels),
        column(table, "runs", "runs", str),
        *(column(table, title, name, "{:.0%}".format) for name, title in shares.items()),
        *(column(table, title, name, _milli) for name, title in milli.items()),
        column(table, "log score", "log_score", "{:.2f}".format),
    ]


def _milli(value: float) -> str:
    return f"{1000 * value:.1f}"
