"""A file of predictions that shows when it was written and that nothing in it changed since."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from bayes_scaling.errors import SweepError

KIND = "bayes_scaling preregistration"
VERSION = 1


def write_record(path: Path, content: dict[str, Any]) -> str:
    """Write a new record and give its SHA-256.

    Raises
    ------
    SweepError
        There is such a file: predictions are written once.
    """
    if path.exists():
        raise SweepError(
            f"{path}: is there already. Remedy: name another file; predictions are written once."
        )
    body = {"kind": KIND, "version": VERSION, **content}
    digest = _digest(body)
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(json.dumps({**body, "sha256": digest}, indent=1) + "\n", encoding="utf-8")
    part.replace(path)
    return digest


def read_record(path: Path) -> dict[str, Any]:
    """A record, after a check of its SHA-256.

    Raises
    ------
    SweepError
        No such file, another kind of file, or one that was changed.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SweepError(f"{path}: cannot be read ({error}). Remedy: name a file that "
                         "`bayes-scaling sweep preregister` wrote.") from error  # fmt: skip
    if not isinstance(content, dict) or content.get("kind") != KIND or content.get("version") != VERSION:
        raise SweepError(f"{path}: holds no predictions. Remedy: name a file that "
                         "`bayes-scaling sweep preregister` wrote.")  # fmt: skip
    known = content.pop("sha256", None)
    found = _digest(content)
    if found != known:
        raise SweepError(f"{path}: changed since it was written (SHA-256 {found}, in the file {known}).")
    return {**content, "sha256": found}


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
