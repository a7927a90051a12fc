"""The tasks of SLDBench and ScaleBench: which columns they have, and which law of the package expresses each.

Sources of the layouts. SLDBench (arXiv:2507.21184): the schema in the data loader of its authors' code
(github.com/linhaowei1/SLD), features, target and a column ``group``. ScaleBench (arXiv:2604.22753): the card
of its data set and the registry of its code (github.com/PlanarG/active-sl). Both hold a folder for each task
with ``train-*.parquet`` and ``test-*.parquet``, and tasks of one name have the same columns in either. What
those sources do not tell, so that it stands here as an assumption, is named in ``assumed``.

To mend a task, or to add one, change `TASKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

import bayes_scaling as bs
from bayes_scaling.errors import RunsError
from benchmarks.scoreboard_forms import (
    CHINCHILLA,
    FARSEER,
    FINE_TUNED,
    MUENNIGHOFF,
    PARALLEL,
    ROUTED,
    Form,
)

GROUP = "group"
CONTEXT = 2048  # tokens; no task has a column of it, and one value for all changes nothing
ROUTED_SHARE = 1 / 3  # of a dense model's params that each expert has again
EXAMPLE = 100.0  # tokens of an example; another value moves D and D0 alike


@dataclass(frozen=True)
class Task:
    """One task of a benchmark.

    Attributes
    ----------
    name : str
        Of its folder.
    columns : mapping of str to str
        Canonical name to the benchmark's column.
    law : str, optional
        A name in `bayes_scaling.laws.LAWS`, or of a later version; None where no law expresses the task.
    form : Form, optional
        What its authors fit.
    reason : str
        Why no law expresses it.
    constants : mapping of str to float
        Canonical columns of one value.
    derived : mapping of str to callable
        Canonical columns made from the benchmark's table.
    loss_name : str
        Name of the loss as `load_runs` sees it, which tells the unit.
    assumed : str
        What the benchmark's sources do not tell.
    """

    name: str
    columns: Mapping[str, str] = field(default_factory=dict)
    law: str | None = None
    form: Form | None = None
    reason: str = ""
    constants: Mapping[str, float] = field(default_factory=dict)
    derived: Mapping[str, Callable[[pd.DataFrame], Any]] = field(default_factory=dict)
    loss_name: str = "loss"
    assumed: str = ""

    def runs(self, table: pd.DataFrame, where: str) -> bs.Runs:
        """The runs of one split; groups are architectures.

        Parameters
        ----------
        table : DataFrame
            As the benchmark has it.
        where : str
            The files, for errors.

        Raises
        ------
        RunsError
            A column is missing, or the runs have faults.
        """
        missing = [column for column in self.columns.values() if column not in table]
        if missing:
            raise RunsError(
                f"{where}: task {self.name} needs {', '.join(missing)}; the table has "
                f"{', '.join(map(str, table.columns))}. Remedy: name the columns in TASKS of "
                "benchmarks/scoreboard_tasks.py."
            )
        frame = pd.DataFrame({name: table[column] for name, column in self.columns.items()})
        frame = frame.rename(columns={"loss": self.loss_name}).assign(**self.constants)
        for name, made in self.derived.items():
            frame[name] = made(table)
        frame["architecture"] = table[GROUP].astype(str) if GROUP in table else "all"
        try:
            return bs.load_runs(
                frame, columns={"loss": self.loss_name}, constants={"context_length": CONTEXT}
            )
        except RunsError as error:
            raise RunsError(f"{where}: {error}") from error


def _params_total(table: pd.DataFrame) -> pd.Series:
    return table["dense_parameter_count"] * (1 + ROUTED_SHARE * (table["num_experts"] - 1))


def _tuning_tokens(table: pd.DataFrame) -> pd.Series:
    return EXAMPLE * table["sft_data_size"]


_N_AND_D = {"params": "N", "tokens": "D", "loss": "loss"}

TASKS = (
    Task(
        "data_constrained_scaling_law",
        {"params": "params", "tokens": "tokens", "unique_tokens": "unique_tokens", "loss": "loss"},
        "overfitting",
        MUENNIGHOFF,
    ),
    Task("chinchilla_scaling_law", _N_AND_D, "gamma", CHINCHILLA),
    Task(
        "farseer_scaling_law",
        _N_AND_D,
        "varying-exponent",
        FARSEER,
        loss_name="loss_bpc",
        assumed="losses are bits per character, the metric of its paper (arXiv:2506.10972)",
    ),
    Task(
        "parallel_scaling_law",
        {"params": "num_params", "parallel_streams": "parallel_size", "loss": "loss"},
        "parallel",
        PARALLEL,
        constants={"tokens": 4.2e10},
        assumed="every run saw 42 billion tokens; another number changes the scale of one term",
    ),
    Task(
        "moe_scaling_law",
        {"params": "dense_parameter_count", "num_experts": "num_experts", "loss": "loss_validation"},
        "mixture-of-experts",
        ROUTED,
        constants={"tokens": 1.3e11},
        derived={"params_total": _params_total},
        assumed="130 billion tokens; each expert has a third of the dense model's params again, as where "
        "every other feed-forward layer is routed",
    ),
    Task(
        "sft_scaling_law",
        {"loss": "sft_loss"},
        "fine-tuning",
        FINE_TUNED,
        constants={"params": 5e8},
        derived={"tokens": _tuning_tokens},
        assumed="100 tokens an example; params, which the table lacks, are one number, for each group is one "
        "model",
    ),
    Task(
        "vocab_scaling_law",
        reason="losses are relative to a unigram model and below 0, by the size of the vocabulary",
    ),
    Task("domain_mixture_scaling_law", reason="losses of five domains by their shares in the training data"),
    Task("lr_bsz_scaling_law", reason="losses away from the best learning rate and batch size"),
    Task("easy_question_scaling_law", reason="a Brier score that goes down and up again with compute"),
    Task(
        "sparsity_scaling_law",
        reason="models made sparse after a dense training: two counts of tokens, each of another model",
    ),
    Task("distillation_scaling_law", reason="a student's loss by its teacher's"),
    Task(
        "sae_scaling_law", reason="the reconstruction error of sparse autoencoders, not of a language model"
    ),
)
ALSO = {"u_shaped_scaling_law": "easy_question_scaling_law"}  # names that papers use for the same table


def task_of(folder: str) -> Task:
    """The task of a folder of that name, ``_scaling_law`` or not; an unknown one says that it is unknown."""
    full = folder if folder.endswith("_scaling_law") else f"{folder}_scaling_law"
    known = {task.name: task for task in TASKS}
    unknown = Task(folder, reason="the scoreboard does not know a task of this name")
    return known.get(ALSO.get(full, full), unknown)
