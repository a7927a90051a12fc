"""The catalogue of data sets that ship with the package."""

from __future__ import annotations

import hashlib
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_scaling.errors import RunsError

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path(__file__).parent
FIELDS = ("name", "description", "units", "licence", "source", "file", "sha256")


@cache
def _entries() -> dict[str, dict[str, Any]]:
    return tomllib.loads((FOLDER / "catalog.toml").read_text(encoding="utf-8"))


NAMES: tuple[str, ...] = tuple(_entries())


def datasets() -> pd.DataFrame:
    """The data sets that `bayes_scaling.load_runs` knows by name.

    Returns
    -------
    DataFrame
        One row a data set: name, description, units, licence, source, file, sha256 of the file.
    """
    import pandas as pd

    rows = [{"name": name, **entry} for name, entry in _entries().items()]
    return pd.DataFrame(rows, columns=list(FIELDS))


def dataset_path(name: str) -> Path:
    """The file of a data set, after a check of its SHA-256.

    Raises
    ------
    RunsError
        The name is unknown, or the file is missing or changed.
    """
    if name not in NAMES:
        raise RunsError(f"no data set {name!r}. Remedy: choose one of {', '.join(NAMES)}.")
    entry = _entries()[name]
    path = FOLDER / str(entry["file"])
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
    if found != entry["sha256"]:
        raise RunsError(
            f"{path}: changed since it was shipped (SHA-256 {found}). Remedy: install the package again."
        )
    return path
