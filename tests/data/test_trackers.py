"""Runs by the interfaces of experiment trackers, played by small stand-ins; real ones where installed."""

import sys
import types
from types import SimpleNamespace as Record

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import RunsError, RunsWarning

LOSS = {"loss": "val/loss"}
SIZES = 1e7 * 1.5 ** np.arange(8)
RATIOS = np.array([10, 20, 40, 80] * 2)
pytestmark = pytest.mark.filterwarnings("ignore:.*groups with fewer:bayes_scaling.errors.RunsWarning")


def curve(i: int) -> list[float]:
    """Losses of run i: the last is not the lowest; run 5 diverges."""
    last = 1.8 + 480 / SIZES[i] ** 0.348 + 2085 / (SIZES[i] * RATIOS[i]) ** 0.366
    return [last + 1.0, last - 0.01, np.nan if i == 5 else last]


def config(i: int) -> dict[str, object]:
    return {
        "params": SIZES[i],
        "tokens": SIZES[i] * RATIOS[i],
        "context_length": 2048,
        "architecture": "llama",
    }


class Mlflow:
    """Two runs a page, params as text; run 3 failed and run 4 has no loss."""

    def __init__(self, tracking_uri=None):
        self.uri = tracking_uri

    def get_experiment_by_name(self, name):
        return Record(experiment_id="1") if name == "sweep" else None

    def search_runs(self, experiments, max_results, page_token):
        start = int(page_token or 0)
        page = Page(self.run(i) for i in range(start, min(start + 2, 8)))
        page.token = str(start + 2) if start < 6 else None
        return page

    def run(self, i):
        info = Record(run_id=f"id{i}", run_name="same name", status="FAILED" if i == 3 else "FINISHED")
        metrics = {} if i == 4 else {"val/loss": curve(i)[-1]}
        return Record(
            info=info, data=Record(params={k: str(v) for k, v in config(i).items()}, metrics=metrics)
        )

    def get_metric_history(self, run_id, metric):
        return [Record(value=value) for value in curve(int(run_id[2:]))]


class Page(list):
    token: str | None = None


def wandb_runs(project):
    if "/" not in project:
        raise ValueError(f"could not find {project!r}")
    return [
        Record(
            id=f"id{i}",
            name="same name",
            state="crashed" if i == 3 else "finished",
            config={"model": config(i), "_wandb": {"version": "1"}},
            summary={"_step": 3} if i == 4 else {"val/loss": curve(i)[-1]},
            scan_history=lambda keys, i=i: iter([{keys[0]: value} for value in curve(i)]),
        )
        for i in range(8)
    ]


class Storage:
    @staticmethod
    def get_logs(project, name, run_id):
        return [{"val/loss": value, "step": step} for step, value in enumerate(curve(int(run_id[2:])))]


def trackio_runs(project):
    if project != "sweep":
        raise ValueError("no such project")
    return [Record(id=f"id{i}", name="same name", config=config(i)) for i in (0, 1, 2, 5, 6, 7)]


@pytest.fixture
def trackers(monkeypatch):
    """Stand-ins with the interfaces of the three packages."""
    parts = {
        "mlflow": {"MlflowClient": Mlflow},
        "wandb": {"Api": lambda: Record(runs=wandb_runs)},
        "trackio": {"Api": lambda: Record(runs=trackio_runs)},
        "trackio.sqlite_storage": {"SQLiteStorage": Storage},
    }
    for name, attributes in parts.items():
        module = types.ModuleType(name)
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, name, module)


NESTED = {name: f"model.{name}" for name in config(0)}
READERS = {
    "mlflow": lambda **more: bs.data.import_mlflow("sweep", LOSS, **more),
    "wandb": lambda **more: bs.data.import_wandb_project("lab/sweep", LOSS | NESTED, **more),
    "trackio": lambda **more: bs.data.import_trackio("sweep", LOSS, **more),
}
GOOD = [0, 1, 2, 6, 7]


@pytest.mark.parametrize("tracker", READERS)
def test_finished_runs_with_a_loss_are_read_and_the_others_named(trackers, tracker):
    with pytest.warns(RunsWarning, match="left out"):
        runs = READERS[tracker]()
    frame = runs.frame.sort_values("run_id")
    assert frame["run_id"].tolist() == [f"id{i}" for i in GOOD]
    assert frame["params"].tolist() == pytest.approx(SIZES[GOOD])
    assert frame["loss"].tolist() == pytest.approx([curve(i)[-1] for i in GOOD])
    told = " ".join(note.message for note in runs.notes)
    assert "1 of 6 runs end in a 'val/loss' that is no number: same name" in told
    assert ("are not finished" in told) == (tracker != "trackio")
    assert ("have no 'val/loss'" in told) == (tracker != "trackio")


@pytest.mark.parametrize("tracker", READERS)
def test_best_takes_the_lowest_of_the_history(trackers, tracker):
    with pytest.warns(RunsWarning, match="left out"):
        best = READERS[tracker](choose="best").frame.sort_values("run_id")
    assert best["loss"].tolist() == pytest.approx([curve(i)[1] for i in GOOD])


@pytest.mark.parametrize("metric", ["loss", "objective"])
def test_the_loss_is_found_by_its_usual_names_or_asked_for(trackers, monkeypatch, metric):
    def get_logs(project, name, run_id):
        return [{metric: 3 - 0.1 * int(run_id[2:])}]

    monkeypatch.setattr(Storage, "get_logs", staticmethod(get_logs))
    if metric == "objective":
        with pytest.raises(RunsError, match=r"name it by columns=.*objective"):
            bs.data.import_trackio("sweep")
        return
    found = bs.data.import_trackio("sweep").frame
    assert found["loss"].tolist() == pytest.approx([3 - 0.1 * i for i in (0, 1, 2, 5, 6, 7)])


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda: bs.data.import_mlflow("other", LOSS), "no such experiment"),
        (lambda: bs.data.import_wandb_project("sweep", LOSS), "give 'entity/project'"),
        (lambda: bs.data.import_trackio("other", LOSS), "no such project"),
        (lambda: bs.data.import_mlflow("sweep", {"loss": "loss"}), "all 7 runs have no 'loss'"),
        (lambda: bs.data.import_mlflow("sweep", LOSS, choose="first"), "give one of last, best"),
    ],
)
def test_what_is_not_there_is_said_with_a_remedy(trackers, read, said):
    with pytest.raises(RunsError, match=said):
        read()


def test_a_package_that_is_missing_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(RunsError, match=r"pip install 'bayes-scaling\[wandb\]'"):
        bs.data.import_wandb_project("lab/sweep")


def test_a_real_mlflow_is_read(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    client = mlflow.MlflowClient(tracking_uri=tmp_path.as_uri())
    experiment = client.create_experiment("sweep")
    for i in GOOD:
        key = client.create_run(experiment).info.run_id
        for name, value in config(i).items():
            client.log_param(key, name, value)
        for step, value in enumerate(curve(i)):
            client.log_metric(key, "val/loss", value, step=step)
        client.set_terminated(key)
    runs = bs.data.import_mlflow("sweep", LOSS, tracking_uri=tmp_path.as_uri(), choose="best")
    assert sorted(runs.frame["loss"]) == pytest.approx(sorted(curve(i)[1] for i in GOOD))
