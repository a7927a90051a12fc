"""The sweep for people: its plan, and predictions beside results."""

from __future__ import annotations

import pandas as pd

from bayes_scaling.printing.columns import column, groups, interval_column, text
from bayes_scaling.printing.numbers import count, loss, power, probability, signed_loss
from bayes_scaling.printing.predictions import score_columns, share
from bayes_scaling.printing.table import print_heading, print_line, print_table
from bayes_scaling.sweep.verdict import SweepVerdict


def print_plan(table: pd.DataFrame) -> None:
    """How many runs there are of each kind, their sizes and FLOPs."""
    print_table(
        [
            *groups(table),
            text(table, "design", "design"),
            column(table, "runs", "runs", str),
            interval_column(table, "params_", count, "params", ("min", "max")),
            interval_column(table, "tokens_", count, "tokens", ("min", "max")),
            interval_column(table, "flops_", power, "FLOPs", ("min", "max")),
            column(table, "FLOPs together", "flops_sum", power),
        ]
    )
    print_line(f"{table['runs'].sum()} runs, {power(float(table['flops_sum'].sum()))} FLOPs.")


def print_sweep_verdict(verdict: SweepVerdict) -> None:
    """Coverage and bias, then optima, then decisions."""
    print_line(f"Predictions of {verdict.losses.created}, SHA-256 {verdict.losses.sha256[:16]}.")
    print_heading("Loss of each run")
    _print_groups(verdict.groups)
    for line in verdict.losses.words:
        print_line(line)
    print_heading("Compute-optimal params")
    _print_optima(verdict.optima)
    print_heading("Which run to train")
    _print_decisions(verdict.decisions)


def _print_groups(table: pd.DataFrame) -> None:
    print_table(
        [
            *groups(table),
            *score_columns(table),
            column(table, "time in 90% interval", "time_inside_90", share),
            column(table, "median |ln time ratio|", "time_error", "{:.2f}".format),
        ]
    )
    print_line("Bias: measured less predicted median. Time: of training, on the same machine.")


def _print_optima(table: pd.DataFrame) -> None:
    print_table(
        [
            *groups(table),
            column(table, "compute (FLOPs)", "compute", power),
            column(table, "params predicted", "params_median", count),
            interval_column(table, "params_", count),
            column(table, "params measured", "params_measured", count),
            column(table, "inside", "inside_90", lambda value: {1.0: "yes", 0.0: "no"}.get(value, "-")),
        ]
    )
    print_line("Measured: minimum of a parabola through the curve in ln N; a dash where it has none inside.")


def _print_decisions(table: pd.DataFrame) -> None:
    print_table(
        [
            column(table, "context (tokens)", "context_length", str),
            text(table, "chosen beforehand", "run_id"),
            text(table, "best measured", "best"),
            column(table, "regret (nats/token)", "regret", loss),
            column(table, "predicted mean", "regret_mean", loss),
            interval_column(table, "regret_", loss),
            column(table, "P(xlstm wins)", "xlstm_wins", probability),
            column(table, "xlstm less transformer", "difference", signed_loss),
        ]
    )
