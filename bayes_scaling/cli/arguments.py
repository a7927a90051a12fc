"""Options that several commands share, and reading their values."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Any

import typer

from bayes_scaling.errors import BudgetError, FitFileError, RunsError


def choices(*known: str) -> dict[str, Any]:
    """An option's metavar and completion where it takes one of some names; its reader refuses others."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in known if name.startswith(incomplete)]

    return {"metavar": f"[{'|'.join(known)}]", "autocompletion": complete}


FitFile = Annotated[Path, typer.Argument(metavar="FIT", help="A fit that `bayes-scaling fit` saved (.nc).")]
RunsFile = Annotated[
    str, typer.Argument(metavar="FILE", help="Runs (.csv, .tsv, .jsonl, .parquet, .feather) or a data set.")
]
MaxDraws = Annotated[
    int | None,
    typer.Option(help="Draws of each chain after which rounds end. Default: ten times --draws."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON array of flat records, nothing else.")]
Compute = Annotated[
    list[str], typer.Option("--compute", metavar="FLOPS", help="Training budgets: 1e21,1e22. Repeatable.")
]
ContextLengths = Annotated[
    list[str] | None,
    typer.Option(
        "--context-length", metavar="TOKENS", help="Default: all fitted. Lists and repeats as above."
    ),
]
Architectures = Annotated[
    list[str] | None, typer.Option("--architecture", metavar="NAME", help="Default: all fitted. Repeatable.")
]
Cost = Annotated[
    str, typer.Option("--cost", help="What training costs per token.", **choices("6ND", "accounted"))
]
Backends = Annotated[str, typer.Option("--backend", help="What samples.", **choices("numpyro", "pymc"))]
UniqueTokens = Annotated[
    float | None,
    typer.Option(metavar="TOKENS", help="Different tokens to draw from, for a law of repetition."),
]
Extrapolate = Annotated[
    bool,
    typer.Option("--extrapolate", help="Answer more than four decades of compute beyond the runs too."),
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="NAME=COLUMN", help="Read NAME from the file's COLUMN. Repeatable."),
]
LAWS = (
    *("gamma", "chinchilla", "kaplan", "varying-exponent", "data-limited", "overfitting"),
    *("mixture-of-experts", "parallel"),
)
POOLINGS = ("partial", "none", "complete")
DISCREPANCIES = ("drift", "none")
ERRORS = ("symmetric", "skewed")
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+")
NUMBER_REMEDY = "give a plain number such as 1e21, or several as 1e21,1e22"


def numbers(values: Sequence[str] | None, option: str) -> list[float] | None:
    """Numbers of a repeatable option that takes lists; None where it was not given.

    Raises
    ------
    BudgetError
        Text that is no number, or a number that is not finite.
    """
    if not values:
        return None
    for value in values:
        _refuse_thousands(value, option)
    return [_number(part, option) for part in _parts(values)]


def required_numbers(values: Sequence[str], option: str) -> list[float]:
    """As `numbers`, and at least one.

    Raises
    ------
    BudgetError
        None, or as for `numbers`.
    """
    found = numbers(values, option)
    if not found:
        raise BudgetError(f"{option}: {NUMBER_REMEDY}")
    return found


def names(values: Sequence[str] | None) -> list[str] | None:
    """Names of a repeatable option; None where it was not given."""
    return list(values) if values else None


def column_map(values: Sequence[str] | None) -> dict[str, str] | None:
    """``NAME=COLUMN`` pairs, a canonical column name to the file's.

    Raises
    ------
    RunsError
        No such pair, or one name twice.
    """
    return _pairs(values, "--column", "NAME=COLUMN, such as architecture=train_set") or None


def constant_map(values: Sequence[str] | None) -> dict[str, str] | None:
    """``NAME=VALUE`` pairs, their values as text.

    Raises
    ------
    RunsError
        No such pair, or one name twice.
    """
    return _pairs(values, "--set", "NAME=VALUE, such as context_length=2048") or None


def covariate_map(values: Sequence[str]) -> dict[str, float]:
    """``NAME=VALUE`` pairs, a covariate to its value.

    Raises
    ------
    RunsError, BudgetError
        No such pair, or one name twice; a value that is no number.
    """
    pairs = _pairs(values, "at", "NAME=VALUE, such as params_total_ratio=8")
    return {name: _number(text, name) for name, text in pairs.items()}


def _pairs(values: Sequence[str] | None, option: str, form: str) -> dict[str, str]:
    """Pairs of a repeatable option."""
    pairs: dict[str, str] = {}
    for text in values or ():
        name, sign, value = (part.strip() for part in text.partition("="))
        if not (name and sign and value):
            raise RunsError(f"{option} {text!r}: give {form}")
        if name in pairs:
            raise RunsError(f"{option} names {name!r} twice: {pairs[name]!r} and {value!r}; give one")
        pairs[name] = value
    return pairs


def check_output(path: Path) -> None:
    """Refuse a place where a fit cannot be written, before any work is done.

    Raises
    ------
    FitFileError
        Not a ``.nc`` name, a folder, or a folder that is missing or closed.
    """
    target = path.expanduser()
    if target.is_dir():
        raise FitFileError(f"{path}: a folder; give a file name such as {path / 'fit.nc'}")
    if target.suffix != ".nc":
        raise FitFileError(f"{path}: a fit is a NetCDF file; give a name that ends in .nc")
    check_folder(path)


def check_folder(wanted: Path) -> None:
    """Refuse a file whose folder does not exist or cannot be written to.

    Raises
    ------
    FitFileError
        It is so.
    """
    folder = wanted.expanduser().resolve().parent
    if not folder.is_dir():
        raise FitFileError(f"{wanted}: the folder {folder} does not exist; make it first")
    try:
        TemporaryFile(dir=folder).close()  # asking for permissions is not enough on every file system
    except OSError as error:
        raise FitFileError(f"{wanted}: cannot write in {folder} ({error.strerror}); choose another") from None


def _parts(values: Sequence[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",")]


def _refuse_thousands(value: str, option: str) -> None:
    """Refuse ``2,048`` and ``16,384``: one number with a thousands separator, or a list of two."""
    text = value.strip()
    joined = text.replace(",", "")
    if not _THOUSANDS.fullmatch(text):
        return
    power = int(joined).bit_count() == 1
    if power or any(part.startswith("0") for part in text.split(",")[1:]):
        listed = text.replace(",", " and ")
        raise BudgetError(
            f"{option} {value!r} may be {joined} or the list {listed}: write {joined}, "
            f"or give {option} once for each number"
        )


def _number(text: str, option: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BudgetError(f"{option} {text!r} is not a number: {NUMBER_REMEDY}")
    return value
