"""The text that the sweep trains on: Python sources out of pinned wheels, the same bytes on every machine."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling.data.catalog import FOLDER
from bayes_scaling.data.fetching import data_folder
from bayes_scaling.errors import SweepError
from bayes_scaling.files.whole import write_bytes

RECIPE = FOLDER / "sweep_corpus.toml"
END_OF_FILE = b"\0"


@dataclass(frozen=True, eq=False)
class Corpus:
    """Bytes to train on and to validate with; a token is a byte.

    Attributes
    ----------
    train, validation : array of uint8
        Whole files in random but fixed order, each followed by a zero byte; no file is in both.
    """

    train: np.ndarray
    validation: np.ndarray


def load_corpus(folder: Path | None = None) -> Corpus:
    """The corpus, fetched and built the first time, checked against its SHA-256 every time.

    Parameters
    ----------
    folder : Path, optional
        Where it is kept; default ``sweep`` in the folder of fetched data. Wheels put there by hand are
        used instead of a download.

    Raises
    ------
    SweepError
        A wheel cannot be fetched, or the bytes are not the known ones.
    """
    recipe = corpus_recipe()
    folder = folder or data_folder() / "sweep"
    path = folder / "corpus.bin"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(path, _build(recipe, folder), error=SweepError)
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != recipe["sha256"]:
        raise SweepError(f"{path}: not the corpus of the sweep (SHA-256 {found}, known {recipe['sha256']}). "
                         "Remedy: remove the file and try again.")  # fmt: skip
    everything = np.frombuffer(content, np.uint8)
    split = int(recipe["train_bytes"])
    return Corpus(everything[:split], everything[split:])


def corpus_recipe() -> dict[str, Any]:
    """What the corpus is made of: rules, wheels with SHA-256 and licence, sizes and the SHA-256 of it all."""
    return tomllib.loads(RECIPE.read_text(encoding="utf-8"))


def assemble(files: list[bytes], validation_share: float) -> tuple[bytes, bytes]:
    """Training and validation bytes out of files: each once, ordered and split by its own SHA-256."""
    by_digest = {hashlib.sha256(content).digest(): content for content in files}
    train: list[bytes] = []
    validation: list[bytes] = []
    for digest in sorted(by_digest):
        share = int.from_bytes(digest[-8:], "big") / 2**64  # the order uses the digest's other end
        (validation if share < validation_share else train).append(by_digest[digest] + END_OF_FILE)
    return b"".join(train), b"".join(validation)


def _build(recipe: dict[str, Any], folder: Path) -> bytes:
    limits = range(int(recipe["smallest_file"]), int(recipe["largest_file"]) + 1)
    with tempfile.TemporaryDirectory() as scratch:
        wheels = [_wheel(entry, folder, Path(scratch)) for entry in recipe["wheels"]]
        files = [content for wheel in wheels for content in _sources(wheel) if len(content) in limits]
    return b"".join(assemble(files, float(recipe["validation_share"])))


def _wheel(entry: dict[str, str], folder: Path, scratch: Path) -> Path:
    """The wheel put into the folder by hand, or fetched by pip from the user's own package index."""
    by_hand = folder / entry["file"]
    path = by_hand if by_hand.is_file() else _pip_download(entry, folder, scratch)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != entry["sha256"]:
        raise SweepError(f"{path}: SHA-256 {found} is not {entry['sha256']}. Remedy: remove it, try again.")
    return path


def _pip_download(entry: dict[str, str], folder: Path, scratch: Path) -> Path:
    pin = f"{entry['name']}=={entry['version']}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--only-binary=:all:", "--dest", str(scratch), pin]
    done = subprocess.run(command + options, capture_output=True, text=True, check=False)
    path = scratch / entry["file"]
    if done.returncode or not path.is_file():
        reason = done.stderr.strip().splitlines()[-1:] or ["no such file came"]
        raise SweepError(f"{pin} could not be fetched ({reason[0][:200]}). Remedy: connect to a package "
                         f"index, or put {entry['file']} into {folder}.")  # fmt: skip
    return path


def _sources(wheel: Path) -> Iterator[bytes]:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".py"):
                yield archive.read(name)
