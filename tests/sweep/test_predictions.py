"""Predictions written beforehand: what they hold, that they cannot be changed, how they are judged."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import ConvergenceWarning, SweepError
from bayes_scaling.plots import plot_predictions
from bayes_scaling.posterior.prediction import predict_table
from bayes_scaling.sweep import preregistration
from bayes_scaling.sweep.planning import FITTED, PREREGISTERED, planned_frame, planned_runs
from bayes_scaling.sweep.record import read_record, write_record
from bayes_scaling.sweep.verdict import judge, lowest_of_curve
from bayes_scaling.sweep.wall_clock import fit_wall_clock, predict_wall_clock, wall_clock_cost
from tests.helpers.command_line import assert_refused, run

LEVELS = ("q05", "q25", "median", "q75", "q95")
CREATED = "2026-01-01T00:00:00+00:00"


def made_up_record(path):
    """Predictions of all planned runs: a parabola in ln N with known spread, xlstm 0.1 lower."""
    frame = planned_frame(planned_runs(PREREGISTERED))
    middle = 2 + 0.2 * np.log(frame["params"] / 2e5) ** 2 - 0.1 * (frame["architecture"] == "xlstm")
    spread = dict(zip(LEVELS, (-0.02, -0.008, 0.0, 0.008, 0.02), strict=True))
    table = frame[["run_id", "architecture", "context_length", "params", "tokens", "flops"]].assign(
        **{name: middle + move for name, move in spread.items()},
        **{
            f"training_s_q{level}": value
            for level, value in zip(("05", "50", "95"), (50, 100, 200), strict=True)
        },
    )
    groups = frame.groupby(["architecture", "context_length"]).size().index
    optima = [
        {"architecture": a, "context_length": c, "compute": 1e13, "loss_median": 2.0}
        | {"params_q05": 1e5, "params_median": 2e5, "params_q95": 4e5}
        for a, c in groups
    ]
    decisions = [
        {"context_length": int(c), "budget": 1e13, "run_id": part.loc[part["median"].idxmin(), "run_id"]}
        | {
            "regret_mean": 0.01,
            "regret_q05": 0.0,
            "regret_median": 0.008,
            "regret_q95": 0.03,
            "xlstm_wins": 0.9,
        }
        for c, part in table.groupby("context_length")
    ]
    content = {"created": CREATED, "predictions": table.to_dict("records"), "optima": optima}
    write_record(path, content | {"decisions": decisions})
    return table


@pytest.fixture
def record(tmp_path):
    path = tmp_path / "record.json"
    return path, made_up_record(path)


def results(table, error=0.0, seconds=100.0, after=timedelta(hours=1)):
    """Rows of trained runs, ``error`` above their predicted medians."""
    finished = (datetime.fromisoformat(CREATED) + after).isoformat()
    names = ["run_id", "architecture", "context_length", "params"]
    return table[names].assign(
        loss=table["median"] + error, budget=1e13, status="ok", training_s=seconds, finished=finished
    )


def test_perfect_predictions_are_judged_so(record):
    path, table = record
    verdict = judge(path, results(table))
    total = verdict.groups.iloc[-1]
    assert total["runs"] == len(table) and total["inside_50"] == total["inside_90"] == 1
    assert abs(total["bias"]) < 1e-12 and total["mae"] < 1e-12 and total["time_inside_90"] == 1
    assert (verdict.decisions["regret"].abs() < 1e-12).all() and verdict.decisions["xlstm_won"].all()
    np.testing.assert_allclose(verdict.optima["params_measured"], 2e5, rtol=1e-6)
    assert (verdict.optima["inside_90"] == 1).all()
    assert np.allclose(verdict.decisions["difference"], -0.1, atol=0.02)


def test_errors_are_seen(record):
    path, table = record
    total = judge(path, results(table, error=0.01, seconds=300.0)).groups.iloc[-1]
    assert total["inside_50"] == 0 and total["inside_90"] == 1 and total["bias"] == pytest.approx(0.01)
    assert total["time_inside_90"] == 0 and total["time_error"] == pytest.approx(np.log(3))
    assert judge(path, results(table, error=-0.03)).groups.iloc[-1]["inside_90"] == 0


def test_a_worse_choice_has_its_regret(record):
    path, table = record
    rows = results(table)
    chosen = rows["run_id"].isin(d["run_id"] for d in read_record(path)["decisions"])
    rows.loc[chosen, "loss"] += 0.5
    decisions = judge(path, rows).decisions
    assert (decisions["regret"] > 0.3).all() and (decisions["best"] != decisions["run_id"]).all()


def test_runs_from_before_are_no_test(record):
    path, table = record
    with pytest.raises(SweepError, match="before the predictions were written"):
        judge(path, results(table, seconds=120.0, after=timedelta(seconds=60)))


def test_diverged_runs_are_left_out_and_none_is_an_error(record):
    path, table = record
    rows = results(table)
    rows.loc[0, "status"] = "diverged"
    assert judge(path, rows).groups.iloc[-1]["runs"] == len(table) - 1
    with pytest.raises(SweepError, match=r"none of its \d+ runs"):
        judge(path, rows.assign(status="diverged"))


def test_a_changed_record_is_refused(record, tmp_path):
    path, _ = record
    content = json.loads(path.read_text())
    content["predictions"][0]["median"] += 1e-3
    path.write_text(json.dumps(content))
    with pytest.raises(SweepError, match="changed since it was written"):
        read_record(path)
    assert_refused(run("sweep", "judge", path, tmp_path / "none.csv"), "Error")
    path.write_text("{}")
    with pytest.raises(SweepError, match="holds no predictions"):
        read_record(path)
    path.write_text("x")
    with pytest.raises(SweepError, match="not a record"):
        read_record(path)


def test_predictions_are_written_once(record):
    path, _ = record
    before = path.read_bytes()
    with pytest.raises(SweepError, match="written once"):
        made_up_record(path)
    assert path.read_bytes() == before


def test_a_figure_shows_what_missed(record):
    path, table = record
    rows = results(table)
    rows.loc[0, "loss"] += 0.05
    figure = plot_predictions(judge(path, rows).runs)
    assert len(figure.axes) == 6
    figure.draw_without_rendering()
    open_dots = [line for ax in figure.axes for line in ax.lines if line.get_markerfacecolor() == "white"]
    assert sum(len(line.get_xdata()) for line in open_dots) == 1


def test_the_lowest_point_of_a_curve():
    params = np.geomspace(1e5, 1e6, 6)
    assert lowest_of_curve(params, (np.log(params) - np.log(3e5)) ** 2) == pytest.approx(3e5)
    assert np.isnan(lowest_of_curve(params, np.log(params)))  # falls to the edge
    assert np.isnan(lowest_of_curve(params, -((np.log(params) - 12.5) ** 2)))
    assert np.isnan(lowest_of_curve(params[:3], [2, 1, 2]))


def made_up_times(seed, runs=150, sd=0.1):
    """Runs whose time follows the regression's own form."""
    frame = planned_frame(planned_runs(FITTED)).iloc[:runs]
    rng = np.random.default_rng(seed)
    per_step = frame["flops"] / frame["steps"]
    crowding = np.log1p(frame["context_length"] / frame["embedding_dim"])
    mean = -18 + np.log(frame["steps"]) + 0.9 * np.log(per_step) + 0.3 * crowding
    return frame.assign(training_s=np.exp(mean + sd * rng.standard_normal(len(frame))))


