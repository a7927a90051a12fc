"""The page's section of latency: what it says is what the latency fit says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.decisions.serving_limits import as_serving, fitted_latency
from bayes_scaling.latency import fits_probability, predict_table, probability_below
from bayes_scaling.plots import plot_timings, timing_table
from bayes_scaling.posterior.checks import FAIL
from bayes_scaling.printing.numbers import count, plain, probability
from bayes_scaling.report.blocks import Picture, Table, Text
from bayes_scaling.report.html import render_html
from bayes_scaling.report.markdown import render_markdown
from bayes_scaling.report.writing import make_page
from tests.helpers.fits import small_fit
from tests.helpers.pages import LIMITS, PLAN, served_page, small_page, small_timings
from tests.helpers.serving import FakeServing
from tests.report.test_page import blocks, faults


@pytest.fixture(scope="module")
def section():
    (found,) = (section for section in served_page().sections if section.title == "Latency")
    return found


@pytest.fixture(scope="module")
def chosen():
    """The chosen rows: the question's own, then the plan's."""
    timed = small_timings()
    own = bs.decide(small_fit(), 1e21, 8192, limits=LIMITS, latency=timed).table(full=True).query("chosen")
    planned = bs.plan(small_fit(), PLAN, timed).table(full=True).query("chosen")
    return own.to_dict("records") + planned.to_dict("records")


def tables(section):
    return {block.caption: block for block in blocks((section,)) if isinstance(block, Table)}


def test_limits_are_met_as_the_latency_fit_says(section, chosen):
    found = tables(section)["Limits at what is chosen"].rows
    own, quick = chosen[0], chosen[2]
    asked = {"architecture": own["architecture"], "params": own["params"], "batch_size": 4, "prefill": 2048}
    first = {"architecture": quick["architecture"], "params": quick["params"], "prefill": 8192}
    met = [
        probability_below(small_timings(), quantity="step_time_ms", limit=5.0, **asked),
        fits_probability(small_timings(), **asked),
        probability_below(small_timings(), quantity="ttft_ms", limit=200.0, **first),
    ]
    assert [row[0] for row in found] == ["these budgets", "these budgets", "quick"]
    assert [row[-2] for row in found] == [probability(float(value)) for value in met]
    assert [row[-1] for row in found] == ["0.5", "0.5", "0.9"]
    assert "step time <= 5 ms" in found[0][4] and "fits the device" in found[1][4]
    assert abs(float(met[0]) - 0.5) < 5 * 0.5 / np.sqrt(300)  # the limit binds; 300 draws
    assert float(met[2]) > 0.9 - 5 * 0.3 / np.sqrt(300)


def test_times_are_those_of_what_is_chosen(section, chosen):
    found = tables(section)["Times of what is chosen"].rows
    assert [row[0] for row in found] == ["these budgets", "free", "quick"]
    assert [row[3] for row in found] == [count(row["params"]) for row in chosen]
    assert [row[4:6] for row in found] == [("4", "2048"), ("1", "8192"), ("1", "8192")]
    asked = {name: [row[name] for row in chosen] for name in ("architecture", "params")}
    queries = {**asked, "batch_size": [4, 1, 1], "prefill": [2048, 8192, 8192]}
    predicted = predict_table(small_timings(), queries)
    assert [row[7] for row in found] == [plain(value) for value in predicted["ttft_ms_median"]]
    assert [row[9] for row in found] == [plain(value) for value in predicted["step_time_ms_median"]]


def test_device_checks_and_timings_are_told(section):
    found = tables(section)
    device = dict(found["Device, timings and fit"].rows)
    assert device["device"] == "tester" and device["constants from"] == "given"
    assert device["priors from"] == "datasheet" and device["back end"] == "prior"
    assert device["data hash (SHA-256)"] == small_timings().timings.data_hash
    checks = {row[0]: row[1] for row in found["Checks of the latency fit"].rows}
    assert checks["model_sizes"] == "PASS" and "coverage" in checks and "r_hat" in checks
    timed = found["What was timed"].rows
    assert [row[:4] for row in timed] == [(name, "48", "3", "0") for name in ("transformer", "xlstm")]
    odd = [item for part in section.parts for block in part.blocks for item in getattr(block, "items", ())]
    assert len(odd) == 1 and "faster than any known device" in odd[0]  # a millisecond for everything


def test_a_limit_of_time_alone_may_choose_what_does_not_fit():
    limits = {"ttft_ms": 1e7, "batch_size": 512, "prefill": 16384}
    page = make_page(small_fit(), 1e23, 8192, limits=limits, latency=small_timings())
    (section,) = (section for section in page.sections if section.title == "Latency")
    told = [block.text for block in section.blocks if isinstance(block, Text) and block.kind == "warning"]
    assert any("memory=true would rule it out" in text for text in told)
    assert any("outside the timings" in text and "params" in text for text in told)


def test_fitted_times_are_counted(section):
    table = timing_table(small_timings())
    predicted = predict_table(small_timings(), small_timings().timings)
    steps = table[table["quantity"] == "step_time_ms"]
    np.testing.assert_allclose(steps["predicted_ms"], predicted["step_time_ms_median"])
    np.testing.assert_allclose(steps["residual"], 100 * (1.0 / predicted["step_time_ms_median"] - 1))
    np.testing.assert_array_equal(
        steps["inside"],
        (predicted["step_time_ms_q05"] <= 1.0) & (predicted["step_time_ms_q95"] >= 1.0),
    )
    rows = tables(section)["Fitted times inside their 90% response interval"].rows
    assert sum(int(row[2]) for row in rows) == table["inside"].sum()
    assert sum(int(row[3]) for row in rows) == len(table) == 2 * len(predicted)
    assert [p.name for p in blocks((section,)) if isinstance(p, Picture)] == ["timings"]


def test_times_that_are_missing_are_not_drawn():
    fit = small_timings()
    frame = fit.timings.frame.assign(ttft_ms=np.nan)
    frame.loc[frame["architecture"] == "xlstm", "step_time_ms"] = np.nan
    table = timing_table(replace(fit, timings=replace(fit.timings, frame=frame)))
    assert set(table["quantity"]) == {"step_time_ms"} and set(table["architecture"]) == {"transformer"}
    assert len(plot_timings(table).axes) == 1


def test_html_and_markdown_have_it():
    html, text = render_html(served_page()), render_markdown(served_page(), "figures")
    assert faults(html) == []
    for shown in (html, text):
        assert all(
            title in shown for title in ("Limits at what is chosen", "Device and origin", "timings of")
        )
    assert "](figures/timings.png)" in text


def test_status_is_the_worst_of_both(monkeypatch):
    assert served_page().status == FAIL
    assert "Latency" not in [section.title for section in small_page().sections]


def test_the_fit_behind_a_question():
    fit = small_timings()
    assert fitted_latency(fit) is fit and fitted_latency(as_serving(fit)) is fit
    assert fitted_latency(None) is None and fitted_latency(FakeServing()) is None
