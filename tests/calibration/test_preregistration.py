"""Predictions written beforehand by anybody: what they hold, what is refused, how they are judged."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.calibration import preregistration
from bayes_scaling.calibration.judging import tabulate
from bayes_scaling.calibration.record import read_record, write_record
from bayes_scaling.calibration.scores import crps_of_quantiles
from bayes_scaling.calibration.verdict_words import held
from bayes_scaling.errors import RecordError
from bayes_scaling.plots.verdict import plot_verdict
from tests.helpers.command_line import assert_refused, records, run
from tests.helpers.synthetic import synthetic_fit

FIT = synthetic_fit(draws=500, sigma=0.01)
COUNT = 40


def planned(names: bool = True) -> pd.DataFrame:
    """Runs of two groups, up to two decades beyond the fit."""
    params = np.geomspace(3e8, 3e10, COUNT)
    table = pd.DataFrame({"architecture": np.resize(["transformer", "xlstm"], COUNT), "context_length": 8192})
    table = table.assign(params=params, tokens=20 * params)
    return table.assign(run_id=[f"run-{i}" for i in range(COUNT)]) if names else table


def results(path, table, where=0.5, after=timedelta(hours=1)) -> pd.DataFrame:
    """Trained runs, each at one quantile of its prediction."""
    content = read_record(path)
    place = np.searchsorted(content["levels"], where)
    ended = datetime.fromisoformat(content["created"]) + after
    loss = np.array(content["quantiles"])[:, place]
    return table.assign(loss=loss, finished=ended.isoformat(), training_s=60.0)


@pytest.fixture
def record(tmp_path):
    path = tmp_path / "record.json"
    digest = bs.preregister(FIT, planned(), path)
    return path, digest


def test_a_record_says_what_was_predicted_and_from_what(record):
    path, digest = record
    content = read_record(path)
    assert content["sha256"] == digest and len(digest) == 64
    assert content["fit"]["data_hash"] == FIT.runs.data_hash and content["fit"]["runs"] == len(FIT.runs)
    assert abs(datetime.fromisoformat(content["created"]) - datetime.now(UTC)) < timedelta(minutes=5)
    table = pd.DataFrame(content["predictions"])
    ours = bs.predict_table(FIT, planned(), kind="response")
    names = ["q05", "median", "q95", "extrapolation_decades"]
    np.testing.assert_allclose(table[names], ours[names], rtol=1e-7)
    quantiles = np.array(content["quantiles"])
    assert quantiles.shape == (COUNT, 99) and (np.diff(quantiles, axis=1) >= 0).all()
    np.testing.assert_allclose(quantiles[:, [4, 49, 94]], ours[["q05", "median", "q95"]], rtol=1e-7)


@pytest.mark.parametrize(("where", "cover"), [(0.5, 1), (0.30, 1), (0.15, 0), (0.02, 0)])
def test_intervals_hold_what_lies_in_them(record, where, cover):
    path, _ = record
    verdict = bs.judge(path, results(path, planned(), where))
    total = verdict.total
    expected = [float(where > end) for end in (0.25, 0.10, 0.05)]
    assert [total["inside_50"], total["inside_80"], total["inside_90"]] == pytest.approx(expected)
    assert total["runs"] == COUNT and total["inside_50"] == cover
    assert (verdict.runs["error"] <= 1e-12).all() and (total["bias"] < 0) == (where < 0.5)
    ends = stats.beta.ppf([0.05, 0.95], [COUNT * cover, COUNT * cover + 1], [COUNT + 1 - COUNT * cover, 1e-9])
    assert total["inside_50_low"] == pytest.approx(ends[0] if cover else 0.0)


def test_losses_drawn_from_the_predictions_are_found_calibrated(record, rng):
    path, _ = record
    content = read_record(path)
    many = [
        results(path, planned()).assign(
            loss=[
                np.interp(u, content["levels"], q)
                for u, q in zip(rng.uniform(0.01, 0.99, COUNT), rows, strict=True)
            ]
        )
        for rows in [np.array(content["quantiles"])] * 20
    ]
    tables = [bs.judge(path, table).total for table in many]
    shares = np.array([[row[f"inside_{level}"] for level in (50, 80, 90)] for row in tables])
    spread = np.sqrt(np.array([0.25, 0.16, 0.09]) / shares.size * 3)
    assert (np.abs(shares.mean(0) - np.array([0.5, 0.8, 0.9]) / 0.98) < 4 * spread + 0.02).all()
    ratio = np.mean([row["crps"] for row in tables]) / np.mean([row["crps_expected"] for row in tables])
    assert 0.85 < ratio < 1.15
    covered = [row["inside_80_low"] < 0.8 < row["inside_80_high"] for row in tables]
    assert np.mean(covered) > 0.7  # of intervals of 90%


def test_crps_of_quantiles_is_that_of_the_distribution():
    levels = np.arange(1, 100) / 100
    loss = np.array([-2.0, 0.0, 0.7])
    quantiles = np.repeat(stats.norm.ppf(levels)[None], 3, 0)
    exact = loss * (2 * stats.norm.cdf(loss) - 1) + 2 * stats.norm.pdf(loss) - 1 / np.sqrt(np.pi)
    np.testing.assert_allclose(crps_of_quantiles(levels, quantiles, loss), exact, rtol=0.01)
    assert not np.allclose(crps_of_quantiles(levels, quantiles + 0.5, loss), exact, rtol=0.05)
    coarse = [4, 24, 49, 74, 94]  # old records hold few quantiles, and their scores are up to a fifth too low
    few = crps_of_quantiles(levels[coarse], quantiles[:, coarse], loss)
    assert ((few < exact) & (few > 0.8 * exact)).all()


def test_runs_without_names_are_found_by_their_design(tmp_path):
    path = tmp_path / "record.json"
    table = planned(names=False)
    bs.preregister(FIT, table, path)
    trained = results(path, table).sample(frac=1, random_state=1)
    trained["params"] *= 1.004
    verdict = bs.judge(path, trained)
    assert verdict.total["runs"] == COUNT and verdict.missing == () and verdict.total["mae"] < 1e-9
    with pytest.raises(RecordError, match="none of its 40 runs is among the results"):
        bs.judge(path, trained.assign(params=trained["params"] * 1.03))


def test_repeats_of_one_design_have_a_prediction_each(tmp_path):
    path = tmp_path / "record.json"
    table = planned(names=False).iloc[[0, 0, 1]].reset_index(drop=True)
    bs.preregister(FIT, table, path)
    verdict = bs.judge(path, results(path, table))
    assert verdict.missing == () and verdict.total["runs"] == 3


def test_what_has_no_partner_is_told(record):
    path, _ = record
    trained = results(path, planned()).iloc[5:]
    extra = trained.iloc[:2].assign(run_id=["other-1", "other-2"])
    verdict = bs.judge(path, pd.concat([trained, extra]))
    assert verdict.missing == tuple(f"run-{i}" for i in range(5)) and verdict.without == 2
    told = " ".join(verdict.words)
    assert "5 predicted runs have no result yet (run-0, run-1, run-2, ...)" in told
    assert "2 results were not predicted" in told
    whole = " ".join(bs.judge(path, results(path, planned())).words)
    assert "no result yet" not in whole and "not predicted" not in whole and "do not say when" not in whole


def test_results_that_were_in_the_fit_are_refused(record):
    path, _ = record
    content = read_record(path)
    seen = FIT.runs.frame.iloc[[3]].assign(run_id="run-3")
    content.pop("sha256")
    content["predictions"][3] |= {n: seen[n].iloc[0] for n in ("architecture", "params", "tokens")}
    content["predictions"][3]["context_length"] = int(seen["context_length"].iloc[0])
    other = path.with_name("other.json")
    write_record(other, json.loads(json.dumps(content, default=str)))
    with pytest.raises(RecordError, match="run-3 was among the runs of the fit"):
        bs.judge(other, seen)
    assert bs.judge(other, seen.assign(loss=seen["loss"] * 1.001)).total["runs"] == 1


def test_runs_from_before_are_no_test_and_undated_ones_are_told(record):
    path, _ = record
    with pytest.raises(RecordError, match="before the predictions were written"):
        bs.judge(path, results(path, planned(), after=timedelta(seconds=30)))
    undated = results(path, planned()).drop(columns="finished")
    verdict = bs.judge(path, undated)
    assert verdict.dated == 0 and "40 of 40 results do not say when" in verdict.words[-1]
    assert bs.judge(path, undated.assign(finished=True)).dated == 0
    assert bs.judge(path, results(path, planned())).dated == COUNT


def test_a_run_trained_otherwise_is_refused(record):
    path, _ = record
    trained = results(path, planned())
    trained.loc[7, "tokens"] *= 1.5
    with pytest.raises(RecordError, match="run-7 was not trained as it was predicted"):
        bs.judge(path, trained)


def test_what_is_no_prediction_is_not_written(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    with pytest.raises(RecordError, match="have losses already"):
        bs.preregister(FIT, planned().assign(loss=2.0), path)
    seen = FIT.runs.frame.drop(columns="loss").iloc[:3]
    with pytest.raises(RecordError, match="planned run 0 is of the design of a run of the fit"):
        bs.preregister(FIT, seen, path)
    bs.preregister(FIT, seen.assign(run_id=["a", "b", "c"]), tmp_path / "repeats.json")
    monkeypatch.setattr(preregistration, "FAIL", FIT.status)
    with pytest.raises(RecordError, match="checks of the fit failed"):
        bs.preregister(FIT, planned(), path)
    assert not path.exists()


def test_a_changed_record_is_refused(record, tmp_path):
    path, _ = record
    content = json.loads(path.read_text())
    content["predictions"][0]["median"] += 1e-3
    path.write_text(json.dumps(content))
    with pytest.raises(RecordError, match="changed since it was written"):
        read_record(path)
    assert_refused(run("judge", path, tmp_path / "none.csv"), "Error")
    for text, told in (
        ("{}", "holds no predictions"),
        ("x", "not a record"),
        ("[" * 5000, "not a record"),
    ):
        path.write_text(text)
        with pytest.raises(RecordError, match=told):
            read_record(path)
    path.write_text(json.dumps(content | {"version": 9}))
    with pytest.raises(RecordError, match="of version 9"):
        read_record(path)


def test_predictions_are_written_once(record):
    path, _ = record
    before = path.read_bytes()
    with pytest.raises(RecordError, match="written once"):
        bs.preregister(FIT, planned(), path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("inside", "runs", "verdict"),
    [(36, 40, "held"), (20, 40, "too narrow"), (400, 400, "too wide"), (4, 4, "held")],
)
def test_the_verdict_is_what_chance_leaves_open(inside, runs, verdict):
    flags = np.arange(runs) < inside
    rows = pd.DataFrame({f"inside_{level}": flags for level in (50, 80, 90)})
    rows = rows.assign(error=0.1, crps=0.1, crps_expected=0.1, distance="within")
    table = tabulate(rows, ["distance"])
    assert held(table.iloc[-1]) == verdict


def test_words_say_the_side_and_the_sharpness(record):
    path, _ = record
    high = " ".join(bs.judge(path, results(path, planned(), 0.98)).words)
    low = " ".join(bs.judge(path, results(path, planned(), 0.02)).words)
    right = " ".join(bs.judge(path, results(path, planned())).words)
    assert "nats above the predicted medians" in high and "nats below the predicted medians" in low
    assert "too narrow" in high and "more than right predictions" in high
    assert "too wide" in right and "less than right predictions" in right
    assert "Farthest out" in right


def test_a_figure_shows_what_missed(record):
    path, _ = record
    trained = results(path, planned())
    trained.loc[:2, "loss"] += 1.0
    verdict = bs.judge(path, trained)
    figure = plot_verdict(verdict.runs, verdict.groups, verdict.distances)
    figure.draw_without_rendering()
    missed = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "white"]
    assert len(missed) == 3 and len(figure.axes) == 3


def test_commands_write_and_judge(tmp_path):
    FIT.save(tmp_path / "fit.nc")
    planned().to_csv(tmp_path / "planned.csv", index=False)
    path = tmp_path / "record.json"
    done = run("preregister", tmp_path / "fit.nc", tmp_path / "planned.csv", "-o", path)
    assert done.exit_code == 0 and read_record(path)["sha256"] in done.stderr
    again = run("preregister", tmp_path / "fit.nc", tmp_path / "planned.csv", "-o", path)
    assert_refused(again, "written once")
    results(path, planned()).to_csv(tmp_path / "results.csv", index=False)
    figure = tmp_path / "verdict.png"
    said = run("judge", path, tmp_path / "results.csv", "-o", figure)
    assert said.exit_code == 0 and figure.stat().st_size > 10_000
    assert "40 of 40 losses lie in their 90% intervals" in said.stdout
    rows = records("judge", path, tmp_path / "results.csv")
    assert len(rows) == COUNT and all(row["inside_90"] for row in rows)
