"""Three estimators of one optimum, as people read them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.posterior.law_alone import SAMPLED
from bayes_scaling.printing.columns import Format, column, groups
from bayes_scaling.printing.numbers import count, interval, loss, power
from bayes_scaling.printing.table import Column, print_line, print_table

NAMES = {"": "default", "alone_": "law alone", "huber_": "classical"}
MEANING = (
    "Default: the posterior with its drift. Law alone: the posterior of the same runs without one. "
    "Classical: Chinchilla's law by a Huber loss, each group by itself, with 40 bootstrap resamples. Medians "
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
    """Columns of the three estimators' params and losses."""
    columns = [*groups(table), column(table, "compute (FLOPs)", "compute", power)]
    for quantity, form in (("params", count), ("loss", loss)):
        for prefix, name in NAMES.items():
            cells = tuple(_estimate(row, f"{prefix}{quantity}", form) for row in table.to_dict("records"))
            columns.append(Column(f"{quantity}, {name}", cells))
    return columns


def estimator_remarks(table: pd.DataFrame) -> list[str]:
    """One line for each row of `bayes_scaling.questions.estimators.disagreements`."""
    return [_remark(row) for row in table.to_dict("records")]


def _remark(row: dict[Any, Any]) -> str:
    where = f"{row['architecture']}, context {row['context_length']}, {power(row['compute'])} FLOPs"
    moved = row["params_median"] / row["alone_params_median"] - 1
    nats = row["loss_median"] - row["alone_loss_median"]
    parts = [f"the default gives {_estimate(row, 'params', count)} params"]
    alone = "the law alone" if row["alone_how"] == SAMPLED else "the law alone (normal at its mode)"
    parts += [
        f"{name} {_estimate(row, f'{prefix}params', count)}"
        for prefix, name in (("alone_", alone), ("huber_", "the classical Huber fit"))
        if np.isfinite(row[f"{prefix}params_median"])
    ]
    return (
        f"{where}: {', '.join(parts)}. The drift moves the params by {moved:+.0%} and the loss there by "
        f"{nats:+.4f} nats, more than both intervals allow."
    )


def _estimate(row: dict[Any, Any], name: str, form: Format) -> str:
    """A median with its interval; a dash where there is none."""
    if not np.isfinite(row[f"{name}_median"]):
        return "-"
    return f"{form(row[f'{name}_median'])} ({interval(form(row[f'{name}_q05']), form(row[f'{name}_q95']))})"
