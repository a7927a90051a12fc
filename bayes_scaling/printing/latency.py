"""Tables of latency for people."""

from __future__ import annotations

import pandas as pd

from bayes_scaling.latency.backtest import LatencyBacktest
from bayes_scaling.printing.columns import column, interval_column, text, wide
from bayes_scaling.printing.numbers import count, plain, probability
from bayes_scaling.printing.table import print_heading, print_line, print_table


def percent(value: float) -> str:
    """A share with one decimal."""
    return f"{100 * value:.1f}%" if value == value else "-"


def print_prediction(table: pd.DataFrame) -> None:
    """Times and whether they fit, one row a query."""
    print_table(
        [
            text(table, "architecture", "architecture"),
            column(table, "params", "params", count),
            column(table, "batch", "batch_size", str),
            column(table, "prefill (tokens)", "prefill", str),
            column(table, "P(fits)", "fits_probability", _fits),
            column(table, "first token (ms)", "ttft_ms_median", plain),
            interval_column(table, "ttft_ms_", plain),
            column(table, "step (ms)", "step_time_ms_median", plain),
            interval_column(table, "step_time_ms_", plain),
            text(table, "outside the timings", "extrapolated"),
        ]
    )
    print_line("Response intervals: where a measured time lies.")


def print_coefficients(table: pd.DataFrame) -> None:
    """Prior and posterior of every coefficient."""
    print_table(
        [
            text(table, "architecture", "architecture"),
            text(table, "phase", "phase"),
            text(table, "coefficient", "coefficient"),
            text(table, "unit", "unit"),
            *wide(column(table, "prior median", "prior_median", plain)),
            column(table, "median", "median", plain),
            interval_column(table, "", plain),
            column(table, "shift (prior sd)", "shift", lambda value: f"{value:+.1f}"),
        ]
    )


def print_backtest(result: LatencyBacktest) -> None:
    """Errors and cover beside the baselines, then whether queries fitted."""
    table = result.scores
    print_heading("Times of model sizes left out")
    print_table(
        [
            column(table, "left out (params)", "left_out", count),
            text(table, "architecture", "architecture"),
            text(table, "quantity", "quantity"),
            column(table, "cells", "n", str),
            column(table, "median error", "median_error", percent),
            column(table, "90% cover", "cover", percent),
            column(table, "interval (ratio of ends)", "width", lambda value: f"{value:.2f}"),
            column(table, "hard roofline error", "roofline_error", percent),
            column(table, "study's lines error", "lines_error", percent),
        ]
    )
    if len(result.fits):
        print_heading("Whether queries fit")
        table = result.fits
        print_table(
            [
                column(table, "left out (params)", "left_out", count),
                text(table, "architecture", "architecture"),
                column(table, "queries", "queries", str),
                column(table, "right at 0.5", "accuracy", percent),
                column(table, "Brier score", "brier", plain),
                column(table, "mean P(fits)", "mean_probability", percent),
                column(table, "fitted", "frequency", percent),
            ]
        )


def print_stages(table: pd.DataFrame) -> None:
    """Intervals of step time after each stage, one row a query and stage."""
    print_table(
        [
            text(table, "architecture", "architecture"),
            column(table, "params", "params", count),
            column(table, "batch", "batch_size", str),
            column(table, "prefill (tokens)", "prefill", str),
            text(table, "after", "stage"),
            column(table, "step (ms)", "median", plain),
            interval_column(table, "", plain),
            column(table, "ratio of ends", "ratio", lambda value: f"{value:.3g}"),
            column(table, "measured (ms)", "time_ms", plain),
        ]
    )


def _fits(value: float) -> str:
    return probability(value) if value == value else "-"
