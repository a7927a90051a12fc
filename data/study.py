"""Runs of the xLSTM scaling study out of a clone of its repository, NX-AI/xlstm_scaling_laws."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.accounting import get_architecture, shape_from_columns
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.data.unpickling import load_pickle
from bayes_scaling.errors import RunsError
from bayes_scaling.files.apart import run_apart
from bayes_scaling.files.small import understood
from bayes_scaling.runs.table import Runs

SUFFIX = "_wandb_data.pkl"
AGAIN = "clone the repository again"
SECONDS = 1800.0  # for all files
MEMORY = 32 * 2**30  # bytes of address space
DUPLICATES = ("drop", "keep")
ISOFLOP = tuple(f"isoflop_{a}_ctx{t}" for a in ("llama", "mlstm") for t in (2048, 8192, 16384))
SETS = (*ISOFLOP, "isoflop_mlstm_ctx8192_large_gbs256", "tokenparam_llama", "tokenparam_mlstm")
BUDGETS = np.array([6e18, 1e19, 3e19, 1e20, 6e20, 3e21])
NEAR = 0.1  # of a budget
LOSS, TRAIN_LOSS = "val/.dclm_loss", "train/.loss_mean"
FFN_FACTOR = 2.667
# Tags of the token/param runs that the study used: others are trials.
TAGS = (
    *("scl_mlstm_160Mv2", "scl_mlstm_400M", "scl_mlstm_830M", "scl_mlstm_1.4B", "scl_mlstm_2.7B"),
    *("scl_mlstm_7B", "dclm_mLSTMv1_7B_longrun_pretraining_final"),
    *("scl_llama_160M", "scl_llama_400M", "scl_llama_830Mv2", "scl_llama_1.4Bv2", "scl_llama_2.7B"),
    "scl_llama_7B",
)


class _Record:
    """Stand-in for the study's record of one run: attributes only."""


def import_xlstm_study(folder: str | Path, duplicates: str = "drop") -> Runs:
    """Read the study's runs from a clone of its repository.

    Pickles are read by an unpickler that admits pandas and NumPy values alone. Params and FLOPs are
    counted from each run's shape; params must equal the number the run logged.

    Parameters
    ----------
    folder : str or Path
        The clone; its ``data`` folder holds the pickles.
    duplicates : {"drop", "keep"}
        Some runs stand in the files twice, under two tags. Dropped, the second copy is left out and the
        column ``in_paper_fits_twice`` marks the first; kept, both are there, the second as
        ``<run_id>#2``.

    Returns
    -------
    Runs
        With experiment_set, isoflop_group (FLOPs), run_id, train_loss, shape columns, learning_rate,
        global_batch_size and num_train_steps beside the required columns.

    Raises
    ------
    RunsError
        Not a clone of the study, a pickle that is damaged or holds anything but tables, or a run whose
        params do not equal those of its shape.

    References
    ----------
    Beck et al. 2025, arXiv:2510.02228.

    Examples
    --------
    >>> bs.data.import_xlstm_study("xlstm_scaling_laws")  # doctest: +SKIP
    """
    if duplicates not in DUPLICATES:
        raise RunsError(f"duplicates {duplicates!r}: choose one of {', '.join(DUPLICATES)}")

    read = "bayes_scaling.data.study:rows_of"
    _files(Path(folder))
    rows = run_apart(
        read, Path(folder).expanduser(), error=RunsError, remedy=AGAIN, seconds=SECONDS, memory=MEMORY
    )
    if not rows:
        raise RunsError(
            f"{folder}: the study's files hold no finished run. Remedy: clone the repository again."
        )
    frame = pd.DataFrame(rows)
    frame["in_paper_fits_twice"] = frame.duplicated("run_id", keep=False)
    if duplicates == "drop":
        frame = frame[~frame.duplicated("run_id")].reset_index(drop=True)
    copy = frame.groupby("run_id").cumcount()
    frame.loc[copy > 0, "run_id"] += "#2"
    return load_runs(_counted(frame, folder))


