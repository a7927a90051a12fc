"""Read a table from a file. A file that cannot be read is a RunsError."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pandas as pd
from pyarrow.feather import read_table
from pyarrow.parquet import ParquetFile

from bayes_scaling.data.catalog import NAMES
from bayes_scaling.data.delimited import infer, read_delimited, read_text
from bayes_scaling.errors import RunsError
from bayes_scaling.runs.finding import Finding

_SAVE_AGAIN = "Remedy: save the table again, as .csv if in doubt."
_MAGIC = {b"PAR1": ".parquet", b"ARROW1": ".feather", b"FEA1": ".feather"}
_Read = tuple[pd.DataFrame, tuple[int, ...] | None, tuple[Finding, ...]]
_Reader = Callable[[Path], _Read]
_FOREIGN = {b"PK\x03\x04": "a spreadsheet or zip archive", b"\x1f\x8b": "gzip-compressed", b"%PDF": "a PDF"}


@dataclass(frozen=True)
class Table:
    """A table as read.

    Attributes
    ----------
    frame : DataFrame
        Indexed from 0, column names stripped text.
    source : str
    lines : tuple of int or None
        The line of the file that holds each row, from 1; None where the source has no lines.
    notes : tuple of Finding
        What the reader took for what, and what it left out.
    """

    frame: pd.DataFrame
    source: str
    lines: tuple[int, ...] | None = None
    notes: tuple[Finding, ...] = ()


def read_file(path: Path) -> Table:
    """The table in a file; ``~`` is the user's folder.

    Raises
    ------
    RunsError
        No such file, not a file, empty, of a kind not read here, or damaged.
    """
    try:
        path = path.expanduser()
        reader = _reader(path)
        frame, lines, notes = reader(path)
        return Table(plain(frame), str(path), lines, notes)
    except RunsError:
        raise
    except Exception as error:  # parsers of damaged files raise whatever they like
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise RunsError(f"{path}: cannot be read ({reason}). {_SAVE_AGAIN}") from error


def _reader(path: Path) -> _Reader:
    """The reader for a file that is there and is of the kind its name says."""
    if not path.exists():
        raise RunsError(f"{path}: no such file or data set. Remedy: {_near(path)}")
    if not path.is_file():
        raise RunsError(f"{path}: a folder or device, not a file. Remedy: give a file inside it.")
    kind = path.suffix.lower()
    if kind not in _READERS:
        raise RunsError(
            f"{path}: files of kind {kind!r} are not read. Remedy: save as one of {', '.join(_READERS)}."
        )
    with path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise RunsError(f"{path}: the file is empty. Remedy: give a header and one row for each run.")
    _check_kind(path, kind, start)
    return _READERS[kind]


def _check_kind(path: Path, kind: str, start: bytes) -> None:
    """Refuse content that belongs to another kind of file."""
    for magic, real in _MAGIC.items():
        if start.startswith(magic) and _READERS[real] is not _READERS[kind]:
            raise RunsError(f"{path}: this is a {real} file. Remedy: rename it to end in {real}.")
    for magic, real in _FOREIGN.items():
        if start.startswith(magic):
            raise RunsError(f"{path}: the content is {real}, not {kind}. Remedy: export the table as .csv.")


def _near(path: Path) -> str:
    """Names close to one that was not found."""
    folder = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = get_close_matches(path.name, [*NAMES, *folder], n=3, cutoff=0.5)
    listed = f"data sets: {', '.join(NAMES)}"
    return f"did you mean {', '.join(near)}? ({listed})" if near else f"check the path ({listed})."


def _delimited(path: Path) -> _Read:
    return read_delimited(read_text(path), str(path), path.suffix.lower())


def _json_lines(path: Path) -> _Read:
    """One JSON object a line; what lies in objects inside it gets a dotted name."""
    records: list[dict[str, Any]] = []
    lines = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            records.append(_flat(_json_object(line, f"{path}: line {number}")))
            lines.append(number)
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {name: infer([record.get(name) for record in records]) for name in names}
    return pd.DataFrame(columns, index=range(len(records))), tuple(lines), ()


def _flat(record: dict[str, Any], depth: int = 5) -> dict[str, Any]:
    """A record with objects inside it spread over dotted names; deep ones stay as they are."""
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict) and value and depth:
            flat |= {f"{name}.{inner}": cell for inner, cell in _flat(value, depth - 1).items()}
        else:
            flat[name] = value
    return flat


def _json_object(line: str, place: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RunsError(f"{place} is not JSON ({error}). Remedy: write one JSON object a line.") from error
    if not isinstance(record, dict):
        raise RunsError(
            f'{place} is not a JSON object. Remedy: write one object a line, {{"loss": 2.9, ...}}.'
        )
    return record


def _parquet(path: Path) -> _Read:
    with ParquetFile(path) as file:
        return _checked(file.read()), None, ()


def _feather(path: Path) -> _Read:
    return _checked(read_table(path, memory_map=False)), None, ()


def _checked(table: Any) -> pd.DataFrame:
    """An Arrow table as a DataFrame, once its text is known to be UTF-8 and its offsets to be in range."""
    table.validate(full=True)
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy indexed from 0 with column names that are stripped text; a named index becomes columns."""
    names = [str(name).strip() for name in frame.index.names if name is not None]
    keep = len(names) == frame.index.nlevels and not set(names) & {str(name).strip() for name in frame}
    table = frame.reset_index(drop=not keep)
    table.columns = [str(name).strip() for name in table.columns]
    return table


_READERS: dict[str, _Reader] = {
    ".csv": _delimited,
    ".tsv": _delimited,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
    ".feather": _feather,
}
