"""Runs as experiment trackers keep them, each read by the tracker's own Python interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from bayes_scaling.errors import RunsError

PAGE = 1000  # runs that MLflow gives at once
DONE = "finished"


@dataclass(frozen=True)
class Tracked:
    """One run as a tracker has it.

    Attributes
    ----------
    run_id, name, state : str
        The ID is the identity, the name a label that may repeat. A tracker without states says "finished".
    config : mapping of str to Any
        What the run was started with, nested names joined by dots.
    metrics : mapping of str to Any
        The last value of each metric.
    history : callable
        All values of one metric, in order.
    """

    run_id: str
    name: str
    state: str
    config: Mapping[str, Any]
    metrics: Mapping[str, Any]
    history: Callable[[str], Sequence[float]]


def library(name: str) -> Any:
    """A tracker's package.

    Raises
    ------
    RunsError
        It is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        raise RunsError(
            f"{name} is not installed. Remedy: pip install 'bayes-scaling[{name}]', or export the runs as a "
            "CSV file."
        ) from None


def of_mlflow(mlflow: Any, experiment: str, tracking_uri: str | None) -> Iterator[Tracked]:
    """The runs of an experiment, page by page.

    Raises
    ------
    RunsError
        No such experiment.
    """
    client = mlflow.MlflowClient(tracking_uri=tracking_uri)
    known = client.get_experiment_by_name(experiment)
    if known is None:
        raise RunsError(f"mlflow:{experiment}: no such experiment. Remedy: check its name and tracking_uri.")
    token = None
    while True:
        page = client.search_runs([known.experiment_id], max_results=PAGE, page_token=token)
        for run in page:
            yield Tracked(
                run_id=str(run.info.run_id),
                name=str(run.info.run_name),
                state=str(run.info.status),
                config=dict(run.data.params),
                metrics=dict(run.data.metrics),
                history=_mlflow_history(client, str(run.info.run_id)),
            )
        token = page.token
        if not token:
            return


def _mlflow_history(client: Any, run_id: str) -> Callable[[str], list[float]]:
    return lambda metric: [float(point.value) for point in client.get_metric_history(run_id, metric)]


def of_wandb(wandb: Any, project: str) -> Iterator[Tracked]:
    """The runs of a project.

    Raises
    ------
    RunsError
        A project that the service does not know.
    """
    try:
        found = list(wandb.Api().runs(project))
    except ValueError as error:
        raise RunsError(f"wandb:{project}: {error}. Remedy: give 'entity/project'.") from None
    for run in found:
        yield Tracked(
            run_id=str(run.id),
            name=str(run.name),
            state=str(run.state),
            config=_dotted(dict(run.config)),
            metrics=_dotted(dict(run.summary)),
            history=_wandb_history(run),
        )


def _wandb_history(run: Any) -> Callable[[str], list[float]]:
    return lambda metric: [float(row[metric]) for row in run.scan_history(keys=[metric])]


def of_trackio(trackio: Any, project: str) -> Iterator[Tracked]:
    """The runs of a local project.

    Raises
    ------
    RunsError
        No such project.
    """
    try:
        found = list(trackio.Api().runs(project))
    except ValueError:
        raise RunsError(f"trackio:{project}: no such project. Remedy: check its name.") from None
    storage = import_module("trackio.sqlite_storage").SQLiteStorage
    for run in found:
        logs = storage.get_logs(project, run.name, run_id=run.id)
        curves: dict[str, list[Any]] = {}
        for row in logs:
            for metric, value in row.items():
                curves.setdefault(metric, []).append(value)
        yield Tracked(
            run_id=str(run.id),
            name=str(run.name),
            state=DONE,
            config=_dotted(run.config or {}),
            metrics={metric: values[-1] for metric, values in curves.items()},
            history=curves.__getitem__,
        )


def _dotted(nested: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Values by names joined with dots; what trackers keep for themselves (a leading _) is left out."""
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        if str(name).startswith("_"):
            continue
        flat |= (
            _dotted(value, f"{before}{name}.") if isinstance(value, Mapping) else {f"{before}{name}": value}
        )
    return flat
