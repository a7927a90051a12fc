"""The back-test: splits, scores, keeping, executors, and that it tells a good forecast from a bad one."""

from __future__ import annotations

import pickle
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.calibration import backtest
from bayes_scaling.calibration.backtest import Backtest
from bayes_scaling.calibration.forecasters import Settings, conformal, huber, law_alone, names_for, posterior
from bayes_scaling.calibration.isoflop_line import isoflop_line
from bayes_scaling.calibration.scores import binned, score
from bayes_scaling.calibration.splits import chosen_runs, make_splits
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import RunsError
from bayes_scaling.laws.law import GAMMA_LAW
from tests.helpers.command_line import assert_refused, records, run
from tests.helpers.fits import small_fit
from tests.helpers.small_runs import FOUR, TRUTH, small_runs

SCALES = {"model": 1.0, "law alone": 0.3, "huber": 3.0, "conformal": 4.0, "isoflop line": 2.0}
QUICK = Settings(bs.ModelSpec("chinchilla"), draws=150, tune=200, chains=2)


@pytest.fixture(scope="module")
def runs():
    return small_runs(FOUR)


class Here:
    """An executor that does the work at once, and counts it."""

    def __init__(self) -> None:
        self.done = 0

    def submit(self, call, *arguments) -> Future:
        self.done += 1
        future: Future = Future()
        future.set_result(call(*arguments))
        return future


@pytest.fixture
def perfect(monkeypatch):
    """Forecasters that need no sampler: the truth's own scatter, and one half as wide."""

    def forecast(scale: float):
        def draws(past, future, settings):
            frame = future.frame
            mean = GAMMA_LAW.loss(np, frame["params"].to_numpy(), frame["tokens"].to_numpy(), TRUTH)
            mean = mean * np.where(frame["architecture"] == "xlstm", 0.98, 1.0)
            scatter = np.random.default_rng(1).standard_t(6, (4000, len(frame)))
            return mean * np.exp(0.003 * scale * scatter), True

        return draws

    made = {name: forecast(scale) for name, scale in SCALES.items()}
    monkeypatch.setattr(backtest, "FORECASTERS", made)


def test_cuts_part_past_from_future(runs) -> None:
    (split,) = make_splits(runs, "compute", [1e20])
    flops = runs.frame["flops"].to_numpy()
    assert flops[split.fitted].max() <= 1.06e20 < flops[split.predicted].min()
    assert len(split.fitted) + len(split.predicted) == len(runs)
    assert {s.by for s in make_splits(runs, "compute")} == {"compute"}


@pytest.mark.parametrize(("by", "count"), [("group", 4), ("architecture", 2), ("context", 2)])
def test_each_is_left_out_once(runs, by: str, count: int) -> None:
    splits = make_splits(runs, by)
    assert len(splits) == count
    assert sorted(np.concatenate([s.predicted for s in splits])) == list(range(len(runs)))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"by": "loss"}, "choose one of"),
        ({"by": "compute", "cuts": [1e30]}, "cut 1e\\+30"),
        ({"by": "group", "cuts": [1.0]}, "cuts go with"),
        ({"by": ["compute", "params"], "cuts": [1.0]}, "single by"),
        ({"forecasters": ["oracle"]}, "no forecaster 'oracle'"),
        ({"forecasters": []}, "no forecaster"),
    ],
)
def test_bad_questions_are_refused(runs, arguments: dict, named: str) -> None:
    with pytest.raises(RunsError, match=named):
        bs.backtest(runs, executor=Here(), **arguments)


def test_scores_against_their_closed_forms(rng) -> None:
    """Of a standard normal: Gneiting and Raftery 2007, equation 21, and its density."""
    draws, loss = rng.standard_normal((1_000_000, 3)), np.array([-1.0, 0.2, 2.5])
    found = score(draws, loss)
    crps = loss * (2 * stats.norm.cdf(loss) - 1) + 2 * stats.norm.pdf(loss) - 1 / np.sqrt(np.pi)
    np.testing.assert_allclose(found["crps"], crps, atol=5e-3)
    np.testing.assert_allclose(found["log_score"], stats.norm.logpdf(loss), atol=0.05)
    np.testing.assert_allclose(found["pit"], stats.norm.cdf(loss), atol=5e-3)
    assert found["in_90"].tolist() == [True, True, False]
    np.testing.assert_allclose(found["width_90"], 2 * 1.645, atol=0.02)
    np.testing.assert_allclose(found["error"], -loss, atol=0.02)


def test_absurd_draws_count_as_bad_not_as_infinite(rng) -> None:
    draws = np.append(rng.normal(3, 0.1, 999), np.inf)[:, None]
    found = score(draws, np.array([3.0]))
    assert 0.02 < found["crps"][0] < 0.1 and found["in_50"][0]


def test_distances_in_ranges() -> None:
    labels = binned(np.array([0.0, 0.1, 0.25, 0.3, 0.9, 1.2, 4.0]))
    wanted = ["within", "0 to 0.25", "0 to 0.25", "0.25 to 0.5", "0.5 to 1", "1 to 1.5", "over 1.5"]
    assert labels.tolist() == wanted


