"""The file of results: one row a finished run, whole or not there."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayes_scaling.accounting.shapes import SIZE_NAMES
from bayes_scaling.errors import RunsWarning, SweepError
from bayes_scaling.files.small import read_small, understood
from bayes_scaling.files.small_csv import parse_csv
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
HEADER = ",".join(COLUMNS)
OK, DIVERGED = "ok", "diverged"
REMEDY = "name a file that `bayes-scaling sweep run` wrote, or a new one"


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
    """Names of the runs in a file; none where there is no file. The file stays as it is.

    Raises
    ------
    SweepError
        Another kind of file, or rows of another protocol.
    """
    if not os.path.exists(path):
        return set()
    return set(_Content.of(path).run_ids)


def read_results(path: Path) -> pd.DataFrame:
    """All rows of a file of results. The file stays as it is.

    A last line without an end, which a crash or a sweep at work leaves, is not read; a RunsWarning says so.

    Raises
    ------
    SweepError
        No such file, or as for `finished_runs`.
    """
    remedy = f"`bayes-scaling sweep run -o {path}`"
    if not os.path.exists(path):
        raise SweepError(f"{path}: no such file. Remedy: {remedy}.")
    content = _Content.of(path)
    if not content.run_ids:
        raise SweepError(f"{path}: no run in it. Remedy: {remedy}.")
    if content.torn:
        message = (
            f"{path}: its last line has no end and is not read; `sweep run -o {path}` trains that run again"
        )
        warnings.warn(message, RunsWarning, stacklevel=2)
    return parse_csv(content.text, path, "a table of results", error=SweepError, remedy=REMEDY)


def resume_results(path: Path) -> set[str]:
    """Names of the runs in a file that is to be gone on with; only who holds its lock may call this.

    A last line that a crash cut short is taken out of the file.

    Raises
    ------
    SweepError
        As for `finished_runs`; the file is then as it was.
    """
    if not os.path.exists(path):
        return set()
    content = _Content.of(path)
    if content.torn:
        os.truncate(path, len(content.text.encode()))
    return set(content.run_ids)


@dataclass(frozen=True)
class _Content:
    """What a file of results holds.

    Attributes
    ----------
    text : str
        Its whole lines.
    torn : bool
        Whether a part of a line follows them.
    run_ids : tuple of str
    """

    text: str
    torn: bool
    run_ids: tuple[str, ...]

    @classmethod
    def of(cls, path: Path) -> _Content:
        """Read and checked; errors as for `finished_runs`."""
        content = read_small(path, error=SweepError, remedy=REMEDY)
        whole = content[: content.rfind(b"\n") + 1]
        text = _decoded(whole, path)
        if not text:  # not even a header has an end
            if not HEADER.encode().startswith(content):
                raise _foreign(path)
            return cls("", bool(content), ())
        return cls(text, len(whole) < len(content), _run_ids(text, path))


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _foreign(path) from error


def _run_ids(text: str, path: Path) -> tuple[str, ...]:
    """Of the rows, each whole and of this sweep."""
    if not text.startswith(HEADER + "\n"):
        raise _foreign(path)
    with understood(path, "a table of results", error=SweepError, remedy=REMEDY):
        rows = list(csv.reader(io.StringIO(text), strict=True))[1:]
    for number, row in enumerate(rows, start=2):
        if len(row) != len(COLUMNS):
            raise SweepError(
                f"{path}: row {number} has {len(row)} cells for {len(COLUMNS)} columns. Remedy: {REMEDY}."
            )
    names = [row[COLUMNS.index("run_id")] for row in rows]
    own = protocol_hash()
    foreign = [name for name, row in zip(names, rows, strict=True) if row[COLUMNS.index("protocol")] != own]
    if foreign:
        raise SweepError(f"{path}: {len(foreign)} rows are of another protocol, such as {foreign[0]}. "
                         "Remedy: name a new file.")  # fmt: skip
    return tuple(names)


def _foreign(path: Path) -> SweepError:
    return SweepError(f"{path}: not a file of this sweep (other columns). Remedy: {REMEDY}.")


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
