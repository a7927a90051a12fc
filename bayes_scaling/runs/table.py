"""Runs: the validated table of training runs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.errors import RunsError
from bayes_scaling.faces.faced import Faced
from bayes_scaling.faces.shown import shown
from bayes_scaling.runs.column_units import loss_unit
from bayes_scaling.runs.columns import CANONICAL, COUNTS, TEXT
from bayes_scaling.runs.findings import Finding, find

SHORT = (
    "architecture",
    "context_length",
    "n",
    "params_min",
    "params_max",
    "tokens_min",
    "tokens_max",
    "flops_min",
    "flops_max",
    "loss_min",
    "loss_max",
)  # columns of a short table


@dataclass(frozen=True, eq=False, repr=False)
class Runs(Faced, printer="runs.print_runs", figures={"runs": "runs.plot_runs"}):
    """A validated table of training runs, made by `load_runs`.

    Attributes
    ----------
    frame : DataFrame
        One row a run, in the order given, indexed from 0. First the canonical columns: run_id (optional),
        architecture, context_length (tokens), params, tokens, flops (total of the training), loss (nats
        per token), loss_sd (optional, nats), weight (optional), group (optional), unique_tokens (optional,
        those that the run could draw from); then all other columns.
    mapping : dict of str to str
        Canonical name to the column it was read from.
    notes : tuple of Finding
        What is odd about the runs, and what was assumed.
    source : str
        File, data set or kind of object the runs came from.

    Examples
    --------
    >>> runs = bs.load_runs("simulated")
    >>> len(runs), runs.architectures, runs.context_lengths
    (300, ('transformer', 'xlstm'), (2048, 8192, 16384))
    >>> long = runs.subset((runs.frame["context_length"] == 16384).to_numpy())
    >>> len(long)
    100
    """

    frame: pd.DataFrame
    mapping: dict[str, str]
    notes: tuple[Finding, ...]
    source: str

    def __len__(self) -> int:
        return len(self.frame)

    def __str__(self) -> str:
        names = ", ".join(self.architectures)
        return f"Runs({len(self)} runs of {names}; {len(self.groups)} groups; source {self.source!r})"

    @property
    def architectures(self) -> tuple[str, ...]:
        """Names of the architectures, sorted."""
        return tuple(sorted(str(name) for name in self.frame["architecture"].unique()))

    @property
    def context_lengths(self) -> tuple[int, ...]:
        """Context lengths in tokens, sorted."""
        return tuple(sorted(int(length) for length in self.frame["context_length"].unique()))

    @property
    def groups(self) -> pd.DataFrame:
        """Pairs of architecture and context_length that have runs, sorted, with their number ``n``."""
        return self.frame.groupby(["architecture", "context_length"]).size().rename("n").reset_index()

    @property
    def loss_unit(self) -> str:
        """The unit of the losses: "nats/token", or what their column's name or the vocabulary tells."""
        return loss_unit(self.frame, self.mapping)

    @property
    def data_hash(self) -> str:
        """SHA-256 of the canonical columns in row order, whatever the source and the other columns."""
        digest = hashlib.sha256()
        for name in (name for name in CANONICAL if name in self.frame):
            digest.update(f"{name}:{len(self)};".encode())
            digest.update(_bytes(name, self.frame[name]))
        return digest.hexdigest()

    def table(self, full: bool = False) -> pd.DataFrame:
        """The ranges of every group, as `describe` gives them, displayed as people read them.

        With ``full`` all the runs: a copy of `frame`.
        """
        return self.frame.copy() if full else shown(self.describe(), SHORT, full)

    def describe(self) -> pd.DataFrame:
        """Size and ranges of every group.

        Returns
        -------
        DataFrame
            One row a group: architecture, context_length, n, then the smallest and largest params, tokens,
            flops, tokens_per_param and loss (``params_min``, ``params_max``, ...), in the units of `frame`.
        """
        frame = self.frame.assign(tokens_per_param=self.frame["tokens"] / self.frame["params"])
        names = ("params", "tokens", "flops", "tokens_per_param", "loss")
        ranges = {f"{name}_{end}": (name, end) for name in names if name in frame for end in ("min", "max")}
        groups = frame.groupby(["architecture", "context_length"])
        return groups.agg(n=("params", "size"), **ranges).reset_index()

    def subset(self, mask: Any) -> Runs:
        """The runs where ``mask`` is true, in the same order; findings are looked for anew.

        Parameters
        ----------
        mask : array of bool, shape (run,)

        Raises
        ------
        RunsError
            The mask has another length or type, or leaves no run.
        """
        chosen = np.asarray(mask)
        if chosen.dtype != bool or chosen.shape != (len(self),):
            raise RunsError(f"{self.source}: subset needs {len(self)} true or false values, one for each run")
        if not chosen.any():
            raise RunsError(f"{self.source}: the subset holds no run. Remedy: choose at least one.")
        frame = self.frame.loc[chosen].reset_index(drop=True)
        notes = find(frame, "loss" not in frame, self.mapping)
        return Runs(frame, dict(self.mapping), notes, f"{self.source} (subset)")


def _bytes(name: str, column: pd.Series) -> bytes:
    """A column as bytes that are the same on every machine."""
    if name in TEXT:
        return json.dumps(column.tolist()).encode()
    dtype = "<i8" if name == COUNTS[0] else "<f8"
    return column.to_numpy().astype(dtype).tobytes()