def test_a_calibrated_forecast_covers_and_others_do_not(runs, perfect) -> None:
    found = bs.backtest(runs, ["compute", "group"], executor=Here(), progress=False)
    pooled = found.pooled.set_index("forecaster")
    count = pooled.loc["model", "runs"]
    assert pooled.loc["model", "in_90"] == pytest.approx(0.9, abs=5 * np.sqrt(0.09 / count))
    assert pooled.loc["law alone", "in_90"] < 0.75
    assert pooled.loc["huber", "in_50"] > 0.8
    assert pooled["log_score"].idxmax() == "model" and pooled["crps"].idxmin() == "model"
    table = found.table("distance", full=True)
    assert set(table["forecaster"]) == set(pooled.index)
    assert list(dict.fromkeys(table["distance"])) == [
        "within",
        "0 to 0.25",
        "0.25 to 0.5",
        "0.5 to 1",
        "1 to 1.5",
    ]
    assert found.table("architecture", "split", full=True)["runs"].sum() == len(found.rows)
    with pytest.raises(RunsError, match="no column 'colour'"):
        found.table("colour", full=True)


def test_a_stopped_back_test_goes_on(runs, perfect, tmp_path, monkeypatch) -> None:
    whole = bs.backtest(runs, "group", executor=Here(), folder=tmp_path, progress=False)
    kept = sorted(tmp_path.glob("*.csv"))
    assert len(kept) == 20 and sorted(tmp_path.iterdir()) == kept
    for path in kept[:5]:
        path.unlink()
    executor = Here()
    again = bs.backtest(runs, "group", executor=executor, folder=tmp_path, progress=False)
    assert executor.done == 5
    pd.testing.assert_frame_equal(again.rows, whole.rows, check_dtype=False)
    executor = Here()
    bs.backtest(runs, "group", executor=executor, folder=tmp_path, seed=1, progress=False)
    assert executor.done == 20  # another seed is another back-test


def test_any_executor_does(runs, perfect) -> None:
    with ThreadPoolExecutor(2) as executor:
        threads = bs.backtest(runs, "group", executor=executor, progress=False)
        assert executor.submit(int, 3).result() == 3  # the user's stays open
    here = bs.backtest(runs, "group", executor=Here(), progress=False)
    pd.testing.assert_frame_equal(threads.rows, here.rows)


def test_dask_does(runs) -> None:
    """Forecasts without a sampler, on a cluster of threads."""
    from distributed import Client

    with Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None) as client:
        split = make_splits(runs, "compute", [1e20])[0]
        task = backtest._Task(runs, split, "huber", QUICK)
        found = backtest._all([task], client.get_executor(), None, False)
    assert found[0]["median"].notna().all()


def test_the_isoflop_line_follows_isoflop_curves() -> None:
    runs = bs.data.simulate(
        seed=2, context_lengths=(8192,), budgets=(6e18, 2e19, 6e19, 2e20), token_param_ratios=()
    ).runs
    split = make_splits(runs, "compute", [1e20])[0]
    past, future = (chosen_runs(runs, rows) for rows in (split.fitted, split.predicted))
    draws = isoflop_line(past, future, 0)
    assert np.median(draws, 0) == pytest.approx(future.frame["loss"].to_numpy(), rel=0.05)
    assert np.isnan(isoflop_line(chosen_runs(past, np.arange(4)), future, 0)).all()


def test_what_is_left_out_keeps_the_unit_of_its_losses(runs) -> None:
    """By the name of their column: the priors of E and R go by the unit."""
    split = make_splits(runs, "compute", [1e20])[0]
    for name, unit in (("bpb", "bits/byte"), ("loss", "nats/token")):
        told = replace(runs, mapping=runs.mapping | {"loss": name})
        for rows in (split.fitted, split.predicted):
            part = chosen_runs(told, rows)
            assert part.loss_unit == unit
            assert part.frame["loss"].tolist() == runs.frame["loss"].iloc[rows].tolist()


def test_tasks_go_to_other_processes(runs) -> None:
    split = make_splits(runs, "compute", [1e20])[0]
    task = backtest._Task(runs, split, "model", QUICK)
    again = pickle.loads(pickle.dumps(task))
    assert again.key == task.key and again.settings.spec == QUICK.spec


def test_the_drift_covers_what_lies_beyond_a_law_that_bends() -> None:
    """Runs whose loss falls faster beyond 4e9 tokens."""
    frame = small_runs(FOUR).frame.copy()
    bend = np.log1p((frame["tokens"] / 4e9) ** 2)
    frame["loss"] *= np.exp(-0.04 * bend)
    runs = load_runs(frame)
    flops = frame["flops"].to_numpy()
    past, future = (load_runs(frame[rows].reset_index(drop=True)) for rows in (flops <= 3e19, flops > 3e19))
    assert len(runs) == len(past) + len(future)
    loss = future.frame["loss"].to_numpy()
    drifting, alone = (
        score(call(past, future, QUICK)[0], loss)["in_90"].mean() for call in (posterior, law_alone)
    )
    assert drifting > 0.75 > alone


