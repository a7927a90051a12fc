"""Two recipes by the losses of their runs, for people."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from bayes_scaling.printing.columns import ENDS, wide
from bayes_scaling.printing.numbers import interval, loss, probability, signed_loss
from bayes_scaling.printing.table import Column, print_line, print_table
from bayes_scaling.questions.compare_runs import RunComparison
from bayes_scaling.questions.replicates import CONFIDENT, MOST_SEEDS

ROWS = {
    "first": "expected loss of the first",
    "second": "expected loss of the second",
    "difference": "second less first",
    "noise": "noise of one run",
}


def print_runs(found: RunComparison) -> None:
    """Which recipe has the lower expected loss, and whether it is more than noise."""
    print_run_comparison(found.table(full=True))


def print_run_comparison(table: pd.DataFrame) -> None:
    """The same from `bayes_scaling.questions.compare_runs.RunComparison.table`."""
    (row,) = table.to_dict("records")
    print_line(f"{row['architecture']} at context {row['context_length']}: {verdict(row)}")
    print_table(
        [
            Column("in nats/token", tuple(ROWS.values()), right=False),
            Column("runs", (str(row["first_runs"]), str(row["second_runs"]), "", "")),
            Column("median", tuple(_form(name, row[f"{name}_median"]) for name in ROWS)),
            *(_interval(row, level) for level in (0.5, 0.9)),
            *wide(_interval(row, 0.95)),
        ]
    )
    print_line("Noise: the scale by which the loss of one run scatters round what is expected of its recipe.")


def verdict(row: Mapping[Hashable, Any]) -> str:
    """Which of the two is the lower one, and what would settle it, in a sentence or two."""
    lower = row["probability"]
    further = row["further_seeds"]
    leader, chance = ("second", lower) if lower >= 0.5 else ("first", 1 - lower)
    leads = f"the {leader} has the lower expected loss with probability {probability(chance)}"
    if chance >= CONFIDENT:
        return f"{leads}, so the difference is more than noise."
    needed = f"{seeds(further)} further seed{'' if further == 1 else 's'} of each"
    return (
        f"{leads}, so the difference may be noise. If it is as its median says, {needed} would be needed for "
        f"a probability of {CONFIDENT:g}."
    )


def seeds(value: float) -> str:
    """How many further seeds: a number, none, or more than are counted."""
    if value > MOST_SEEDS:
        return f"over {MOST_SEEDS}"
    return f"{value:.0f}" if value > 0 else "none"


def _interval(row: Mapping[Hashable, Any], level: float) -> Column:
    """A column of intervals, a quantity in each line."""
    low, high = ENDS[level]
    cells = (interval(_form(name, row[f"{name}_{low}"]), _form(name, row[f"{name}_{high}"])) for name in ROWS)
    return Column(f"{level:.0%} interval", tuple(cells))


def _form(name: str, value: float) -> str:
    return signed_loss(value) if name == "difference" else loss(value)
