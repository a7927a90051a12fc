"""Tables of runs as people read them."""

from __future__ import annotations

import pandas as pd

from bayes_scaling.printing.columns import column, groups, range_column, wide
from bayes_scaling.printing.numbers import count, loss, power
from bayes_scaling.printing.table import Column, print_line, print_table
from bayes_scaling.runs.table import Runs


def print_runs(runs: Runs) -> None:
    """The groups of a table of runs."""
    print_line(f"{len(runs)} runs from {runs.source}\n")
    print_table(runs_columns(runs.describe()))


def runs_columns(table: pd.DataFrame) -> list[Column]:
    """Columns of `bayes_scaling.runs.table.Runs.describe`."""
    columns = [
        *groups(table),
        column(table, "runs", "n", str),
        range_column(table, "params", "params", count),
        range_column(table, "tokens", "tokens", count),
        range_column(table, "flops", "compute (FLOPs)", power),
        *wide(range_column(table, "tokens_per_param", "tokens/param", count)),
    ]
    if "loss_min" in table:
        columns.append(range_column(table, "loss", "loss (nats/token)", loss))
    return columns