def test_huber_forecasts_leave_out_groups_without_a_fit(runs) -> None:
    split = make_splits(runs, "group")[0]
    past, future = (chosen_runs(runs, rows) for rows in (split.fitted, split.predicted))
    assert np.isnan(huber(past, future, QUICK)[0]).all()
    split = make_splits(runs, "compute", [1e20])[0]
    past, future = (chosen_runs(runs, rows) for rows in (split.fitted, split.predicted))
    draws, _ = huber(past, future, QUICK)
    assert np.isfinite(draws).all()
    assert np.median(draws, 0) == pytest.approx(future.frame["loss"].to_numpy(), rel=0.05)


def test_forecasters_worth_comparing() -> None:
    assert names_for(QUICK.spec) == tuple(SCALES)
    assert names_for(bs.ModelSpec(discrepancy="none")) == ("model", "huber", "conformal", "isoflop line")


def test_rows_without_a_forecast_are_not_scored() -> None:
    rows = pd.DataFrame({"median": [1.0, np.nan], "forecaster": "model", "split": "a", "decades": 0.0})
    rows = rows.assign(
        error=0.1, width_90=0.2, crps=0.1, log_score=1.0, in_50=1.0, in_80=1.0, in_90=1.0, in_95=1.0
    )
    assert Backtest(rows).pooled["runs"].tolist() == [1]


def test_the_command_and_the_line_in_checks(runs, perfect, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(backtest, "workers", lambda executor, cores_each: nullcontext(Here()))
    table, kept, figure = tmp_path / "runs.csv", tmp_path / "kept", tmp_path / "figure.png"
    runs.frame.to_csv(table, index=False)
    options = ("--by", "group", "--folder", kept, "-o", figure)
    printed = run("backtest", table, *options)
    assert printed.exit_code == 0, printed.stderr
    assert "MAE (mnat)" in printed.stdout and "gate: none" in printed.stdout
    assert figure.stat().st_size > 10_000
    rows = records("backtest", table, "--by", "compute", "--cuts", "1e20")
    assert {row["forecaster"] for row in rows} == set(SCALES)
    line = small_fit().checks(bs.load_backtest(kept).rows)["calibrated"]
    assert line.status == "PASS" and "left out" in line.advice
    halved = bs.load_backtest(kept).rows.assign(in_90=lambda rows: rows["pit"].between(0.3, 0.7))
    assert small_fit().checks(halved)["calibrated"].status == "REVIEW"
    assert small_fit().checks(halved.head(3))["calibrated"].status == "REVIEW"


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--by", "loss"), "choose one of"),
        (("--cuts", "abc"), "'abc'"),
        (("--cuts", "1e30"), "1e+30"),
        (("--discrepancy", "wobble"), "wobble"),
        (("-o", "no/such/figure.png"), "does not exist"),
    ],
)
def test_bad_options_are_refused(runs, tmp_path, options, part: str) -> None:
    table = tmp_path / "runs.csv"
    runs.frame.to_csv(table, index=False)
    assert_refused(run("backtest", table, *options), part)


def test_folders_that_hold_no_back_test(tmp_path) -> None:
    with pytest.raises(RunsError, match="no back-test there"):
        bs.load_backtest(tmp_path)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RunsError, match=r"other\.csv: not of a back-test"):
        bs.load_backtest(tmp_path)


def test_conformal_intervals_hold_runs_like_those_that_calibrate(runs) -> None:
    """Runs left out at random are exchangeable with them; intervals lie evenly round the point fit."""
    left_out = np.arange(len(runs)) % 3 == 0
    future = runs.subset(left_out)
    draws, converged = conformal(runs.subset(~left_out), future, QUICK)
    assert converged
    low, middle, high = np.quantile(draws, [0.05, 0.5, 0.95], axis=0)
    inside = (future.frame["loss"] > low) & (future.frame["loss"] < high)
    assert inside.mean() == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / len(future)))
    np.testing.assert_allclose(np.log(high / middle), np.log(middle / low), atol=1e-4)
    narrow = np.quantile(draws, [0.25, 0.75], axis=0)
    half = (future.frame["loss"] > narrow[0]) & (future.frame["loss"] < narrow[1])
    assert half.mean() < inside.mean()


def test_groups_too_small_for_a_point_fit_have_no_forecast(runs) -> None:
    """Ten runs of a group are enough for the Huber fit, five, their half, too few for a calibrated one."""
    number = runs.frame.groupby(["architecture", "context_length"]).cumcount().to_numpy()
    past = runs.subset(number < 10)
    future = runs.subset((number >= 10) & (number < 12))
    assert np.isfinite(huber(past, future, QUICK)[0]).all()
    assert np.isnan(conformal(past, future, QUICK)[0]).all()
