"""Training: a shipped row is made again, divergence is flagged, schedules end where they should."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.data.catalog import shipped_path
from bayes_scaling.errors import SweepError
from bayes_scaling.sweep.planning import planned_runs, run_params
from bayes_scaling.sweep.protocol import load_protocol, shape_of
from bayes_scaling.sweep.results import OK, finished_runs, protocol_hash
from bayes_scaling.sweep.specs import RunSpec
from bayes_scaling.sweep.training.corpus import load_corpus
from bayes_scaling.sweep.training.train import DIVERGED_ABOVE, train

ARCHITECTURES = ("transformer", "xlstm")


@pytest.fixture(scope="module")
def corpus():
    try:
        return load_corpus()
    except SweepError as error:
        pytest.skip(f"no package index to fetch the text from: {error}")


@pytest.fixture(scope="module")
def shipped():
    return pd.read_csv(shipped_path("measured")).set_index("run_id")


def seed_noise(frame):
    """Standard deviation of ln loss between seeds, pooled over the repeated cells."""
    cells = frame.assign(loss=np.log(frame["loss"])).groupby(
        ["architecture", "context_length", "params", "steps"]
    )
    counts = cells["loss"].size()
    return float(np.sqrt(cells["loss"].var()[counts > 1].mean()))


def train_again(spec, corpus, **changes):
    return train(spec, shape_of(spec.architecture, spec.shape), load_protocol(**changes), corpus)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_shipped_cell_is_made_again(architecture, corpus, shipped):
    spec = min(
        (s for s in planned_runs("fitted") if s.architecture == architecture and s.context_length == 128),
        key=lambda s: s.steps * run_params(s),
    )
    row, noise = shipped.loc[spec.run_id], seed_noise(shipped.reset_index())
    again = train_again(spec, corpus)
    assert abs(np.log(again.loss / row["loss"])) < 2 * noise
    assert again.initial_loss == pytest.approx(row["initial_loss"], abs=1e-3)
    assert again.params == row["params"] and not again.diverged
    slower = train_again(spec, corpus, learning_rate={architecture: 0.0055 / 8})
    assert np.log(slower.loss / row["loss"]) > 2 * noise


def test_a_run_that_diverges_is_flagged_and_keeps_a_loss(corpus):
    spec = RunSpec("transformer", 32, "w8x1", 70)
    trained = train_again(spec, corpus, learning_rate={"transformer": 100.0})
    assert trained.diverged and trained.loss == trained.initial_loss
    assert np.isfinite(trained.loss) and DIVERGED_ABOVE > 1


def test_the_curve_falls_and_the_second_run_need_not_compile(corpus):
    spec = RunSpec("xlstm", 32, "w8x1", 150)
    first = train_again(spec, corpus)
    again = train_again(spec, corpus)
    assert first.curve[-1] < first.curve[0]
    assert first.curve[-1] < first.initial_loss - 1
    assert again.compile_s < 0.1 and again.loss == pytest.approx(first.loss, abs=1e-4)


def test_the_shipped_file_is_the_planned_sweep(shipped):
    assert finished_runs(shipped_path("measured")) == {spec.run_id for spec in planned_runs()}
    assert (shipped["protocol"] == protocol_hash()).all() and (shipped["status"] == OK).all()
