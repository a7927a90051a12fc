"""A loss that cannot be fails a fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior import group_optima
from bayes_scaling.posterior.answer_checks import answers
from bayes_scaling.posterior.checks import FAIL, PASS, REVIEW
from bayes_scaling.posterior.plausible_loss import below_every_run, below_the_floor
from bayes_scaling.posterior.posterior import Posterior
from tests.helpers.synthetic import synthetic_fit, with_group

FIT = synthetic_fit(chains=2, draws=100)
MOST = FIT.runs.frame["flops"].max()


class Sinking:
    """A surface whose loss sinks by a factor beyond some compute, as a drift may make it."""

    def __init__(self, surface: Any, factor: float, beyond: float) -> None:
        self.surface = surface
        self.values = surface.values
        self.factor = factor
        self.beyond = beyond
        self.optimal_log_params = surface.optimal_log_params

    def loss(self, params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Of the surface, or what is left of it."""
        sunk = 6 * params * tokens > self.beyond
        return self.surface.loss(params, tokens) * np.where(sunk, self.factor, 1.0)


def check(monkeypatch, factor: float, beyond: float, name: str = "predicted_loss"):
    """The check of the fit whose surfaces sink."""
    real = group_optima.surface_of
    monkeypatch.setattr(group_optima, "surface_of", lambda *a: Sinking(real(*a), factor, beyond))
    return {row.name: row for row in answers(FIT)}[name]


@pytest.mark.parametrize(
    ("factor", "beyond", "status"),
    [(1.0, 0.0, PASS), (0.5, 0.0, FAIL), (0.5, 3 * MOST, REVIEW), (0.5, 30 * MOST, PASS)],
)
def test_losses_below_the_floor(monkeypatch, factor: float, beyond: float, status: str) -> None:
    row = check(monkeypatch, factor, beyond)
    assert row.status == status
    assert row.value == (0.0 if status == PASS else 1.0)
    if status != PASS:
        assert "100% of the draws predict a loss below their own E" in row.advice


def test_a_law_without_a_floor_has_no_such_check() -> None:
    kaplan = replace(FIT, spec=ModelSpec(law="kaplan", discrepancy="none"))
    assert below_the_floor(kaplan) == ()
    assert [row.name for row in answers(kaplan)] == ["size_loss"]


def test_what_cannot_be_searched_asks_for_review(monkeypatch) -> None:
    def fail(*_: Any) -> None:
        raise BayesScalingError("no optimum")

    monkeypatch.setattr(group_optima, "surface_of", fail)
    row = answers(FIT)[0]
    assert (row.name, row.status) == ("predicted_loss", REVIEW) and "no optimum" in row.advice


def sized(shift: float, runs: int = 4) -> Posterior:
    """The fit with so many runs of one size, their predictions too low by a shift."""
    frame = FIT.runs.frame.copy()
    rows = frame.index[(frame["architecture"] == "xlstm") & (frame["context_length"] == 8192)][:runs]
    frame.loc[rows, "params"] = 1.234e8
    frame["flops"] = 6 * frame["params"] * frame["tokens"]
    loss = FIT.idata["posterior_predictive"]["loss"].copy(deep=True)
    loss.loc[{"run": list(rows)}] = loss.loc[{"run": list(rows)}] - shift
    return replace(with_group(FIT, "posterior_predictive", loss=loss), runs=load_runs(frame))


def test_every_run_of_a_size_above_its_prediction_fails() -> None:
    assert below_every_run(sized(0.0)) == []
    assert below_every_run(sized(0.1, runs=2)) == []  # too few to tell
    low = sized(0.1)
    assert below_every_run(low) == ["xlstm, 8192 at 1.23e+08 params"]
    row = next(row for row in answers(low) if row.name == "size_loss")
    assert (row.status, row.value) == (
        FAIL,
        1,
    ) and "every run of xlstm, 8192 at 1.23e+08 params" in row.advice


def test_one_run_on_its_prediction_is_enough() -> None:
    low = sized(0.1)
    loss = low.idata["posterior_predictive"]["loss"].copy(deep=True)
    row = int(np.flatnonzero(np.isclose(low.runs.frame["params"], 1.234e8))[0])
    loss.loc[{"run": row}] = loss.loc[{"run": row}] + 0.1
    assert below_every_run(with_group(low, "posterior_predictive", loss=loss)) == []
