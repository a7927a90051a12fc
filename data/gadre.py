"""The runs of Gadre et al. 2024 out of the archive of their repository: one JSON file a model."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import BadZipFile, ZipFile

import pandas as pd

from bayes_scaling.errors import RunsError

MODELS = "exp_data/models"
LARGEST = 1 << 20  # bytes of one model's file; the real ones have 9,000


def read_gadre(path: Path) -> pd.DataFrame:
    """The table of all models, with the repository's own names.

    Parameters
    ----------
    path : Path
        The repository as a zip archive.

    Returns
    -------
    DataFrame
        name, dataset_name (the training corpus), params, tokens, lr, and a loss for each evaluation,
        ``loss_*`` (nats per token).

    Raises
    ------
    RunsError
        Not such an archive.
    """
    try:
        with ZipFile(path) as archive:
            names = [n for n in archive.namelist() if _is_model(n)]
            rows = [_row(json.loads(_text(archive, name, path))) for name in sorted(names)]
    except (BadZipFile, OSError, ValueError, KeyError, TypeError) as error:
        raise RunsError(
            f"{path}: no archive of the runs ({error}). Remedy: remove it and fetch again."
        ) from error
    if not rows:
        raise RunsError(f"{path}: no file in {MODELS}. Remedy: remove it and fetch again.")
    return pd.DataFrame(rows)


def _is_model(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix == ".json" and str(PurePosixPath(*path.parts[1:-1])) == MODELS


def _text(archive: ZipFile, name: str, path: Path) -> bytes:
    if archive.getinfo(name).file_size > LARGEST:
        raise RunsError(f"{path}: {name} is too large. Remedy: remove the archive and fetch again.")
    return archive.read(name)


def _row(model: dict[str, Any]) -> dict[str, Any]:
    sizes = model["hyperparameters"]
    losses = {_evaluation(result["val_data"][0]): float(result["loss"]) for result in model["results"]}
    return {
        "name": str(model["name"]),
        "dataset_name": str(model["dataset_name"]),
        "params": int(sizes["params"]),
        "tokens": int(sizes["tokens"]),
        "lr": float(sizes["lr"]),
        **{f"loss_{name}": loss for name, loss in losses.items()},
    }


def _evaluation(shard: str) -> str:
    """The folder of an evaluation's shards names it."""
    return PurePosixPath(shard).parent.name
