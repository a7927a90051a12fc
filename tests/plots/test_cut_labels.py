"""No figure has a text that the edge of the paper cuts, and none tells a unit twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling.calibration.sbc import RANKED
from bayes_scaling.calibration.scores import score
from bayes_scaling.faces.loss_unit import in_loss_unit, own_unit
from bayes_scaling.latency.stages import STAGES
from bayes_scaling.plots import style
from bayes_scaling.plots.latency import plot_stages
from tests.helpers.figures import cut_texts
from tests.helpers.fits import small_fit

DATA = Path(__file__).parents[2] / "data"
QUANTITIES = ("E", "R", "share", "slope params", "slope tokens", "gamma", "sigma", "nu", "loss difference")


def verdict() -> Figure:
    """Of the predictions that ship, beside their results."""
    found = bs.judge(DATA / "preregistration.json", DATA / "measured_runs.csv")
    return plots.plot_verdict(found.runs, found.groups, found.distances)


def stages() -> Figure:
    sizes = (7.41e6, 16.9e6, 33.3e6)
    rows = [
        {"architecture": name, "params": params, "batch_size": 4, "prefill": 512, "stage": stage,
         "quantity": "step_time_ms", "median": params / 1e6, "q05": params / 3e6, "q95": params / 3e5,
         "time_ms": params / 9e5}
        for name in ("transformer", "xlstm")
        for params in sizes
        for stage in STAGES
    ]  # fmt: skip
    return plot_stages(pd.DataFrame(rows))


def ranks() -> Figure:
    rng = np.random.default_rng(0)
    names = [f"{name} [{group}]" for name in QUANTITIES for group in ("xlstm, 2048", "transformer, 2048")]
    return plots.plot_ranks(pd.DataFrame(rng.integers(0, RANKED + 1, (50, len(names))), columns=names))


def backtest() -> Figure:
    rng = np.random.default_rng(0)
    loss = small_fit().runs.frame["loss"].to_numpy()
    parts = []
    for name, wide in (("model", 0.02), ("law alone", 0.01), ("huber", 0.04), ("conformal", 0.1)):
        centre = loss + wide * rng.standard_normal(len(loss))
        scores = pd.DataFrame(score(centre + 0.02 * rng.standard_normal((200, len(loss))), loss))
        far = np.linspace(0, 1.9, len(loss))
        parts.append(scores.assign(split="all", forecaster=name, loss=loss, decades=far))
    return plots.plot_backtest(pd.concat(parts, ignore_index=True))


def timings() -> Figure:
    times = np.geomspace(3, 900, 24)
    table = pd.DataFrame(
        {"architecture": ["transformer", "xlstm"] * 12, "quantity": ["ttft_ms", "step_time_ms"] * 12,
         "predicted_ms": times, "residual": np.linspace(-40, 130, 24), "q05": -40.0, "q95": 60.0}
    )  # fmt: skip
    other = table.assign(architecture=table["architecture"].iloc[::-1].to_numpy())
    whole = pd.concat([table, other], ignore_index=True)
    return plots.plot_timings(whole.assign(inside=whole["residual"] < 60))


COST = {"nats/token": "nats"}  # a bare word stays bare in the unit that is written
DRAWN = {part.__name__: part for part in (verdict, stages, ranks, backtest, timings)}


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("unit", ["nats/token", "nats/byte", "bits/character"])
def test_no_text_is_cut_and_the_unit_is_told_once(name: str, unit: str) -> None:
    with own_unit(unit):
        figure = DRAWN[name]()
    assert cut_texts(figure) == []
    labels = [label for ax in figure.axes for label in (ax.get_xlabel(), ax.get_ylabel())]
    told = [label for label in labels if "nats" in label or "bits" in label]
    assert all(label.endswith(f"({unit})") for label in told)
    assert bool(told) == (name in ("verdict", "backtest"))


def test_every_column_of_ranks_has_its_axis_below() -> None:
    """Nine panels in rows of four: three columns end a row earlier."""
    figure = ranks()
    seen = [ax for ax in figure.axes if ax.get_visible()]
    assert len(seen) == len(QUANTITIES)
    lowest = [ax for ax in seen if ax.get_xlabel()]
    assert lowest == seen[-4:]
    figure.draw_without_rendering()
    for ax in seen:
        told = any(label.get_visible() for label in ax.get_xticklabels())
        assert told == (ax in lowest)


@pytest.mark.parametrize("kind", ["residuals", "isoflop", "coefficients", "surface", "comparison"])
def test_no_text_of_a_figure_of_a_fit_is_cut(kind: str) -> None:
    assert cut_texts(small_fit().plot(kind)) == []


def test_a_figure_of_a_result_tells_its_losses_in_their_unit() -> None:
    fit = small_fit()
    other = replace(fit, runs=replace(fit.runs, mapping=fit.runs.mapping | {"loss": "eval/bpb"}))
    for drawn, unit in ((other, "bits/byte"), (fit, "nats/token")):
        figure = plots.plot_isoflop(drawn)
        cut_texts(figure)
        assert figure.axes[0].get_ylabel() == f"loss ({unit})"


def test_a_cut_text_is_seen() -> None:
    figure = verdict()
    figure.axes[2].set_xlabel("decades outside the fitted runs, and in brackets how many runs there are")
    figure.axes[0].set_ylabel(60 * "loss ")
    assert len(cut_texts(figure)) == 2


def test_a_legend_has_as_many_columns_as_the_figure_has_room_for() -> None:
    entries = [style.swatch("black", text) for text in ("one", "two", "three", "four")]
    long = [style.swatch("black", 20 * text) for text in ("a ", "b ", "c ", "d ")]
    for handles, columns in ((entries, 4), (long, 2)):
        place = style.Place()
        figure, _ = style.panels(1, 2, place)
        style.legend_below(figure, handles, place)
        assert [legend._ncols for legend in figure.legends] == [columns]
        assert cut_texts(figure) == []


@pytest.mark.parametrize("unit", ["nats/token", "nats/byte", "bits/byte", "bits/character"])
def test_a_text_that_was_told_stays_as_it_is(unit: str) -> None:
    with own_unit(unit):
        once = in_loss_unit("loss (nats/token), 0.1 nats per token, cost (nats)")
        assert in_loss_unit(once) == once
    assert once == f"loss ({unit}), 0.1 {unit.replace('/', ' per ')}, cost ({COST.get(unit, unit)})"
