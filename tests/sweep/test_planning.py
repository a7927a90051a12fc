"""Which runs there are, the file of results and what a crash leaves of it."""

import numpy as np
import pytest

from bayes_scaling.accounting import get_architecture
from bayes_scaling.errors import SweepError
from bayes_scaling.files.locking import only_writer
from bayes_scaling.sweep import running
from bayes_scaling.sweep.planning import (
    FITTED,
    PREREGISTERED,
    plan_table,
    planned_frame,
    planned_runs,
    run_flops,
    run_params,
    run_tokens,
)
from bayes_scaling.sweep.protocol import load_protocol, shape_of
from bayes_scaling.sweep.results import (
    COLUMNS,
    append_row,
    finished_runs,
    read_results,
    result_row,
    resume_results,
)
from bayes_scaling.sweep.running import run_sweep
from bayes_scaling.sweep.specs import RunSpec
from bayes_scaling.sweep.training.train import Trained
from tests.helpers.command_line import assert_refused, records, run


def made_up(spec, loss=2.0):
    """The row of a run that was not trained."""
    trained = Trained(run_params(spec), 5.5, loss, (3.0, 2.5, 2.2, 2.0), False, 1.5, 0.5, 2.0)
    return result_row(spec, trained, "a machine")


def test_budgets_are_met_to_half_a_step():
    for spec in planned_runs():
        if spec.budget and spec.design != "seed":
            assert abs(run_flops(spec) - spec.budget) <= 0.5001 * run_flops(spec) / spec.steps


def test_the_parts_make_up_the_whole_and_names_differ():
    fitted, later = planned_runs(FITTED), planned_runs(PREREGISTERED)
    names = [spec.run_id for spec in fitted + later]
    assert len(set(names)) == len(names)
    assert {spec.run_id for spec in planned_runs()} == set(names)
    assert min(map(run_flops, later)) >= 9.9 * max(map(run_flops, fitted))
    with pytest.raises(SweepError, match="no part 'half'"):
        planned_runs("half")


def test_the_grid_spans_what_was_asked():
    frame = planned_frame(planned_runs())
    assert frame["params"].max() / frame["params"].min() > 30
    isoflop = frame[frame["design"].isin(["isoflop", PREREGISTERED])]
    assert isoflop["flops"].max() / isoflop["flops"].min() > 100
    assert frame.groupby(["architecture", "context_length"]).size().min() > 40
    assert frame["tokens"].max() < 58e6  # no byte of the corpus twice


def test_accounted_flops_of_a_transformer_by_hand():
    spec = RunSpec("transformer", 128, "w32x2", 10)
    width, ffn, depth, vocab = 32, 88, 2, 256
    matrices = depth * (4 * width**2 + 3 * width * ffn) + width * vocab
    scores = depth * 128 * (2 * width + 2 * 2.5)  # causal q k', weights v, softmax
    gates = depth * 2 * ffn
    assert run_flops(spec) == pytest.approx(3 * run_tokens(spec) * (2 * matrices + scores + gates), rel=1e-12)


def test_the_plan_of_the_command_line():
    rows = records("sweep", "plan", "--part", PREREGISTERED)
    assert len(rows) == len(planned_runs(PREREGISTERED))
    table = run("sweep", "plan")
    assert f"{len(planned_runs())} runs" in table.stdout
    assert plan_table(planned_runs())["runs"].sum() == len(planned_runs())
    assert_refused(run("sweep", "plan", "--part", "half"), "no part 'half'")


def test_learning_rates_rise_and_fall():
    protocol = load_protocol()
    rates = protocol.learning_rates("xlstm", 64, 1000)
    peak = protocol.peak("xlstm", 64)
    assert rates.max() == pytest.approx(peak) and rates[0] == pytest.approx(peak / 100)
    assert np.all(np.diff(rates[:100]) > 0) and np.all(np.diff(rates[100:]) < 0)
    assert rates[-1] == pytest.approx(protocol.final_share * peak)
    assert protocol.peak("xlstm", 32) > peak


def test_an_unknown_shape_is_named():
    with pytest.raises(SweepError, match="no shape 'w7x7'"):
        shape_of("xlstm", "w7x7")


def test_rows_are_appended_and_read_back(tmp_path):
    path = tmp_path / "runs.csv"
    specs = planned_runs()[:3]
    for spec in specs:
        append_row(path, made_up(spec))
    assert finished_runs(path) == {spec.run_id for spec in specs}
    frame = read_results(path)
    assert tuple(frame.columns) == COLUMNS
    counted = get_architecture(specs[0].architecture).params(shape_of(specs[0].architecture, specs[0].shape))
    assert frame["params"].iloc[0] == counted


def test_a_torn_last_line_is_taken_out(tmp_path):
    path = tmp_path / "runs.csv"
    specs = planned_runs()[:2]
    for spec in specs:
        append_row(path, made_up(spec))
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    assert resume_results(path) == {specs[0].run_id}
    append_row(path, made_up(specs[1]))
    assert path.read_bytes().startswith(whole[:-400])
    assert finished_runs(path) == {spec.run_id for spec in specs}


def test_foreign_files_are_refused_and_left_alone(tmp_path, monkeypatch):
    path = tmp_path / "runs.csv"
    path.write_text("a,b\n1,2\n")
    assert_refused(run("sweep", "run", "-o", path), "runs.csv", "not a file of this sweep")
    assert path.read_text() == "a,b\n1,2\n"
    other = tmp_path / "other.csv"
    append_row(other, made_up(planned_runs()[0]) | {"protocol": "0123456789ab"})
    assert_refused(run("sweep", "run", "-o", other), "another protocol")
    with pytest.raises(SweepError, match="no such file"):
        read_results(tmp_path / "none.csv")


def test_a_model_of_another_size_is_an_error():
    trained = Trained(17, 5.5, 2.0, (3.0, 2.5, 2.2, 2.0), False, 1.5, 0.5, 2.0)
    with pytest.raises(SweepError, match="the model has 17 params"):
        result_row(planned_runs()[0], trained, "a machine")


def test_finished_runs_are_kept_when_one_fails(tmp_path, monkeypatch):
    path, specs = tmp_path / "runs.csv", planned_runs()[:3]

    def rows(left, workers):
        yield made_up(left[0])
        raise SweepError("a training process died")

    monkeypatch.setattr(running, "_rows", rows)
    monkeypatch.setattr(running, "load_corpus", lambda: None)
    with pytest.raises(SweepError, match="died"):
        run_sweep(specs, path)
    assert len(finished_runs(path)) == 1
    seen = []
    monkeypatch.setattr(running, "_rows", lambda left, workers: (seen.extend(left), map(made_up, left))[1])
    assert run_sweep(specs, path) == 2  # goes on with the others
    assert len(seen) == 2 and finished_runs(path) == {spec.run_id for spec in specs}
    assert run_sweep(specs, path) == 0


def test_training_without_its_extra_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "find_spec", lambda name: None)
    assert_refused(run("sweep", "run", "-o", tmp_path / "runs.csv"), "optax", "bayes-scaling[sweep]")
    assert not (tmp_path / "runs.csv").exists()


def test_a_second_sweep_into_the_file_is_refused(tmp_path):
    path = tmp_path / "runs.csv"
    with only_writer(path), pytest.raises(SweepError, match="another process writes to it"):
        run_sweep(planned_runs()[:1], path)
