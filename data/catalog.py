"""The catalogue of data sets: what ships, what can be fetched and what can be imported."""

from __future__ import annotations

import hashlib
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_scaling.errors import RunsError

FOLDER = Path(__file__).parent
FIELDS = (
    *("name", "kind", "description", "units", "licence", "source"),
    *("url", "file", "sha256", "citation", "importer"),
)


@cache
def _entries() -> dict[str, dict[str, Any]]:
    return tomllib.loads((FOLDER / "catalog.toml").read_text(encoding="utf-8"))


NAMES: tuple[str, ...] = tuple(_entries())


def datasets() -> pd.DataFrame:
    """The data sets that this package knows by name.

    Returns
    -------
    DataFrame
        One row a data set, all columns text, empty where there is nothing to say: name; kind (shipped;
        fetched on request by `bayes_scaling.load_runs` and `bayes_scaling.data.fetch`; imported from a clone
        by the ``importer``); description, units, licence, source, url, file; sha256 of a shipped file, or
        of the content of a fetched one (empty: not known, see `bayes_scaling.data.fetch`); citation, the key
        of its BibTeX entry in `bayes_scaling.posterior.citing`; importer.

    Examples
    --------
    >>> bs.data.datasets()["name"].tolist()
    ['simulated', 'measured', 'gadre', 'xlstm-study', 'gemstones', 'olmo-ladder']
    """
    rows = [{"name": name, **entry} for name, entry in _entries().items()]
    return pd.DataFrame(rows, columns=list(FIELDS)).fillna("")


def entry_of(name: str) -> dict[str, Any]:
    """The catalogue's entry.

    Raises
    ------
    RunsError
        No such data set.
    """
    if name not in NAMES:
        raise RunsError(f"no data set {name!r}. Remedy: choose one of {', '.join(NAMES)}.")
    return _entries()[name]


def shipped_path(name: str) -> Path:
    """The file of a data set that ships, after a check of its SHA-256.

    Raises
    ------
    RunsError
        The name is unknown, or the file is missing or changed.
    """
    entry = entry_of(name)
    path = FOLDER / str(entry["file"])
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
    if found != entry["sha256"]:
        raise RunsError(
            f"{path}: changed since it was shipped (SHA-256 {found}). Remedy: install the package again."
        )
    return path
