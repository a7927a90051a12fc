"""Three estimators side by side, and one line where they differ."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.classical.huber import huber_fit
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.law_alone import law_alone
from bayes_scaling.printing.estimators import estimator_columns, estimator_remarks, print_estimators
from bayes_scaling.questions import estimators as module
from bayes_scaling.questions.estimators import apart, disagreements, estimators
from bayes_scaling.questions.frontier import frontier
from bayes_scaling.questions.query import Query
from bayes_scaling.report import estimators as report_estimators
from tests.helpers.command_line import records, run
from tests.helpers.fits import small_fit
from tests.helpers.synthetic import with_group

ASKED = ([2e19, 6e19], 8192, "xlstm")


@pytest.fixture(scope="module")
def table():
    return estimators(small_fit(), *ASKED)


def with_alone(monkeypatch, factor: float) -> None:
    """The law alone with its params term scaled."""
    alone = law_alone(small_fit())
    other = with_group(alone, "posterior", A=alone.posterior["A"] * factor)
    monkeypatch.setattr(module, "law_alone", lambda fit: other)
    monkeypatch.setattr(module, "is_sampled", lambda fit: True)


def test_the_columns_are_those_of_each_estimator_by_itself(table) -> None:
    fit = small_fit()
    default = frontier(fit, *ASKED).table(full=True)
    alone = law_alone(fit)
    lone = frontier(Fit(alone.idata, alone.runs, alone.spec), *ASKED).table(full=True)
    for name in ("params_median", "params_q05", "loss_q95"):
        np.testing.assert_allclose(table[name], default[name])
        np.testing.assert_allclose(table[f"alone_{name}"], lone[name])
    frame = fit.runs.frame
    own = ((frame["architecture"] == "xlstm") & (frame["context_length"] == 8192)).to_numpy()
    huber = huber_fit(fit.runs.subset(own), starts=100, resamples=20).frontier(ASKED[0])
    np.testing.assert_allclose(table["huber_params_median"], huber["params_estimate"], rtol=1e-6)
    np.testing.assert_allclose(table["huber_loss_q05"], huber["loss_q05"], rtol=1e-6)


def test_a_context_without_runs_has_no_classical_answer() -> None:
    row = estimators(small_fit(), 6e19, [4096], "xlstm").iloc[0]
    assert np.isnan(row["huber_params_median"]) and np.isfinite(row["alone_params_median"])
    cells = {column.title: column.cells for column in estimator_columns(row.to_frame().T)}
    params = dict(zip(cells["estimator"], cells["params (90% interval)"], strict=True))
    assert params["classical"] == "-" and " to " in params["law alone"]


def test_alike_they_say_nothing(monkeypatch) -> None:
    fit = small_fit()
    monkeypatch.setattr(module, "law_alone", lambda fit: fit)
    found = disagreements(fit, Query.of(fit, *ASKED))
    assert found.empty and estimator_remarks(found) == []


def test_apart_one_line_has_all_three_and_what_moves_them(monkeypatch) -> None:
    fit = small_fit()
    with_alone(monkeypatch, 30.0)
    found = disagreements(fit, Query.of(fit, *ASKED))
    assert len(found) == 2 and apart(found).all()
    line = estimator_remarks(found)[0]
    assert "the law alone (normal at its mode)" in estimator_remarks(found.assign(alone_how="normal"))[0]
    for part in (
        "the default gives",
        "the law alone",
        "the classical Huber fit",
        "the drift moves the params by -",
    ):
        assert part in line
    assert "\n" not in line
    many = estimator_remarks(pd.concat([found] * 3))
    assert len(many) == 5 and "differ in 2 more rows" in many[-1]
    loss = found.assign(alone_params_gap=0.5, alone_loss_gap=2.0)
    assert "of the loss of the optimum the default gives" in estimator_remarks(loss)[0]


@pytest.mark.parametrize(("factor", "sampled"), [(1.0, False), (30.0, True)])
def test_what_looks_apart_is_sampled_before_it_is_told(monkeypatch, factor: float, sampled: bool) -> None:
    fit = small_fit()
    with_alone(monkeypatch, factor)
    asked: list[Fit] = []
    monkeypatch.setattr(report_estimators, "is_sampled", lambda fit: False)
    monkeypatch.setattr(report_estimators, "sample_law_alone", asked.append)
    report_estimators.verified_disagreements(fit, Query.of(fit, 6e19, 8192, "transformer"))
    assert (asked == [fit]) == sampled


def test_losses_apart_by_less_than_matters_are_alike(table) -> None:
    row = table.iloc[[0]].assign(alone_params_gap=0.5, alone_loss_gap=3.0)
    little, much = (row.assign(alone_loss_median=row["loss_median"] + nats) for nats in (0.005, 0.02))
    assert not apart(little).any() and apart(much).all()
    assert apart(little.assign(alone_params_gap=1.5)).all()


def test_repetition_has_no_classical_answer(table) -> None:
    query = Query.of(small_fit(), *ASKED)
    asked = Query(query.compute, query.context_length, query.architecture, query.cost, unique_tokens=1e10)
    assert module._classical(small_fit(), asked, table) is None
    assert module._classical(small_fit(), query, table) is not None  # the control


def test_the_command_line_has_them_as_columns(tmp_path, capsys, table) -> None:
    print_estimators(table)
    shown = capsys.readouterr().out
    for title in ("estimator", "default", "law alone", "classical", "params (90%", "loss (90%"):
        assert title in shown
    file = small_fit().save(tmp_path / "fit.nc")
    asked = ("frontier", file, "--compute", "6e19", "--context-length", 8192, "--architecture", "xlstm")
    (row,) = records(*asked, "--beside")
    assert row["alone_how"] == "sampled" and row["params_median"] == pytest.approx(
        table["params_median"].iloc[1]
    )
    assert row["alone_params_median"] == pytest.approx(table["alone_params_median"].iloc[1], rel=0.1)
    assert "alone_params_median" not in records(*asked)[0]
    assert "  law alone  " in run(*asked, "--beside").stdout
    assert "  law alone  " not in run(*asked).stdout
