"""Predictions that were written down, and how they did, for people."""

from __future__ import annotations

import pandas as pd

from bayes_scaling.calibration.judging import INTERVALS, Verdict
from bayes_scaling.printing.columns import column, groups, text, wide
from bayes_scaling.printing.numbers import loss, signed_loss
from bayes_scaling.printing.table import Column, print_heading, print_line, print_table


def print_verdict(verdict: Verdict) -> None:
    """The verdict in words, then by group and by distance."""
    print_line(f"Predictions of {verdict.created}, SHA-256 {verdict.sha256[:16]}.\n")
    for line in verdict.words:
        print_line(line)
    print_heading("By group")
    print_table([*groups(verdict.groups), *score_columns(verdict.groups)])
    print_heading("By distance outside the fitted runs")
    print_table([text(verdict.distances, "decades", "distance"), *score_columns(verdict.distances)])
    print_line(
        "In brackets: what the true share may be (90%, binomial). Bias: measured less predicted median."
    )


def score_columns(table: pd.DataFrame) -> list[Column]:
    """Columns of `bayes_scaling.calibration.judging.tabulate`."""
    return [
        column(table, "runs", "runs", str),
        *(part for level in INTERVALS for part in _shares(table, level)),
        column(table, "bias (nats/token)", "bias", signed_loss),
        column(table, "mean |error|", "mae", loss),
        column(table, "CRPS", "crps", loss),
        column(table, "CRPS if right", "crps_expected", loss),
    ]


def _shares(table: pd.DataFrame, level: int) -> list[Column]:
    """The column of a level, those between 50% and 90% only where there is room."""
    found = _share_column(table, level)
    return [found] if level in (50, 90) else wide(found)


def _share_column(table: pd.DataFrame, level: int) -> Column:
    """A share and, in brackets, where the true one lies."""
    name = f"inside_{level}"
    rows = zip(table[name], table[f"{name}_low"], table[f"{name}_high"], strict=True)
    cells = (f"{share(at)} ({share(low)} to {share(high)})" if at == at else "-" for at, low, high in rows)
    return Column(f"in {level}% interval", tuple(cells))


def share(value: float) -> str:
    """A share in percent; a dash where there is none."""
    return f"{100 * value:.0f}%" if value == value else "-"
