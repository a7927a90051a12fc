"""The scoreboard of public benchmarks, on simulated folders in their layout."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import RunsError
from benchmarks import scoreboard
from benchmarks.scoreboard_forms import CHINCHILLA, MUENNIGHOFF
from benchmarks.scoreboard_tasks import TASKS, Task, task_of
from tests.helpers.examples import laplace
from tests.helpers.small_runs import plane, small_runs

TRUTH = {"E": 1.8, "A": 480.0, "B": 2085.0, "alpha": 0.35, "beta": 0.37}
FADING = {"repeat_tokens": 15.0, "repeat_params": 5.0}
PLAIN = "chinchilla_scaling_law"
REPEATED = "data_constrained_scaling_law"
NOISE = 0.001


def noisy(loss: np.ndarray, seed: int) -> np.ndarray:
    return loss * np.exp(NOISE * np.random.default_rng([seed, 1]).standard_normal(len(loss)))


def n_and_d_table() -> pd.DataFrame:
    """Two groups, the second one's losses 2% lower."""
    law = bs.laws.get_law("chinchilla")
    parts = []
    for number, group in enumerate(("web", "books")):
        sizes = plane(40, number)
        loss = law.loss(np, sizes["params"].to_numpy(), sizes["tokens"].to_numpy(), TRUTH)
        sizes["loss"] = noisy((1 - 0.02 * number) * loss, number)
        parts.append(sizes.assign(group=group))
    return pd.concat(parts, ignore_index=True).rename(columns={"params": "N", "tokens": "D"})


def data_constrained_table() -> pd.DataFrame:
    """Up to 50 epochs, by the law of effective data."""
    sizes = plane(60, 2)
    unique = sizes["tokens"] / np.geomspace(1, 50, 60)[np.random.default_rng(3).permutation(60)]
    theta = TRUTH | FADING | {"unique_tokens": unique.to_numpy()}
    law = bs.laws.get_law("data-limited")
    loss = law.loss(np, sizes["params"].to_numpy(), sizes["tokens"].to_numpy(), theta)
    return sizes.assign(unique_tokens=unique, loss=noisy(loss, 2), group="all_data")


def write(folder: Path, name: str, table: pd.DataFrame, compute: pd.Series, shuffled: bool = False) -> None:
    """A task as the benchmarks hold it: the upper fifth in compute is the test split."""
    place = folder / name
    place.mkdir()
    beyond = compute > compute.quantile(0.8)
    test = table[beyond].reset_index(drop=True)
    if shuffled:
        test["loss"] = test["loss"].to_numpy()[::-1]
    table[~beyond].to_parquet(place / "train-00000-of-00001.parquet", index=False)
    test.to_parquet(place / "test-00000-of-00001.parquet", index=False)


def write_plain(folder: Path, shuffled: bool = False) -> None:
    table = n_and_d_table()
    write(folder, PLAIN, table, table["N"] * table["D"], shuffled)


def write_repeated(folder: Path) -> None:
    table = data_constrained_table()
    write(folder, REPEATED, table, table["params"] * table["tokens"])


def write_not_expressed(folder: Path) -> None:
    table = pd.DataFrame({"vocab_size": [4096.0, 8192.0], "unigram_normalized_loss": [-1.0, -2.0]})
    for name in ("vocab_scaling_law", "new_scaling_law"):
        write(folder, name, table, table["vocab_size"])


@pytest.fixture
def without_sampler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_scaling.posterior.fitting._sample", laplace)


def told(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, *options: str) -> str:
    given = ["scoreboard", str(folder), "--chains", "2", "--draws", "200", *options]
    monkeypatch.setattr(sys, "argv", given)
    scoreboard.main()
    return str(capsys.readouterr().out)


