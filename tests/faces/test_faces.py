"""Every result shows itself: repr and HTML hold its numbers, tables are short or whole, plots are figures."""

from __future__ import annotations

import inspect
from dataclasses import replace
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.calibration.backtest import Backtest
from bayes_scaling.calibration.scores import score
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.faces.faced import Faced, _named
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.printing.numbers import count, loss, power
from tests.helpers.examples import example_latency
from tests.helpers.fits import small_fit

COMPUTE = [1e20, 1e21]
WIDTH = 100
SCENARIO = bs.Scenario(name="free", compute=1e20, context_length=8192)


@cache
def results() -> dict[str, Faced]:
    fit = small_fit()
    return {
        "runs": fit.runs,
        "fit": fit,
        "frontier": fit.frontier(COMPUTE),
        "comparison": fit.compare(COMPUTE),
        "two runs": fit.compare_runs([2.712, 2.709], 2.701, 8192, "xlstm"),
        "decision": fit.decide(COMPUTE, 8192),
        "map": fit.compare_map(COMPUTE),
        "target": fit.iso_loss([2.6, 2.5]),
        "size": fit.optimal_for_params(1e9),
        "context": fit.context_effect(1e20),
        "predictions": fit.predictions(fit.runs),
        "plan": fit.plan([SCENARIO]),
        "lifetime": fit.lifetime(2.5, [1e11, 1e13]),
        "design": fit.design_runs(1e21, 8192, runs=2),
        "latency": example_latency(),
        "backtest": small_backtest(),
        "checks": fit.checks(),
        "isoflop": bs.classical.isoflop_fit(fit.runs, resamples=5),
    }


def small_backtest() -> Backtest:
    """Runs left out, by two forecasters."""
    rng = np.random.default_rng(3)
    loss = small_fit().runs.frame["loss"].to_numpy()[:40]
    parts = []
    for name in ("model", "xlstm line"):
        scores = pd.DataFrame(score(loss + 0.01 * rng.standard_normal((500, 40)), loss))
        labels = {"by": "compute", "split": "compute <= 1e20", "forecaster": name, "converged": True}
        parts.append(scores.assign(**labels, loss=loss, decades=np.linspace(0, 1, 40)))
    return Backtest(pd.concat(parts, ignore_index=True))


NAMES = (
    "runs",
    "fit",
    "frontier",
    "comparison",
    "two runs",
    "decision",
    "map",
    "target",
    "size",
    "context",
    "predictions",
    "plan",
    "lifetime",
    "design",
    "latency",
    "backtest",
    "checks",
    "isoflop",
)


WORD = {"checks": "r_hat", "design": "Chosen one by one"}  # which groups these name, the draws say


@pytest.mark.parametrize("name", NAMES)
def test_a_repr_is_narrow_and_so_is_its_html_of_the_same_words(name: str) -> None:
    result = results()[name]
    text = repr(result)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert WORD.get(name, "xlstm") in text and "object at" not in text
    html = result._repr_html_()  # type: ignore[operator]
    assert html.count("<table>") == html.count("</table>") >= 1
    assert "<script" not in html and WORD.get(name, "xlstm") in html


def test_what_is_shown_are_the_numbers_of_the_whole_table() -> None:
    frontier: Any = results()["frontier"]
    text = repr(frontier)
    row = frontier.table(full=True).iloc[0]
    shown = (power(row["compute"]), count(row["params_median"]), loss(row["loss_q95"]))
    for part in (*shown, "cost 6ND"):
        assert part in text
        assert part in frontier._repr_html_()
    other = fit_elsewhere()
    assert count(row["params_median"]) not in repr(other)  # the control: numbers of another question


def fit_elsewhere() -> Any:
    return small_fit().frontier(3e19, 8192, "xlstm")


@pytest.mark.parametrize("name", NAMES)
def test_a_short_table_is_part_of_the_whole_one(name: str) -> None:
    result: Any = results()[name]
    if name == "runs":
        assert len(result.table(full=True)) == len(result)
        return
    if name in ("checks", "isoflop"):  # few columns anyway
        return
    short = result.table()
    whole = result.table(full=True)
    assert set(short) < set(whole) and 4 <= len(short.columns) < len(whole.columns)
    assert short.astype(object).fillna(0).equals(whole[list(short)].astype(object).fillna(0))


def test_short_tables_are_displayed_as_people_read_numbers() -> None:
    frontier: Any = results()["frontier"]
    short = frontier.table()
    value = short["params_median"].iloc[0]
    assert count(value) in repr(short) and count(value) in short._repr_html_()
    assert count(value) in repr(short[short["compute"] == COMPUTE[0]])
    assert f"{value:e}"[:8] not in repr(short)
    assert short["params_median"].iloc[0] == frontier.table(full=True)["params_median"].iloc[0]
    assert count(value) not in repr(
        frontier.table(full=True)
    )  # the control: the whole table is a plain frame