def _files(folder: Path) -> list[Path]:
    found = [folder / "data" / f"{name}{SUFFIX}" for name in SETS]
    missing = [path.name for path in found if not path.is_file()]
    if missing:
        raise RunsError(
            f"{folder}: not a clone of NX-AI/xlstm_scaling_laws, data/{missing[0]} is missing "
            f"({len(missing)} of {len(found)} files). Remedy: git clone the repository, with git-lfs."
        )
    return found


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The finished runs in all of the study's files, as plain values.

    Raises
    ------
    RunsError
        A file is damaged, holds anything but tables, or not the study's.
    """
    rows: list[dict[str, Any]] = []
    for path in _files(folder):
        with understood(path, "a file of the study", error=RunsError, remedy=AGAIN):
            rows += _runs_of(path, path.name.removesuffix(SUFFIX))
    return rows


def _text(value: Any) -> str:
    """Of a text, number or time; anything else could be of endless length."""
    if not isinstance(value, str | int | float | date):
        raise TypeError(f"a {type(value).__name__} where text belongs")
    return str(value)


def _runs_of(path: Path, name: str) -> Iterator[dict[str, Any]]:
    tagged = load_pickle(path, {"WandBRunData": _Record})
    if not isinstance(tagged, dict):
        raise RunsError(f"{path}: holds no runs by tag. Remedy: clone the repository again.")
    for tag, runs in tagged.items():
        if name.startswith("isoflop"):
            groups = [[run] for run in runs]
        elif tag in TAGS:
            groups = list(_restarts(runs).values())
        else:
            continue
        for group in groups:
            row = _row(group, name)
            if row is not None:
                yield row


def _restarts(runs: list[Any]) -> dict[str, list[Any]]:
    """Runs of one name in order: a run and its restarts."""
    groups: dict[str, list[Any]] = {}
    for run in sorted(runs, key=lambda run: _text(run.created_at)):
        groups.setdefault(_text(run.name), []).append(run)
    return groups


def _row(group: list[Any], name: str) -> dict[str, Any] | None:
    """One finished run, None for a failed one."""
    first = group[0]
    last = group[-1]
    try:
        batch = int(first.summary["dataset/"]["global_batch_size"])
        steps = int(first.summary["dataset/"]["num_train_steps"])
        logged = float(first.summary["model/"]["num_params"])
        loss = float(last.logs[LOSS][LOSS].iloc[-1])
    except (KeyError, TypeError, IndexError):
        return None
    if not math.isfinite(loss):
        return None
    length = _context_length(first)
    return {
        "run_id": "-".join(_text(run.id) for run in group),
        "architecture": "llama" if "llama" in _text(first.config["model.model_class"]) else "xlstm",
        "context_length": length,
        "experiment_set": name.split("_")[0],
        "params": logged,
        "tokens": float(batch) * steps * length,
        "loss": loss,
        "train_loss": _last(last.logs, TRAIN_LOSS),
        "learning_rate": _learning_rate(first.config),
        "global_batch_size": batch,
        "num_train_steps": steps,
        **_sizes(first.config),
    }


def _context_length(run: Any) -> int:
    value = run.config.get("model.model_config.context_length")
    return int(value if value is not None else _text(run.name).split("ctx")[1].split("_")[0])


def _sizes(config: Mapping[str, Any]) -> dict[str, int]:
    base = "model.model_config."
    width = int(config[base + "embedding_dim"])
    blocks = int(config[base + "num_blocks"])
    if "llama" in _text(config["model.model_class"]):
        head = int(config[base + "head_dim"])
        inner = _up(math.floor(FFN_FACTOR * width), int(config[base + "ffn_multiple_of"]))
        heads = {"num_heads": width // head, "head_dim_qk": head, "head_dim_v": head}
    else:
        cell = base + "mlstm_block.mlstm."
        count = int(config[cell + "num_heads"])
        factor = float(config[base + "mlstm_block.feedforward.proj_factor"])
        inner = _up(math.ceil(factor * width), int(config[cell + "round_proj_up_to_multiple_of"]))
        value = width // count
        key = round(value * float(config[cell + "qk_dim_factor"]))
        heads = {"num_heads": count, "head_dim_qk": key, "head_dim_v": value}
    return {
        "embedding_dim": width,
        "num_blocks": blocks,
        "ffn_dim": inner,
        "vocab_size": int(config[base + "vocab_size"]),
        **heads,
    }


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _last(logs: Mapping[str, Any], name: str) -> float:
    return float(logs[name][name].iloc[-1]) if name in logs else math.nan


def _learning_rate(config: Mapping[str, Any]) -> float:
    """Out of the scheduler's text, such as ``{'lr': 0.003, ...}``."""
    text = _text(config.get("optimizer.scheduler", ""))
    try:
        return float(ast.literal_eval(text.split(",")[0].split(":")[1].strip()))
    except (IndexError, ValueError, SyntaxError):
        return math.nan


def _counted(frame: Any, folder: str | Path) -> Any:
    """FLOPs and isoFLOP budgets from the shapes; params as logged must be those of the shape."""
    frame = frame.assign(flops=np.nan, isoflop_group=np.nan)
    for name in frame["architecture"].unique():
        rows = (frame["architecture"] == name).to_numpy()
        part = frame[rows]
        value = get_architecture(str(name))
        shape = shape_from_columns(part)
        params = np.asarray(value.params(shape), dtype=float)
        wrong = np.flatnonzero(params != part["params"].to_numpy())
        if wrong.size:
            run = part.iloc[int(wrong[0])]
            raise RunsError(
                f"{folder}: run {run['run_id']} logged {run['params']:.0f} params, its shape has "
                f"{params[wrong[0]]:.0f}. Remedy: check that the clone is the study's own."
            )
        lengths = part["context_length"].to_numpy()
        frame.loc[rows, "flops"] = value.training_flops(shape, part["tokens"].to_numpy(), lengths)
    on_curve = (frame["experiment_set"] == "isoflop").to_numpy()
    frame.loc[on_curve, "isoflop_group"] = _nearest_budget(frame.loc[on_curve, "flops"].to_numpy())
    return frame


def _nearest_budget(flops: np.ndarray) -> np.ndarray:
    nearest = BUDGETS[np.abs(np.log(flops[:, None] / BUDGETS)).argmin(1)]
    return np.where(np.abs(flops / nearest - 1) < NEAR, nearest, np.nan)
