"""A map of winners as people read it: each pair once, budgets down and context lengths across."""

from __future__ import annotations

import pandas as pd

from bayes_scaling.decisions.winner_map import Map
from bayes_scaling.printing.blocks import is_wide
from bayes_scaling.printing.columns import column, groups
from bayes_scaling.printing.numbers import power, probability
from bayes_scaling.printing.table import Column, print_line, print_table
from bayes_scaling.printing.views import note_reach, print_far

MOST_ACROSS = 8  # columns of probabilities


def print_map(found: Map) -> None:
    """Who wins where."""
    table = found.table(full=True)
    names = list(dict.fromkeys(table["architecture"]))
    print_far(table)
    if is_wide() or len(names) > MOST_ACROSS:
        print_table(_every_row(table))
    elif len(names) == 2:
        print_line(f"P({names[0]} beats {names[1]}), a column for each context length in tokens\n")
        for part in _parts(table[table["architecture"] == names[0]]):
            print_table(_across(part, "context_length", []))
    else:
        print_line("P(best), a column for each architecture\n")
        contexts = "context_length"
        print_table(_across(table, "architecture", [contexts]))
    print_line(f"Each architecture at its own optimum; cost {table['cost'].iloc[0]}.")
    if not table["feasible"].all():
        print_line(
            f"Note: in {int((~table['feasible']).sum())} of {len(table)} rows nothing keeps to the limits."
        )
    note_reach(table, "rows")


def _every_row(table: pd.DataFrame) -> list[Column]:
    return [
        *groups(table),
        column(table, "compute (FLOPs)", "compute", power),
        column(table, "P(best)", "best_probability", _chance),
        column(table, "expected rank (1 is the lowest loss)", "expected_rank", "{:.2f}".format),
    ]


def _parts(table: pd.DataFrame) -> list[pd.DataFrame]:
    """The table by some context lengths at a time, so that each part is narrow."""
    lengths = sorted(table["context_length"].unique())
    starts = range(0, len(lengths), MOST_ACROSS)
    return [table[table["context_length"].isin(lengths[i : i + MOST_ACROSS])] for i in starts]


def _across(table: pd.DataFrame, name: str, keys: list[str]) -> list[Column]:
    """P(best) with the values of one column across, and budgets down."""
    grid = table.pivot(index=[*keys, "compute"], columns=name, values="best_probability")
    frame = grid.index.to_frame(index=False)
    columns = [column(frame, "context (tokens)", "context_length", str)] if keys else []
    columns.append(column(frame, "compute (FLOPs)", "compute", power))
    return columns + [
        Column(str(value), tuple(_chance(share) for share in grid[value])) for value in grid.columns
    ]


def _chance(value: float) -> str:
    return "-" if value != value else probability(value)
