"""What tells runs of one design apart, when their losses do not agree."""

from __future__ import annotations

import re

import pandas as pd

from bayes_scaling.runs.columns import CANONICAL
from bayes_scaling.runs.finding import listed
from bayes_scaling.runs.trainings import DESIGN

MOST_DESIGNS = 0.5  # a column varies in more of the repeated designs than this
LEFT_APART = 0.03  # of the loss, among runs that a recipe makes alike
_OUTCOME = re.compile(
    r"loss|acc|bpb|ppl|perplexity|score|eval|val|test|time|hour|secs?$|_s$|_ms$|seed|index|id$|step", re.I
)
MISSING = "a column that tells them apart, such as the corpus, may be missing from architecture"


def what_varies(frame: pd.DataFrame) -> str:
    """Advice on runs of one design whose losses lie apart.

    Parameters
    ----------
    frame : DataFrame
        Those runs alone. A column of words that makes the losses agree tells recipes; numbers that vary,
        outcomes and seeds aside, tell settings that were swept.
    """
    recipes = [name for name in _varying(frame, numeric=False) if _settles(frame, name)]
    settings = [name for name in _varying(frame, numeric=True) if not _OUTCOME.search(name)]
    if recipes:
        return f"{MISSING}: {listed([repr(name) for name in recipes])}"
    if settings:
        named = f"{listed(settings)} {'vary' if len(settings) > 1 else 'varies'} among them"
        return (
            f'{named}: keep the best of each with take="best" and within=["params", "tokens"], '
            'or fit with errors="skewed"'
        )
    return MISSING


def _varying(frame: pd.DataFrame, numeric: bool) -> list[str]:
    """The columns besides the canonical ones that vary among runs of one design."""
    extra = [
        str(name)
        for name in frame
        if name not in CANONICAL and (frame[name].dtype.kind in "iuf") == numeric and _hashable(frame[name])
    ]
    counts = frame.groupby(_keys(frame), sort=False)[extra].nunique()
    return [name for name in extra if (counts[name] > 1).mean() > MOST_DESIGNS]


def _settles(frame: pd.DataFrame, name: str) -> bool:
    """Whether the losses of most designs agree once a column is among their keys."""
    groups = frame.groupby([*_keys(frame), name], sort=False)["loss"]
    agree = groups.transform("max") / groups.transform("min") - 1 <= LEFT_APART
    alone = frame[name].nunique() == len(frame)  # a name of each row tells nothing
    return bool(agree.mean() > MOST_DESIGNS) and not alone


def _keys(frame: pd.DataFrame) -> list[str]:
    return [name for name in DESIGN if name in frame]


def _hashable(column: pd.Series) -> bool:
    """Whether cells can be compared: lists and records out of JSON cannot."""
    return column.dtype != object or not column.map(lambda cell: isinstance(cell, list | dict)).any()
