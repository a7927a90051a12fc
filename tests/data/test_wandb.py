"""Exports of Weights & Biases: names are labels, IDs identities, and nothing is left out without a note."""

from __future__ import annotations

import pandas as pd
import pytest

from bayes_scaling.data.training_logs import import_training_logs
from bayes_scaling.data.wandb_export import import_wandb
from bayes_scaling.errors import RunsError
from tests.helpers.ladders import isoflop_frame

pytestmark = pytest.mark.filterwarnings("ignore::bayes_scaling.errors.RunsWarning")
FRAME = isoflop_frame()


def _table(tmp_path, names, **columns):
    """An export of as many of the runs as there are names."""
    path = tmp_path / "runs.csv"
    frame = FRAME.head(len(names)).assign(Name=names, **columns)
    frame.to_csv(path, index=False)
    return path


def _chart(tmp_path, **curves):
    path = tmp_path / "chart.csv"
    pd.DataFrame(
        {"Step": range(3)} | {name.replace("__", " - "): cells for name, cells in curves.items()}
    ).to_csv(path, index=False)
    return path


def _told(runs, code: str) -> list[str]:
    return [note.message for note in runs.notes if note.code == code]


def test_ids_are_identities(tmp_path) -> None:
    runs = import_wandb(_table(tmp_path, ["a", "a", "b"], ID=["x1", "x2", "x3"]))
    assert runs.frame["run_id"].tolist() == ["x1", "x2", "x3"]
    assert runs.frame["Name"].tolist() == ["a", "a", "b"]


def test_names_without_ids_are_numbered(tmp_path) -> None:
    runs = import_wandb(_table(tmp_path, ["a", "a", "b"]))
    assert runs.frame["run_id"].tolist() == ["a", "a#2", "b"]
    assert "names of several runs: a;" in _told(runs, "repeated names")[0]
    assert _told(import_wandb(_table(tmp_path, ["a", "c", "b"])), "repeated names") == []


def test_unfinished_runs_are_counted_and_named(tmp_path) -> None:
    states = ["finished", "crashed", "running", "finished", "crashed"]
    runs = import_wandb(_table(tmp_path, list("abcde"), State=states))
    (told,) = _told(runs, "left out")
    assert "3 of 5 rows are not finished (crashed 2, running 1)" in told and "line 3, 4, 6" in told
    assert _told(import_wandb(_table(tmp_path, list("abcde"), State="finished")), "left out") == []


def test_faults_name_the_file_and_its_lines(tmp_path) -> None:
    path = _table(tmp_path, list("abc"), State=["failed", "finished", "finished"])
    path.write_text(path.read_text().replace(str(FRAME["loss"][1]), "none at all"))
    with pytest.raises(RunsError, match=r"runs\.csv: 1 fault[\s\S]*line 3"):
        import_wandb(path)


@pytest.mark.parametrize("states", [["finished"] * 3, ["finished", "crashed", "finished"]])
def test_the_longest_name_owns_a_curve(tmp_path, states) -> None:
    names = ["base", "base - lr2", "wide"]
    chart = _chart(tmp_path, **{"base__val/loss": 3.0, "base - lr2__val/loss": 2.5, "wide__val/loss": 2.0})
    frame = import_wandb(_table(tmp_path, names, State=states), history=chart).frame
    losses = dict(zip(names, [3.0, 2.5, 2.0], strict=True))
    assert frame["loss"].tolist() == [losses[name] for name in frame["run_id"]]


def test_a_chart_may_name_runs_by_id(tmp_path) -> None:
    path = _table(tmp_path, ["a", "a"], ID=["x1", "x2"])
    frame = import_wandb(path, history=_chart(tmp_path, x1__loss=3.0, x2__loss=2.0)).frame
    assert frame["loss"].tolist() == [3.0, 2.0]
    with pytest.raises(RunsError, match="'a' is the name of 2 runs"):
        import_wandb(path, history=_chart(tmp_path, a__loss=3.0))


def test_charts_that_are_not_of_single_runs_are_refused(tmp_path) -> None:
    path = _table(tmp_path, ["a", "b"])
    with pytest.raises(RunsError, match=r"'arch: gpt - loss'\. Remedy: the chart is grouped"):
        import_wandb(path, history=_chart(tmp_path, **{"arch: gpt__loss": 3.0}))
    with pytest.raises(RunsError, match="2 metrics"):
        import_wandb(path, history=_chart(tmp_path, a__loss=3.0, b__accuracy=0.1))


@pytest.mark.parametrize("end", ["NaN", "Infinity"])
def test_a_curve_that_ends_in_no_number_is_left_out_and_named(tmp_path, end) -> None:
    chart = _chart(tmp_path, a__loss=["4", "3", end], b__loss=["4", "3.5", ""], c__loss=["4", end, "3.25"])
    runs = import_wandb(_table(tmp_path, list("abc")), history=chart)
    assert runs.frame["loss"].tolist() == [3.5, 3.25]
    (told,) = _told(runs, "left out")
    assert "the curve of a ends in no finite number" in told and "line 2" in told


def test_text_in_a_curve_is_refused(tmp_path) -> None:
    chart = _chart(tmp_path, a__loss=["4", "3", "n.d."], b__loss=["4", "3", "2"])
    with pytest.raises(RunsError, match=r"chart\.csv: column 'a - loss': line 4 holds 'n\.d\.'"):
        import_wandb(_table(tmp_path, list("ab")), history=chart)


def test_a_log_that_ends_in_nan_is_left_out_and_named(tmp_path) -> None:
    for name, end in (("a", "nan"), ("b", ""), ("c", "2.5")):
        (tmp_path / f"{name}.csv").write_text(f"tokens,loss\n1e9,3.5\n2e9,3.0\n3e9,{end}\n")
    columns = "run_id,architecture,context_length,params\n"
    (tmp_path / "runs.csv").write_text(columns + "".join(f"{n},gpt,2048,1e8\n" for n in "abc"))
    runs = import_training_logs(tmp_path)
    assert runs.frame["loss"].tolist() == [3.0, 2.5] and runs.frame["tokens"].tolist() == [2e9, 3e9]
    assert _told(runs, "left out") == ["left out: 1 of 3 logs end in a loss that is no number: a.csv"]
