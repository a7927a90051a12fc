"""The file of results: one row a finished run, whole or not there."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayes_scaling.accounting.shapes import SIZE_NAMES
from bayes_scaling.errors import SweepError
from bayes_scaling.files.whole import write_bytes
from bayes_scaling.sweep.planning import run_flops, run_params, run_tokens
from bayes_scaling.sweep.protocol import load_protocol, recipe, shape_of
from bayes_scaling.sweep.specs import RunSpec
from bayes_scaling.sweep.training.corpus import corpus_recipe

if TYPE_CHECKING:
    from bayes_scaling.sweep.training.train import Trained

CURVE = ("train_loss_25", "train_loss_50", "train_loss_75", "train_loss_100")
COLUMNS = (
    *("run_id", "architecture", "context_length", "params", "tokens", "flops", "loss"),
    *("design", "budget", "seed", "steps", "status", "initial_loss", *CURVE, "learning_rate", *SIZE_NAMES),
    *("training_s", "step_ms", "compile_s", "finished", "protocol", "machine", "jax_version"),
)
OK, DIVERGED = "ok", "diverged"


def protocol_hash() -> str:
    """First 12 digits of a SHA-256 over protocol, shapes and corpus: rows of one sweep share it."""
    parts = {
        "protocol": recipe()["protocol"],
        "shapes": recipe()["shapes"],
        "corpus": corpus_recipe()["sha256"],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def result_row(spec: RunSpec, trained: Trained, machine: str) -> dict[str, Any]:
    """The row of a finished run, by the names of `COLUMNS`.

    Raises
    ------
    SweepError
        The built model has other parameters than the accounting says.
    """
    params = run_params(spec)
    if trained.params != params:
        raise SweepError(f"{spec.run_id}: the model has {trained.params} params, the accounting {params}. "
                         "Remedy: mend whichever is wrong.")  # fmt: skip
    shape = shape_of(spec.architecture, spec.shape)
    return {
        "run_id": spec.run_id,
        "architecture": spec.architecture,
        "context_length": spec.context_length,
        "params": params,
        "tokens": run_tokens(spec),
        "flops": f"{run_flops(spec):.10g}",
        "loss": f"{trained.loss:.6f}",
        "design": spec.design,
        "budget": "" if spec.budget is None else f"{spec.budget:.4g}",
        "seed": spec.seed,
        "steps": spec.steps,
        "status": DIVERGED if trained.diverged else OK,
        "initial_loss": f"{trained.initial_loss:.6f}",
        **{name: f"{value:.6f}" for name, value in zip(CURVE, trained.curve, strict=True)},
        "learning_rate": f"{load_protocol().peak(spec.architecture, int(shape.embedding_dim)):.6g}",
        **{name: int(getattr(shape, name)) for name in SIZE_NAMES},
        "training_s": f"{trained.training_s:.3f}",
        "step_ms": f"{trained.step_ms:.4f}",
        "compile_s": f"{trained.compile_s:.2f}",
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "protocol": protocol_hash(),
        "machine": machine,
        "jax_version": version("jax"),
    }


def finished_runs(path: Path) -> set[str]:
    """Names of the runs in a file; none where there is no file.

    A last line that a crash cut short is taken out of the file.

    Raises
    ------
    SweepError
        Another kind of file, or rows of another protocol.
    """
    if not path.is_file() or not path.stat().st_size:
        return set()
    _drop_torn_line(path)
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise SweepError(f"{path}: not a file of this sweep (other columns). Remedy: name a new file.")
        rows = list(reader)
    foreign = [row["run_id"] for row in rows if row["protocol"] != protocol_hash()]
    if foreign:
        raise SweepError(f"{path}: {len(foreign)} rows are of another protocol, such as {foreign[0]}. "
                         "Remedy: name a new file.")  # fmt: skip
    return {row["run_id"] for row in rows}


def read_results(path: Path) -> pd.DataFrame:
    """All rows of a file of results.

    Raises
    ------
    SweepError
        No such file, or as for `finished_runs`.
    """
    if not finished_runs(path):
        raise SweepError(
            f"{path}: no such file, or no run in it. Remedy: `bayes-scaling sweep run -o {path}`."
        )
    return pd.read_csv(path)


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row, on disk before this returns; the header goes before the first."""
    fresh = not path.is_file() or not path.stat().st_size
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(row)
        file.flush()
        os.fsync(file.fileno())


def _drop_torn_line(path: Path) -> None:
    content = path.read_bytes()
    if content.endswith(b"\n"):
        return
    write_bytes(path, content[: content.rfind(b"\n") + 1], error=SweepError)