def test_of_a_long_answer_the_ends_are_shown() -> None:
    found: Any = results()["predictions"]
    rows = len(found.table(full=True))
    text = repr(found)
    assert rows > 90 and text.count("\n") < 50
    assert f"{rows} rows, of which 30 are shown" in text and f"\n {rows - 1} " in text
    assert len(repr(found.table()).splitlines()) < rows
    assert "rows, of which" not in repr(results()["frontier"])  # the control: a short one is whole


def test_names_are_text_in_html() -> None:
    frame = small_fit().runs.frame.assign(architecture="<b>bold</b>")
    runs = bs.load_runs(frame)
    html = runs._repr_html_()
    assert "&lt;b&gt;" in html and "<b>" not in html


METHODS = (
    "frontier",
    "compare",
    "compare_runs",
    "compare_map",
    "decide",
    "design_runs",
    "plan",
    "iso_loss",
    "optimal_for_params",
    "context_effect",
    "lifetime",
)


@pytest.mark.parametrize("name", METHODS)
def test_questions_are_methods_that_take_what_the_functions_take(name: str) -> None:
    method = list(inspect.signature(getattr(bs.Fit, name)).parameters.values())[1:]
    function = dict(inspect.signature(getattr(bs, name)).parameters)
    function.pop("fit")
    for parameter in method:
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            assert function[parameter.name].default == parameter.default
    assert name in dir(small_fit())


def test_a_method_answers_as_its_function_does() -> None:
    asked: Any = {"compute": 1e20, "context_length": 8192}
    ours = small_fit().frontier(**asked).table(full=True)
    assert ours.equals(bs.frontier(small_fit(), **asked).table(full=True))
    assert not ours.equals(small_fit().frontier(1e21, 8192).table(full=True))


PLOTTED = (
    *("runs", "fit", "frontier", "comparison", "two runs", "decision", "map", "target", "context"),
    *("predictions", "latency", "backtest"),
)


@pytest.mark.parametrize("name", PLOTTED)
def test_every_plot_is_a_figure_with_labels(name: str) -> None:
    figure = results()[name].plot()
    axes = [ax for ax in figure.axes if ax.get_visible() and ax.get_label() != "<colorbar>"]
    assert axes
    labels = [label for ax in axes for label in (ax.get_xlabel(), ax.get_ylabel()) if label]
    assert any(ax.get_xlabel() for ax in axes) and any(ax.get_ylabel() for ax in axes)
    units = ("FLOPs", "nat", "params", "tokens", "ms", "%", "share", "decades", "P(", "density", "PIT")
    assert all(any(unit in label for unit in units) or "compute" in label for label in labels), labels
    assert figure._repr_png_()[0][:4] == b"\x89PNG"


def test_an_unknown_figure_names_those_there_are() -> None:
    with pytest.raises(BayesScalingError, match=r"'residual'.*residuals"):
        small_fit().plot("residual")
    with pytest.raises(BayesScalingError, match="no figure"):
        results()["plan"].plot()


def kinds(kind: type) -> set[type]:
    below = {part for each in kind.__subclasses__() for part in kinds(each)}
    return below | {kind}


def test_printers_and_figures_that_results_name_exist() -> None:
    results()  # which imports most of the rooms
    named = [kind for kind in kinds(Faced) if kind._printer]
    assert len(named) >= 15
    for kind in named:
        for name in (f"printing.{kind._printer}", *(f"plots.{name}" for name in kind._figures.values())):
            assert callable(_named(name)), (kind, name)
    with pytest.raises(AttributeError):
        _named("printing.results.print_nothing")  # the control


def test_results_tell_losses_in_the_unit_of_their_runs() -> None:
    """Bits per byte where the column's name says so; nats per token, the control, elsewhere."""
    runs = small_fit().runs
    other = replace(runs, mapping=runs.mapping | {"loss": "eval/bpb"})
    for own, unit in ((runs, "nats/token"), (other, "bits/byte")):
        fit = Fit(small_fit().idata, own, small_fit().spec)
        answer = fit.frontier(COMPUTE, context_length=8192)
        assert f"({unit})" in repr(answer) and f"({unit})" in answer._repr_html_()
        predicted = fit.predictions(fit.runs)
        assert f"({unit})" in repr(predicted)
        for found in (
            predicted,
            fit.compare(COMPUTE, context_length=8192),
            fit.decide(COMPUTE, context_length=8192),
        ):
            assert found.loss_unit == unit
            assert "nats" not in repr(found) or "nats" in unit
        figure = answer.plot()
        figure.savefig(BytesIO())
        labels = [ax.get_ylabel() for ax in figure.axes]
        assert f"loss ({unit})" in labels
