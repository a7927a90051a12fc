"""Data sets that are fetched from their public home on request, checked and kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from bayes_scaling.data.catalog import entry_of
from bayes_scaling.data.gadre import read_gadre
from bayes_scaling.errors import RunsError

if TYPE_CHECKING:
    import pandas as pd

VARIABLE = "BAYES_SCALING_DATA"
TIMEOUT = 60  # seconds for the server's answer
READERS: dict[str, Callable[[Path], Any]] = {"gadre": read_gadre}


def data_folder() -> Path:
    """Where fetched files are kept: the folder that BAYES_SCALING_DATA names, else the user's cache."""
    import pooch

    return Path(os.environ.get(VARIABLE) or pooch.os_cache("bayes-scaling")).expanduser()


def fetch(name: str) -> Path:
    """The CSV of a data set that does not ship, fetched the first time.

    Parameters
    ----------
    name : str

    Returns
    -------
    Path
        In `data_folder`.

    Raises
    ------
    RunsError
        The set is not one that is fetched; no network, which names the file to put by hand; a file whose
        content is not the one the catalogue knows.
    """
    entry = entry_of(name)
    if entry["kind"] == "imported":
        raise RunsError(f"{name} is imported: clone {entry['url']} and call bs.import_xlstm_study(folder).")
    folder = data_folder()
    if entry["kind"] == "by hand":
        return _by_hand(folder / str(entry["file"]), name, str(entry["url"]))
    table = folder / f"{name}.csv"
    if not table.is_file():
        frame = READERS[name](_archive(folder, name, entry))
        _check(frame, str(entry["sha256"]), folder / str(entry["file"]))
        _write(frame, table)
    return table


def content_hash(frame: pd.DataFrame) -> str:
    """SHA-256 of name, params, tokens and loss (to 1e-6), whatever the order of rows."""
    columns = [frame[name] for name in ("name", "params", "tokens", "loss")]
    lines = sorted(f"{n},{int(p)},{int(d)},{loss:.6f}" for n, p, d, loss in zip(*columns, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _by_hand(path: Path, name: str, url: str) -> Path:
    if path.is_file():
        return path
    raise RunsError(
        f"{name} is not fetched: its tables differ from run to run. Remedy: make a CSV of architecture, "
        f"context_length, params, tokens, loss from {url} and put it at {path}."
    )


def _archive(folder: Path, name: str, entry: dict[str, Any]) -> Path:
    """The archive as put there by hand or downloaded."""
    import pooch

    path = folder / str(entry["file"])
    if path.is_file():
        return path
    try:
        downloader = pooch.HTTPDownloader(timeout=TIMEOUT)
        pooch.retrieve(entry["url"], None, fname=path.name, path=folder, downloader=downloader)
    except Exception as error:  # each network library has errors of its own
        path.unlink(missing_ok=True)
        raise RunsError(
            f"{name} could not be fetched ({type(error).__name__}). Remedy: connect and ask again, or "
            f"download {entry['url']} elsewhere and put it at {path}."
        ) from None
    return path


def _check(frame: pd.DataFrame, wanted: str, path: Path) -> None:
    found = content_hash(frame)
    if found != wanted:
        raise RunsError(
            f"{path}: the content is not the known one (SHA-256 {found}, not {wanted}). Remedy: remove the "
            "file and ask again; if it stays so, the source has changed."
        )


def _write(frame: pd.DataFrame, path: Path) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8") as part:
        frame.to_csv(part, index=False)
    Path(part.name).replace(path)