def scores(text: str) -> pd.DataFrame:
    """The table that was printed, a row a task and forecaster."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in (lines[0], *lines[2:])]
    return pd.DataFrame(cells[1:], columns=cells[0]).set_index(["task", "forecast by"])


@pytest.mark.usefixtures("without_sampler")
def test_the_report_has_every_task_and_a_good_forecast_scores_well(tmp_path, monkeypatch, capsys) -> None:
    write_plain(tmp_path)
    write_not_expressed(tmp_path)
    (tmp_path / "README.md").write_text("a card")
    text = told(tmp_path, monkeypatch, capsys)
    assert "- vocab_scaling_law: " in text and "below 0" in text
    assert "- new_scaling_law: " in text and "does not know a task" in text
    table = scores(text)
    assert set(table.index.get_level_values("task")) == {PLAIN}
    row = table.loc[(PLAIN, "`gamma`")]
    assert float(row["R2"]) > 0.95
    assert row["in 90%"].endswith("%") and float(row["90% width"]) > 0
    assert table.loc[(PLAIN, "Huber fit, gamma"), ["fitted", "predicted"]].tolist() == ["64", "16 of 16"]
    assert table.loc[(PLAIN, f"least squares, {CHINCHILLA.name}"), "in 90%"] == ""


@pytest.mark.usefixtures("without_sampler")
def test_shuffled_losses_score_badly(tmp_path, monkeypatch, capsys) -> None:
    """The negative control."""
    write_plain(tmp_path, shuffled=True)
    table = scores(told(tmp_path, monkeypatch, capsys))
    assert len(table) >= 3
    assert (table["R2"].astype(float) < 0.5).all()


@pytest.mark.usefixtures("without_sampler")
def test_repeated_tokens_are_fitted_by_a_law_of_repetition(tmp_path, monkeypatch, capsys) -> None:
    write_repeated(tmp_path)
    text = told(tmp_path, monkeypatch, capsys)
    table = scores(text).loc[REPEATED]
    assert list(table.index) == ["`overfitting`", f"least squares, {MUENNIGHOFF.name}"]
    assert (table["R2"].astype(float) > 0.95).all()
    assert "Not expressed" not in text


@pytest.mark.slow
def test_intervals_of_the_law_that_made_the_data_hold(tmp_path, monkeypatch, capsys) -> None:
    write_plain(tmp_path)
    write_repeated(tmp_path)
    table = scores(told(tmp_path, monkeypatch, capsys))
    for task, law in ((PLAIN, "`gamma`"), (REPEATED, "`overfitting`")):
        row = table.loc[(task, law)]
        assert float(row["R2"]) > 0.95
        assert int(row["in 90%"].rstrip("%")) >= 60
        assert float(row["90% width"]) < 0.2


def test_a_law_of_a_later_version_is_named(tmp_path, monkeypatch) -> None:
    write_plain(tmp_path)
    later = Task(PLAIN, {"loss": "loss"}, "no-such-law", CHINCHILLA)
    monkeypatch.setattr(scoreboard, "task_of", lambda name: later)
    said = f"{PLAIN}: law 'no-such-law' is not known in this version"
    assert list(scoreboard.questions(tmp_path)) == [said]


def one_of(task: Task, count: int = 6) -> pd.DataFrame:
    """A table in a task's layout."""
    sizes = {
        "params": 3e8,
        "N": 3e8,
        "num_params": 1e9,
        "dense_parameter_count": 3e8,
        "tokens": 1e10,
        "D": 1e10,
    }
    sizes |= {"unique_tokens": 1e9, "sft_data_size": 2e4, "num_experts": 8.0, "parallel_size": 2.0}
    grown = np.geomspace(1, 8, count)
    table = pd.DataFrame({name: size * grown for name, size in sizes.items()})
    loss = next(column for name, column in task.columns.items() if name == "loss")
    return table.assign(group="some", **{loss: 2.5 - 0.1 * np.arange(count)})


@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.RunsWarning")  # of a small table
@pytest.mark.parametrize("task", [task for task in TASKS if task.law], ids=lambda task: task.name)
def test_layouts_become_runs(task: Task) -> None:
    table = one_of(task)
    runs = task.runs(table, "train.parquet")
    assert runs.architectures == ("some",)
    assert {"params", "tokens", "loss", *task.columns, *task.derived} <= set(runs.frame)
    if task.law == "mixture-of-experts":
        assert (runs.frame["params_total"] > runs.frame["params"]).all()
    wrong = next(iter(task.columns.values()))
    with pytest.raises(RunsError, match=f"train.parquet: task {task.name} needs {wrong}"):
        task.runs(table.drop(columns=wrong), "train.parquet")


def test_names_of_folders() -> None:
    assert task_of("parallel") == task_of("parallel_scaling_law")
    assert task_of("u_shaped").name == "easy_question_scaling_law"
    assert task_of("nothing").law is None and "does not know" in task_of("nothing").reason
    assert all(bool(task.reason) != bool(task.law and task.form) for task in TASKS)


def test_scores_of_points() -> None:
    loss = np.array([1.0, 2.0, 3.0])
    assert scoreboard.point_scores(loss, loss) == {"R2": 1.0, "NMAE": 0.0}
    assert scoreboard.point_scores(np.full(3, 2.0), loss) == {"R2": 0.0, "NMAE": 1.0}
    assert np.isnan(scoreboard.point_scores(np.full(3, 1.0), np.full(3, 1.0))["NMAE"])


def test_the_upper_part_of_a_table_is_predicted() -> None:
    question = scoreboard.of_table("small", small_runs((("llama", 2048), ("xlstm", 2048))), "gamma", 0.25)
    assert question.past.frame["flops"].max() < question.future.frame["flops"].min()
    assert 8 <= len(question.future) <= 12
    with pytest.raises(RunsError, match="between 0 and 1"):
        scoreboard.of_table("small", small_runs((("llama", 2048),)), "gamma", 1.5)


@pytest.mark.parametrize("broken", ["empty", "no test split", "no options"])
def test_what_cannot_be_read_is_an_error(broken, tmp_path, monkeypatch, capsys) -> None:
    place = tmp_path / PLAIN
    if broken == "no test split":
        place.mkdir()
        n_and_d_table().to_parquet(place / "train-00000-of-00001.parquet")
    given = [] if broken == "no options" else [str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["scoreboard", *given])
    with pytest.raises(SystemExit) as stopped:
        scoreboard.main()
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert {"empty": "no folder in it", "no test split": "no test*.parquet", "no options": "--table"}[
        broken
    ] in said
