"""The answer to "what shall I train" within 80 columns: in words, in numbers, and how far to trust both."""

from __future__ import annotations

from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.decisions.decide import Decision
from bayes_scaling.faces.loss_unit import in_loss_unit
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.printing.columns import Format
from bayes_scaling.printing.decisions import headlines
from bayes_scaling.printing.numbers import count, interval, loss, power
from bayes_scaling.printing.table import Column, print_line, print_table
from bayes_scaling.printing.views import far_remark, lost_remark, reach_remark, unseen_remark

WIDTH = 80
NAME = 18  # columns of an architecture's name; longer ones go on below
QUANTITIES: tuple[tuple[str, str, Format], ...] = (
    ("params", "params", count),
    ("tokens", "tokens", count),
    ("loss", "loss (nats/token)", loss),
)
CLASSICAL = (
    "Medians and 90% intervals of the optimum. Classical: Chinchilla's law by a Huber loss, each "
    "architecture and context by itself."
)


def print_answer(fit: Fit, table: pd.DataFrame, decision: Decision) -> None:
    """What to train at each budget, how sure that is, and how far from the runs.

    Parameters
    ----------
    fit : Fit
    table : DataFrame
        A frontier's rows with the classical fit's, `bayes_scaling.questions.estimators.beside_classical`.
    decision : Decision
        Of the same question.
    """
    _say(_runs(fit))
    far = far_remark(table)
    if far:
        _say(f"Far: {far}")
    for line in headlines(decision):
        print_line()
        _say(line)
    print_line()
    for _, rows in table.groupby(["context_length", "compute"], sort=False):
        first = rows.iloc[0]
        print_line(f"{power(first['compute'])} FLOPs, context {first['context_length']}{_far(rows)}")
        print_line()
        print_table(answer_columns(rows))
    _say(f"{CLASSICAL} Cost {table['cost'].iloc[0]}.")
    for remark in (reach_remark(table, "answers"), unseen_remark(table), lost_remark(table)):
        if remark:
            _say(f"Note: {remark}")


def answer_columns(table: pd.DataFrame) -> list[Column]:
    """Three rows for each architecture: params, tokens and the loss there."""
    cells: list[tuple[str, ...]] = []
    for row in table.to_dict("records"):
        name = wrap(str(row["architecture"]), NAME) or [""]
        lines = max(len(name), len(QUANTITIES))
        numbers = [_numbers(row, *quantity) for quantity in QUANTITIES]
        numbers += [("",) * 4] * (lines - len(numbers))
        name += [""] * (lines - len(name))
        cells += [(part, *line) for part, line in zip(name, numbers, strict=True)]
    titles = ("architecture", "train", "median", "90% interval", "classical")
    columns = zip(*cells, strict=True)
    return [
        Column(title, tuple(column), right=i > 1)
        for i, (title, column) in enumerate(zip(titles, columns, strict=True))
    ]


def _numbers(row: dict[Any, Any], name: str, title: str, form: Format) -> tuple[str, str, str, str]:
    """One quantity: its title, median, interval and classical estimate."""
    ends = interval(form(row[f"{name}_q05"]), form(row[f"{name}_q95"]))
    other = row["huber_tokens" if name == "tokens" else f"huber_{name}_median"]
    return in_loss_unit(title), form(row[f"{name}_median"]), ends, form(other) if np.isfinite(other) else "-"


def _runs(fit: Fit) -> str:
    """What was fitted, in a sentence."""
    frame = fit.runs.frame
    low, high = power(frame["flops"].min()), power(frame["flops"].max())
    return (
        f"{len(frame)} runs of {', '.join(fit.architectures)}, {low} to {high} FLOPs. Checks: {fit.status}."
    )


def _far(rows: pd.DataFrame) -> str:
    """How far a budget lies from the runs."""
    far = float(rows["compute_extrapolation_decades"].max())
    return f", {far:.1f} decades of compute beyond the runs" if far >= 0.05 else ", within the runs"


def _say(text: str) -> None:
    """A text in lines of 80 columns."""
    for line in wrap(text, WIDTH, break_on_hyphens=False):
        print_line(line)
