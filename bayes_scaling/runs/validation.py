"""Checks of a table of runs: every fault is found at once, none is repaired in silence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_scaling.errors import RunsError
from bayes_scaling.runs.cell_values import numbers, texts
from bayes_scaling.runs.columns import COUNTS, TEXT
from bayes_scaling.runs.faults import Fault, show
from bayes_scaling.runs.table import Runs

LONGEST_CONTEXT = 2.0**53
FEWEST_RUNS = 2


@dataclass(frozen=True)
class Rule:
    """What a number must not be."""

    code: str
    message: str
    remedy: str
    broken: Callable[[np.ndarray], np.ndarray]


MISSING = Rule("missing value", "has empty or NaN cells", "fill the cell or drop the row", np.isnan)
INFINITE = Rule("infinite", "has infinite values", "give the measured number or drop the row", np.isinf)
ZERO = Rule("zero", "has zeros", "give a number above 0 or drop the row", lambda x: x == 0)
NEGATIVE = Rule(
    "negative",
    "has negative values",
    "give a number above 0 or drop the row",
    lambda x: np.isfinite(x) & (x < 0),
)
FRACTION = Rule(
    "not an integer",
    "has values that are not whole",
    "give the context length in tokens, such as 8192",
    lambda x: np.isfinite(x) & (x > 0) & (x != np.floor(x)),
)
TOO_LONG = Rule(
    "too long",
    "has values beyond any context",
    "give the context length in tokens, such as 8192",
    lambda x: np.isfinite(x) & (x > LONGEST_CONTEXT),
)
BELOW_ONE = Rule(
    "below 1",
    "has values below 1",
    "write how many streams share the params, 1 for an ordinary model",
    lambda x: np.isfinite(x) & (x > 0) & (x < 1),
)
POSITIVE = (MISSING, INFINITE, ZERO, NEGATIVE)
RULES: Mapping[str, tuple[Rule, ...]] = {
    "context_length": (*POSITIVE, FRACTION, TOO_LONG),
    "params": POSITIVE,
    "tokens": POSITIVE,
    "flops": POSITIVE,
    "loss": POSITIVE,
    "loss_sd": (MISSING, INFINITE, NEGATIVE),
    "weight": POSITIVE,
    "unique_tokens": POSITIVE,
    "params_total": POSITIVE,
    "parallel_streams": (*POSITIVE, BELOW_ONE),
}
REMEDIES = {
    ("loss", "missing value"): 'fill the cell or leave the row out, as where="loss > 0" does',
    ("loss_sd", "missing value"): "write 0 where no measurement error is known",
    ("loss_sd", "negative"): "give a standard deviation in nats, 0 or more",
    ("weight", "missing value"): "write 1 for an ordinary run",
    ("weight", "zero"): "drop the run instead of weighting it by 0",
    ("unique_tokens", "missing value"): "write the size of the corpus, 1e15 where nothing was repeated",
    ("params_total", "missing value"): "write params itself where the model is dense",
    ("parallel_streams", "missing value"): "write 1 for an ordinary model",
    ("flops", "missing value"): "fill the cell, or leave the whole column out to use 6 * params * tokens",
}


def check_cells(table: pd.DataFrame, mapping: Mapping[str, str]) -> tuple[dict[str, pd.Series], list[Fault]]:
    """Canonical columns of the right type, and every fault among their cells.

    Parameters
    ----------
    table : DataFrame
        As read.
    mapping : mapping of str to str
        Canonical name to the table's column.

    Returns
    -------
    columns : dict of str to Series
        Whole and valid only where there are no faults.
    faults : list of Fault
    """
    columns: dict[str, pd.Series] = {}
    faults: list[Fault] = []
    for name, original in mapping.items():
        cells = table[original]
        column, found = (_check_text if name in TEXT else _check_number)(name, cells)
        columns[name] = column
        faults += found
    return columns, faults


def check_totals(
    table: pd.DataFrame, mapping: Mapping[str, str], columns: Mapping[str, pd.Series]
) -> list[Fault]:
    """The fault of runs that have fewer params in all than active ones.

    Parameters
    ----------
    table, mapping
        As for `check_cells`.
    columns : mapping of str to Series
        Its columns, free of faults.
    """
    if not {"params", "params_total"} <= set(columns):
        return []
    fewer = (columns["params_total"] < columns["params"]).to_numpy()
    message = f"has fewer params than {mapping['params']!r}, the active ones"
    remedy = "give the params of all experts, params itself where the model is dense"
    return faults_at(table[mapping["params_total"]], fewer, "fewer than active", message, remedy)


def check_size(table: pd.DataFrame) -> list[Fault]:
    """The fault of a table that holds nothing."""
    if table.shape[1] == 0:
        return [Fault("empty table", "", "the table is empty", "give a header and one row for each run")]
    if len(table) == 0:
        return [Fault("header only", "", "the table has a header and no rows", "add one row for each run")]
    return []


def require_fittable(runs: Runs) -> None:
    """Refuse runs that no model can be fitted to.

    Raises
    ------
    RunsError
        Fewer than two runs, or no losses.
    """
    if "loss" not in runs.frame:
        raise RunsError(f"{runs.source}: no column 'loss'. Remedy: fit runs whose loss was measured.")
    if len(runs) < FEWEST_RUNS:
        raise RunsError(
            f"{runs.source}: {len(runs)} run cannot be fitted. "
            "Remedy: give several runs that differ in params and in tokens."
        )


def _check_number(name: str, cells: pd.Series) -> tuple[pd.Series, list[Fault]]:
    values, unreadable = numbers(cells, thousands=name in COUNTS)
    faults = faults_at(
        cells, unreadable, "not a number", "holds text where a number is due", _as_number(name)
    )
    for rule in RULES[name]:
        broken = rule.broken(values) & ~unreadable
        remedy = REMEDIES.get((name, rule.code), rule.remedy)
        faults += faults_at(cells, broken, rule.code, rule.message, remedy)
    column = pd.Series(values + 0.0, name=name)  # + 0.0 turns -0 into 0
    return column.astype("int64") if name == "context_length" and not faults else column, faults


def _as_number(name: str) -> str:
    if name == "context_length":
        return "write the context length in tokens, 8192 and not 8k"
    if name in COUNTS:
        return "write a plain number, 160000000 or 1.6e8 and not 160M"
    return "write a plain number with a decimal point"


def _check_text(name: str, cells: pd.Series) -> tuple[pd.Series, list[Fault]]:
    values, unreadable = texts(cells)
    column = pd.Series(values, name=name, dtype="str")
    empty = (column == "").to_numpy(dtype=bool) & ~unreadable
    remedy = "name it in every row"
    words = f'write words such as "{cells.name} on" and "{cells.name} off"'
    mended = words if cells.dtype.kind == "b" else "write a word in every row"
    faults = faults_at(cells, unreadable, "not text", "holds values that are no text", mended)
    faults += faults_at(cells, empty, "empty text", "has empty cells", remedy)
    if name == "run_id":
        twice = column.duplicated(keep=False).to_numpy(dtype=bool) & ~empty & ~unreadable
        what = "names more than one run alike"
        faults += faults_at(
            cells, twice, "repeated run_id", what, "drop the copy or give each run its own run_id"
        )
    return column, faults


def faults_at(cells: pd.Series, bad: np.ndarray, code: str, message: str, remedy: str) -> list[Fault]:
    """A fault at the bad cells, or none."""
    rows: Sequence[int] = [int(i) for i in np.flatnonzero(bad)]
    if not rows:
        return []
    values = tuple(show(cells.iloc[row]) for row in rows)
    return [Fault(code, str(cells.name), message, remedy, tuple(rows), values)]
