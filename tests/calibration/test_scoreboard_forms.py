"""The point fits beside the package's laws on the scoreboard: published forms, simple-scaling-laws."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchmarks.scoreboard import point_scores
from benchmarks.scoreboard_forms import (
    CHINCHILLA,
    FARSEER,
    FINE_TUNED,
    MUENNIGHOFF,
    PARALLEL,
    ROUTED,
    Form,
    least_squares_forecast,
)
from benchmarks.simple_scaling_laws_forecast import available, simple_scaling_laws_forecast
from tests.helpers.small_runs import plane, small_runs

FLAT = Form("one loss for all", lambda columns, p: p[0] + 0 * columns["params"], (1.0,), (1.0,))


def form_table(form: Form) -> pd.DataFrame:
    """Runs of one group whose losses are the form's, away from the middle of its starts."""
    rng = np.random.default_rng(4)
    table = plane(48, 5).assign(parallel_streams=rng.choice([1.0, 2.0, 4.0, 8.0], 48), unique_tokens=2e9)
    table["num_experts"] = rng.choice([1.0, 2.0, 8.0, 32.0], 48)
    if form is FINE_TUNED:
        table["tokens"] = np.geomspace(2e4, 8e7, 48)
    columns = {name: table[name].to_numpy() for name in table}
    away = np.array(form.middle) + 0.3 * np.array(form.spread)
    return table.assign(loss=form.loss(columns, away), architecture="all")


FORMS = (CHINCHILLA, MUENNIGHOFF, PARALLEL, ROUTED, FINE_TUNED, FARSEER)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_least_squares_finds_its_form_again(form: Form) -> None:
    table = form_table(form)
    past, future = table[:40], table[40:]
    loss = future["loss"].to_numpy()
    found = least_squares_forecast(form, past, future, ["architecture"])
    flat = least_squares_forecast(FLAT, past, future, ["architecture"])
    assert point_scores(found, loss)["R2"] > 0.99
    assert point_scores(flat, loss)["R2"] < 0.5


def test_groups_too_small_for_a_form_have_no_forecast() -> None:
    table = form_table(PARALLEL)
    few = table[:4]
    assert np.isnan(least_squares_forecast(PARALLEL, few, table[40:], ["architecture"])).all()
    other = table[40:].assign(architecture="unseen")
    assert np.isnan(least_squares_forecast(PARALLEL, table[:40], other, ["architecture"])).all()


class Quantiles:
    """As much of a table of polars as is asked for."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self.columns = list(frame)

    def select(self, names: list[str]) -> Quantiles:
        return Quantiles(self.frame[names])

    def to_numpy(self) -> np.ndarray:
        return self.frame.to_numpy()


def fake_package(loss: float) -> ModuleType:
    """A package of that name whose every forecast is one loss; it refuses groups of fewer than 20 runs."""

    def predict(points: pd.DataFrame, kind: str, quantiles: list[float]) -> Quantiles:
        told = {f"test_loss__loss__q{level}": loss + level * np.ones(len(points)) for level in quantiles}
        return Quantiles(pd.DataFrame({"domain": "interpolation", **told}, index=points.index))

    def fit(runs: pd.DataFrame, n_draws: int, seed: int) -> SimpleNamespace:
        if len(runs) < 20:
            raise ValueError("too few runs")
        assert {"model_size__params", "dataset_size__tokens", "test_loss__loss", "training_run_id"} == set(
            runs
        )
        return SimpleNamespace(predict=predict)

    module = ModuleType("simple_scaling_laws")
    module.__spec__ = ModuleSpec("simple_scaling_laws", None)
    vars(module)["fit"] = fit
    return module


def test_simple_scaling_laws_stands_beside_where_it_is_installed(monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "simple_scaling_laws", fake_package(2.0))
    assert available()
    runs = small_runs((("llama", 2048), ("xlstm", 2048))).frame
    past = runs[~((runs["architecture"] == "xlstm") & (runs["flops"] > 1e20))]
    found = simple_scaling_laws_forecast(past[past["flops"] < 2.9e20], runs, ["architecture"])
    llama = (runs["architecture"] == "llama").to_numpy()
    assert np.isfinite(found[:, llama]).all() and np.isnan(found[:, ~llama]).all()
    np.testing.assert_allclose(np.median(found[:, llama]), 2.5)
    assert "xlstm: too few runs" in capsys.readouterr().err