def test_training_times_are_covered_as_often_as_said():
    inside = []
    for seed in range(40):
        frame = made_up_times(seed)
        past, future = frame.iloc[::2], frame.iloc[1::2]
        table = predict_wall_clock(fit_wall_clock(past), future)
        seconds = future["training_s"].to_numpy()
        inside += [(table["training_s_q05"] < seconds) & (seconds < table["training_s_q95"])]
    hits = np.concatenate(inside)
    by_seed = np.array([part.mean() for part in inside])
    assert abs(hits.mean() - 0.9) < 5 * by_seed.std() / np.sqrt(len(by_seed))
    assert by_seed.std() < 0.1


def test_too_few_times_are_an_error():
    with pytest.raises(SweepError, match="too few to learn its speed"):
        fit_wall_clock(made_up_times(0, runs=8))


@pytest.fixture(scope="module")
def measured_fit():
    """A quick fit of the measured runs that the shipped predictions rest on."""
    runs = bs.load_runs("measured")
    fitted = {spec.run_id for spec in planned_runs(FITTED)}
    part = runs.subset(runs.frame["run_id"].isin(fitted).to_numpy())
    with pytest.warns(ConvergenceWarning):
        return bs.fit(part, draws=120, chains=2, progress=False)


def test_no_predictions_from_a_fit_that_failed(measured_fit, tmp_path):
    with pytest.raises(SweepError, match="checks of the fit failed"):
        bs.sweep.preregister(measured_fit, planned_runs(PREREGISTERED), tmp_path / "record.json")
    assert not (tmp_path / "record.json").exists()


def test_predictions_are_those_of_the_fit(measured_fit, tmp_path, monkeypatch):
    monkeypatch.setattr(preregistration, "FAIL", "nothing fails")
    path, specs = tmp_path / "record.json", planned_runs(PREREGISTERED)
    digest = bs.sweep.preregister(measured_fit, specs, path)
    content = read_record(path)
    assert content["sha256"] == digest
    assert content["fit"]["data_hash"] == measured_fit.runs.data_hash
    table = pd.DataFrame(content["predictions"])
    assert list(table["run_id"]) == [spec.run_id for spec in specs]
    ours = predict_table(measured_fit, preregistration._design(planned_frame(specs)), "response")
    np.testing.assert_allclose(table[["q05", "median", "q95"]], ours[["q05", "median", "q95"]], rtol=1e-7)
    widths = (table["q95"] - table["q05"]) / (table["mean_q95"] - table["mean_q05"])
    assert widths.mean() > 1  # the scatter of one run comes on top
    assert (table["training_s_q05"] < table["training_s_q95"]).all()
    assert all(0 <= decision["xlstm_wins"] <= 1 for decision in content["decisions"])
    with pytest.raises(SweepError, match="is among the runs of the fit"):
        bs.sweep.preregister(measured_fit, planned_runs(FITTED), tmp_path / "other.json")


def test_a_wall_clock_cost_is_the_time_of_the_runs():
    frame = made_up_times(0, runs=1000, sd=0.05)
    cost = wall_clock_cost(frame)
    assert cost.unit == "s"
    for (name, length), part in frame.groupby(["architecture", "context_length"]):
        per_token = cost.flops_per_token(np, np.log(part["params"].to_numpy(float)), length, name)
        ratio = per_token / cost.flops_per_unit * part["tokens"] / part["training_s"]
        assert abs(np.log(ratio).mean()) < 0.1  # shapes lie round a smooth family
    doubled = wall_clock_cost(frame.assign(training_s=2 * frame["training_s"]))
    x = np.log([1e4, 1e5, 1e6])
    twice = doubled.flops_per_token(np, x, 128, "xlstm") / doubled.flops_per_unit
    np.testing.assert_allclose(twice, 2 * cost.flops_per_token(np, x, 128, "xlstm") / cost.flops_per_unit)
    assert (np.diff(twice) > 0).all()
