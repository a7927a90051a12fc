"""Columns that would change what the numbers mean and that nothing reads: a finding says so."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from bayes_scaling.runs.columns import CANONICAL, normalise
from bayes_scaling.runs.finding import Finding, listed, of_rows, rows_of

ACTIVE = frozenset(
    normalise(name)
    for name in (
        *("active params", "params active", "active parameters", "activated params", "activated parameters"),
        *("n active", "n active params", "num active params", "active param count"),
    )
)
FLAGS = ("outlier", "exclude", "diverged", "invalid")
STATES = frozenset({"state", "status"})
UNFINISHED = frozenset({"crashed", "failed", "running", "killed", "pending", "queued", "diverged", "error"})
SPARSE = 1.2  # times as many params as active ones


def unused(frame: pd.DataFrame) -> Iterable[Finding]:
    """Findings about columns that mark rows, or that count something else than the canonical ones.

    Parameters
    ----------
    frame : DataFrame
        Canonical columns and the others of the table.
    """
    for name in (str(name) for name in frame if name not in CANONICAL):
        known = normalise(name)
        if known in ACTIVE:
            yield from _active(frame, name)
        elif any(word in known for word in FLAGS):
            yield from _flag(frame, name)
        elif known in STATES:
            yield from _state(frame, name)


def _active(frame: pd.DataFrame, name: str) -> Iterable[Finding]:
    """Active params beside all of them: FLOPs go by the active ones."""
    count = pd.to_numeric(frame[name], errors="coerce")
    fewer = count * SPARSE < frame["params"]
    if fewer.any():
        message = (
            f"column {name!r} is not read: 6 * params * tokens counts params that are not active, "
            f"in {of_rows(fewer)}"
        )
        advice = (
            f'give a column flops, or fit active params with columns={{"params": "{name}"}}, under the law '
            "mixture-of-experts with all params as params_total; questions at 6ND are about the params that "
            "are fitted"
        )
        yield Finding("active params", "warning", message, advice, rows_of(fewer))


def _flag(frame: pd.DataFrame, name: str) -> Iterable[Finding]:
    """Rows that a column of truth values marks."""
    if frame[name].dtype.kind != "b":
        return
    marked = frame[name].astype(bool)
    if marked.any() and not marked.all():
        message = f"column {name!r} is true in {of_rows(marked)}, which are read like the others"
        advice = f'where="{_quoted(name)} == False" leaves them out'
        yield Finding("marked rows", "note", message, advice, rows_of(marked))


def _state(frame: pd.DataFrame, name: str) -> Iterable[Finding]:
    """Runs that did not end."""
    words = frame[name].astype(str).str.strip().str.casefold()
    open_ended = words.isin(UNFINISHED)
    if open_ended.any():
        kinds = listed(sorted(set(words[open_ended])))
        finished = words[~open_ended]
        usual = str(frame[name][~open_ended].iloc[0]) if len(finished) else "finished"
        message = f"column {name!r} says {kinds} of {of_rows(open_ended)}, which are read like the others"
        advice = f"where=\"{_quoted(name)} == '{usual}'\" leaves them out"
        yield Finding("unfinished runs", "warning", message, advice, rows_of(open_ended))


def _quoted(name: str) -> str:
    """A column's name as a condition has it."""
    return name if name.isidentifier() else f"`{name}`"
