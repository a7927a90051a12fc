"""The kept forecasts of a back-test: a table of scores, in front of it what it belongs to and its digest."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bayes_scaling.errors import RunsError
from bayes_scaling.files.small import read_small_text
from bayes_scaling.files.small_csv import parse_csv
from bayes_scaling.files.whole import write_text

REMEDY = "remove it, and run the back-test again with this folder"
_HEAD = "# bayes_scaling back-test 3 study={study} key={key} sha256={digest}\n"
_PATTERN = re.compile(r"# bayes_scaling back-test 3 study=(\w+) key=(\w+) sha256=(\w+)\n")
_TEXT = ("architecture", "by", "split", "forecaster")


@dataclass(frozen=True, eq=False)
class Kept:
    """One split by one forecaster.

    Attributes
    ----------
    study : str
        Of the runs and the settings; shared by all forecasts of a back-test.
    key : str
        Of all that the scores depend on.
    rows : DataFrame
        See `bayes_scaling.calibration.backtest.Backtest`.
    """

    study: str
    key: str
    rows: pd.DataFrame


def write_kept(path: Path, kept: Kept) -> None:
    """Write a forecast, whole or not at all.

    Raises
    ------
    RunsError
        It cannot be written.
    """
    table = kept.rows.to_csv(index=False)
    head = _HEAD.format(study=kept.study, key=kept.key, digest=_digest(kept.study, kept.key, table))
    write_text(path, head + table, error=RunsError)


def read_kept(path: Path) -> Kept:
    """Read a forecast that `write_kept` wrote.

    Raises
    ------
    RunsError
        The file cannot be read, is of something else or of an earlier version, or was changed.
    """
    text = read_small_text(path, error=RunsError, remedy=f"Remedy: {REMEDY}")
    found = _PATTERN.match(text)
    if found is None:
        raise RunsError(f"{path}: not of a back-test of this version. Remedy: {REMEDY}")
    study, key, digest = found.groups()
    table = text[found.end() :]
    if digest != _digest(study, key, table):
        raise RunsError(f"{path}: changed since it was written (SHA-256 differs). Remedy: {REMEDY}")
    return Kept(study, key, _rows(table, path))


def _rows(table: str, path: Path) -> pd.DataFrame:
    """With the names as they are, ``None`` and ``NA`` among them, and numbers to the last digit."""
    header = table.split("\n", 1)[0].split(",")
    empty = {name: [""] for name in header if name not in _TEXT}
    return parse_csv(
        table,
        path,
        "a table of scores",
        error=RunsError,
        dtype=dict.fromkeys(_TEXT, str),
        keep_default_na=False,
        na_values=empty,
    )


def _digest(study: str, key: str, table: str) -> str:
    return hashlib.sha256(f"{study}\n{key}\n{table}".encode()).hexdigest()
