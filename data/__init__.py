"""Data sets: the catalogue, reading files of runs, importers, simulated runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_scaling.lazy import lazy_names

if TYPE_CHECKING:
    from bayes_scaling.data.catalog import datasets
    from bayes_scaling.data.fetching import fetch
    from bayes_scaling.data.run_tables import load_runs
    from bayes_scaling.data.simulation import simulate
    from bayes_scaling.data.study import import_xlstm_study
    from bayes_scaling.data.trackers import import_mlflow, import_trackio, import_wandb_project
    from bayes_scaling.data.training_logs import import_training_logs
    from bayes_scaling.data.wandb_export import import_wandb

_HOMES = {
    "datasets": "catalog",
    "fetch": "fetching",
    "import_mlflow": "trackers",
    "import_trackio": "trackers",
    "import_training_logs": "training_logs",
    "import_wandb": "wandb_export",
    "import_wandb_project": "trackers",
    "import_xlstm_study": "study",
    "load_runs": "run_tables",
    "simulate": "simulation",
}

__all__ = [
    "datasets",
    "fetch",
    "import_mlflow",
    "import_trackio",
    "import_training_logs",
    "import_wandb",
    "import_wandb_project",
    "import_xlstm_study",
    "load_runs",
    "simulate",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
