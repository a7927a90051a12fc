"""Three estimators of one optimum, as people read them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.posterior.law_alone import SAMPLED
from bayes_scaling.posterior.moved_optimum import APART
from bayes_scaling.printing.columns import Format, column, groups
from bayes_scaling.printing.numbers import count, interval, loss, power
from bayes_scaling.printing.table import Column, print_line, print_table

NAMES = {"": "default", "alone_": "law alone", "huber_": "classical"}
MOST = 4  # lines about rows that differ
MEANING = (
    "Default: the posterior with its drift. Law alone: the posterior of the same runs without one. "
    "Classical: Chinchilla's law by a Huber loss, each group by itself, with 20 bootstrap resamples. Medians "
    "(of the classical fit its estimate) and 90% intervals."
)


def print_estimators(table: pd.DataFrame) -> None:
    """`bayes_scaling.questions.estimators.estimators`, the three as columns."""
    print_line("")
    print_table(estimator_columns(table))
    print_line(MEANING)
    if not (table["alone_how"] == SAMPLED).all():
        print_line("The law alone was not sampled: its draws are of a normal at its mode, if there is one.")


def estimator_columns(table: pd.DataFrame) -> list[Column]:
    """Params and loss, a row for each estimator."""
    rows = table.loc[table.index.repeat(len(NAMES))].reset_index(drop=True)
    prefixes = list(NAMES) * len(table)
    records = list(zip(rows.to_dict("records"), prefixes, strict=True))
    columns = [
        *groups(rows),
        column(rows, "compute (FLOPs)", "compute", power),
        Column("estimator", tuple(NAMES[prefix] for prefix in prefixes), right=False),
    ]
    forms: dict[str, Format] = {"params": count, "loss": loss}
    for quantity, form in forms.items():
        cells = tuple(_estimate(row, f"{prefix}{quantity}", form) for row, prefix in records)
        columns.append(Column(f"{quantity} (90% interval)", cells))
    return columns


def estimator_remarks(table: pd.DataFrame) -> list[str]:
    """One line for each row of `bayes_scaling.questions.estimators.disagreements`, of many the first few."""
    told = [_remark(row) for row in table.head(MOST).to_dict("records")]
    left = len(table) - len(told)
    more = f"the estimators differ in {left} more rows; frontier --beside has them all as columns."
    return [*told, more] if left else told


def _remark(row: dict[Any, Any]) -> str:
    """All three of what differs, params or the loss there, and by how much the drift moves both."""
    where = f"{row['architecture']}, context {row['context_length']}, {power(row['compute'])} FLOPs"
    sizes = row["alone_params_gap"] > APART
    quantity = "params" if sizes else "loss"
    form: Format = count if sizes else loss
    what = "optimal params" if sizes else "the loss of the optimum"
    names = {"": "the default gives", "alone_": "the law alone", "huber_": "the classical Huber fit"}
    if row["alone_how"] != SAMPLED:
        names["alone_"] += " (normal at its mode)"
    told = [
        f"{name} {_estimate(row, f'{prefix}{quantity}', form)}"
        for prefix, name in names.items()
        if np.isfinite(row[f"{prefix}{quantity}_median"])
    ]
    moved = f"{row['params_median'] / row['alone_params_median'] - 1:+.0%}"
    nats = f"{row['loss_median'] - row['alone_loss_median']:+.4f} nats"
    moves = (
        f"the params by {moved}, the loss there by {nats}"
        if sizes
        else f"it by {nats}, the params by {moved}"
    )
    return (
        f"{where}: of {what} {', '.join(told)}. Default and law alone differ by more than both intervals "
        f"allow: the drift moves {moves}."
    )


def _estimate(row: dict[Any, Any], name: str, form: Format) -> str:
    """A median with its interval; a dash where there is none."""
    if not np.isfinite(row[f"{name}_median"]):
        return "-"
    return f"{form(row[f'{name}_median'])} ({interval(form(row[f'{name}_q05']), form(row[f'{name}_q95']))})"
