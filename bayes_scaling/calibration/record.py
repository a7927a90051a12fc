"""A file of predictions that shows when it was written and that nothing in it changed since."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec

from bayes_scaling.calibration.record_parts import Record
from bayes_scaling.errors import RecordError
from bayes_scaling.files.small import read_json
from bayes_scaling.files.whole import write_text

KIND = "bayes_scaling preregistration"
VERSION = 2  # 1 held seven quantiles of each run and nothing of the runs that had been fitted
READ = (1, VERSION)
REMEDY = "Remedy: name a file that `bayes-scaling preregister` wrote."


def write_record(path: Path, content: dict[str, Any]) -> str:
    """Write a new record and give its SHA-256.

    Raises
    ------
    RecordError
        There is such a file, for predictions are written once; or it cannot be written.
    """
    body = {"kind": KIND, "version": VERSION, **content}
    digest = _digest(body)
    text = json.dumps({**body, "sha256": digest}, indent=1) + "\n"
    write_text(path, text, once=True, error=RecordError, remedy="name a new file")
    return digest


def read_record(path: Path) -> dict[str, Any]:
    """A record, after a check of its SHA-256 and of what it holds.

    Raises
    ------
    RecordError
        No such file, another kind of file, or one that was changed.
    """
    return read_json(
        path,
        lambda content: _checked(content, path),
        "a record",
        error=RecordError,
        remedy=REMEDY,
    )


def _checked(content: Any, path: Path) -> dict[str, Any]:
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise RecordError(f"{path}: holds no predictions. {REMEDY}")
    if content.get("version") not in READ:
        raise RecordError(
            f"{path}: of version {content.get('version')!r}, and this package reads {READ}. "
            "Remedy: update the package."
        )
    known = content.pop("sha256", None)
    found = _digest(content)
    if found != known:
        raise RecordError(
            f"{path}: changed since it was written (SHA-256 {found}, in the file {known}). "
            "Remedy: take the file as it was written."
        )
    check_parts(content, Record, path)
    return {**content, "sha256": found}


def check_parts(content: dict[str, Any], parts: type[msgspec.Struct], path: str | Path) -> None:
    """Refuse a record whose parts are not those of a schema of `record_parts`.

    Raises
    ------
    RecordError
        A part is missing or of another type.
    """
    try:
        msgspec.convert(content, parts)
    except msgspec.ValidationError as error:
        raise RecordError(f"{path}: not a record of predictions ({error}). {REMEDY}") from error


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
