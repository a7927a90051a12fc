"""Figures of decisions: labelled, legend outside, what they mark where it is."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.decisions.decide import decide
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.plots import plot_decision
from tests.helpers.serving import FakeServing
from tests.helpers.synthetic import synthetic_fit

FIT = synthetic_fit(draws=50, sigma=0.02)


@pytest.fixture(scope="module")
def decision():
    return decide(FIT, 1e22, 8192, limits={"params_at_most": 4e9})


@pytest.fixture(scope="module")
def figure(decision):
    return plot_decision(decision)


def test_axes_are_labelled_and_the_legend_covers_nothing(figure) -> None:
    figure.draw_without_rendering()
    top = figure.legends[0].get_window_extent().y1
    assert len(figure.axes) == 2 and len(figure.legends) == 1
    assert all(ax.get_window_extent().y0 > top for ax in figure.axes)
    assert figure.axes[0].get_ylabel() == "loss (nats/token)" and figure.axes[1].get_xlabel() == "params"
    assert figure.axes[0].get_title(loc="left") == "1e22 FLOPs,\ncontext 8,192"
    labels = {text.get_text() for text in figure.legends[0].get_texts()}
    assert {"chosen", "rival", "transformer, mean", "xlstm, mean"} <= labels


def test_the_action_lies_on_the_curve_and_at_its_lowest(figure, decision) -> None:
    lines = figure.axes[0].lines
    drawn = zip(lines[::2], lines[1::2], strict=True)
    for (curve, action), row in zip(drawn, decision.table(full=True).to_dict("records"), strict=True):
        filled = action.get_markerfacecolor() != "white"
        assert filled == row["chosen"]
        assert action.get_xdata()[0] == row["params"]
        assert action.get_ydata()[0] == pytest.approx(np.min(curve.get_ydata()), abs=1e-4)
        assert curve.get_xdata().max() == pytest.approx(4e9)


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(BayesScalingError, match="8 decisions cannot be drawn"):
        plot_decision(decide(FIT, [1e20, 3e20, 1e21, 1e22]))
    none = {"step_time_ms": 0.001, "params_at_least": 1e9}
    with pytest.raises(BayesScalingError, match="0 decisions"):
        plot_decision(decide(FIT, 1e22, 8192, limits=none, latency=FakeServing()))
