"""Data sets that are fetched from their public home on request, checked and kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pooch

from bayes_scaling.data.catalog import entry_of, shipped_path
from bayes_scaling.data.gadre import read_gadre
from bayes_scaling.data.reading import read_file
from bayes_scaling.errors import RunsError
from bayes_scaling.files.whole import whole, write_text

VARIABLE = "BAYES_SCALING_DATA"
ELSEWHERE = f"name another folder with {VARIABLE}"
TIMEOUT = 60  # seconds for the server's answer
READERS: dict[str, Callable[[Path], Any]] = {"gadre": read_gadre}


def data_folder() -> Path:
    """Where fetched files are kept: the folder that BAYES_SCALING_DATA names, else the user's cache."""
    return Path(os.environ.get(VARIABLE) or pooch.os_cache("bayes-scaling")).expanduser()


def fetch(name: str, *, trust: bool = False) -> Path:
    """The table of a data set, fetched the first time it is asked for.

    What came is checked against the catalogue's SHA-256. A set whose entry has none is accepted once, with
    ``trust=True``. The SHA-256 of file and table are then kept beside them in ``<name>.sha256``, and
    every later reading is checked against that.

    Parameters
    ----------
    name : str
        Of `bayes_scaling.data.datasets`.
    trust : bool
        Accept the first download of a set without a known checksum.

    Returns
    -------
    Path
        A CSV with the package's columns, in `data_folder`; for a set that ships, its file.

    Raises
    ------
    RunsError
        The set is not one that is fetched; no network, which names the address, the file and the folder
        to put it in by hand; no known checksum and no trust; a content that is not the known one.

    Examples
    --------
    >>> bs.data.fetch("gadre")  # doctest: +SKIP
    """
    entry = entry_of(name)
    if entry["kind"] == "shipped":
        return shipped_path(name)
    if entry["kind"] == "imported":
        raise RunsError(f"{name} is imported, not fetched. Remedy: clone {entry['url']} and call "
                        f"{entry['importer']}.")  # fmt: skip
    source = data_folder() / str(entry["file"])
    table = source.with_suffix(".csv")
    record = source.with_name(f"{name}.sha256")
    known = _recorded(record)
    if not _unchanged(table, known):
        _demand_trust(name, entry, trust or source.name in known)
        _download(name, entry, source)
        if not entry.get("sha256"):
            _unchanged(source, known)
        frame = _mapped(READERS.get(name, _read_table)(source), entry, source)
        _check(frame, entry.get("sha256"), source)
        with whole(table, error=RunsError, remedy=ELSEWHERE) as part:
            frame.to_csv(part, index=False)
        write_text(record, _sums(source, table), error=RunsError, remedy=ELSEWHERE)
    return table


def content_hash(frame: pd.DataFrame) -> str:
    """SHA-256 of run_id, params, tokens and loss (to 1e-6), whatever the order of rows."""
    columns = [frame[name] for name in ("run_id", "params", "tokens", "loss")]
    lines = sorted(f"{n},{int(p)},{int(d)},{loss:.6f}" for n, p, d, loss in zip(*columns, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _recorded(record: Path) -> dict[str, str]:
    """SHA-256 by file name, as written by `_sums`."""
    if not record.is_file():
        return {}
    lines = record.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _sums(*paths: Path) -> str:
    """In the format of ``sha256sum``."""
    return "".join(f"{_sha256(path)}  {path.name}\n" for path in paths)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _unchanged(path: Path, known: dict[str, str]) -> bool:
    """Whether a file is there and on record.

    Raises
    ------
    RunsError
        It is there and not as recorded.
    """
    if not path.is_file() or path.name not in known:
        return False
    found = _sha256(path)
    if found != known[path.name]:
        raise RunsError(
            f"{path}: changed since it was fetched (SHA-256 {found}, on record {known[path.name]}). "
            "Remedy: remove it and the record beside it (.sha256) and fetch again."
        )
    return True


def _demand_trust(name: str, entry: dict[str, Any], trust: bool) -> None:
    if not trust and not entry.get("sha256"):
        raise RunsError(
            f"{name} has no known checksum: {entry['file']} from {entry['url']} cannot be checked the first "
            f"time. Remedy: call bs.data.fetch({name!r}, trust=True) once; its SHA-256 is then kept."
        )


def _download(name: str, entry: dict[str, Any], path: Path) -> None:
    """The file as put there by hand, or from its address."""
    if path.is_file():
        return
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # it would tell the user to write a hash into code
    try:
        downloader = pooch.HTTPDownloader(timeout=TIMEOUT)
        pooch.retrieve(entry["url"], None, fname=path.name, path=path.parent, downloader=downloader)
    except Exception as error:  # each network library has errors of its own
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise RunsError(
            f"{name} could not be fetched ({reason}). Remedy: connect and ask again, or download "
            f"{entry['url']} elsewhere and put it as {path.name} into {path.parent}."
        ) from None
    finally:
        logger.setLevel(level)


def _read_table(path: Path) -> pd.DataFrame:
    return read_file(path).frame


def _mapped(frame: pd.DataFrame, entry: dict[str, Any], path: Path) -> pd.DataFrame:
    """The table with the package's columns, as the catalogue's entry maps them."""
    columns = {str(original): name for name, original in entry.get("columns", {}).items()}
    missing = [original for original in columns if original not in frame]
    if missing:
        raise RunsError(f"{path}: no column {missing[0]!r}. Remedy: remove the file and fetch again; if it "
                        "stays so, the source has changed.")  # fmt: skip
    return frame.rename(columns=columns).assign(**entry.get("constants", {}))


def _check(frame: pd.DataFrame, wanted: str | None, path: Path) -> None:
    found = content_hash(frame) if wanted else None
    if found != wanted:
        raise RunsError(
            f"{path}: the content is not the known one (SHA-256 {found}, not {wanted}). Remedy: remove the "
            "file and ask again; if it stays so, the source has changed."
        )
