"""Small CSV files of the user's as tables: see `bayes_scaling.files.small`."""

from __future__ import annotations

import csv
import io
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.files.small import read_small_text, understood


def read_csv(
    path: str | Path,
    what: str,
    *,
    error: type[BayesScalingError] = BayesScalingError,
    remedy: str = "mend it or give another",
    **options: Any,
) -> pd.DataFrame:
    """The table in a small CSV file.

    Parameters
    ----------
    path, what, error, remedy
        As for `read_toml`.
    **options
        Of `pandas.read_csv`.

    Raises
    ------
    BayesScalingError
        Of the type ``error``: the file cannot be read, has no header, a column twice or a
        row that is longer.
    """
    text = read_small_text(path, error=error, remedy=remedy)
    return parse_csv(text, path, what, error=error, remedy=remedy, **options)


def parse_csv(
    text: str,
    place: str | Path,
    what: str,
    *,
    error: type[BayesScalingError] = BayesScalingError,
    remedy: str = "mend it or give another",
    **options: Any,
) -> pd.DataFrame:
    """The table in a text; arguments and errors as for `read_csv`."""
    with understood(place, what, error=error, remedy=remedy):
        header = next(csv.reader(io.StringIO(text)), [])
        twice = [name for name in header if header.count(name) > 1]
        if twice:
            raise error(f"{place}: column {twice[0]!r} is there twice; {remedy}")
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # cells would be dropped
            return pd.read_csv(io.StringIO(text), index_col=False, on_bad_lines="error", **options)
