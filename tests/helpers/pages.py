"""Pages for all tests of pages."""

from __future__ import annotations

import warnings
from functools import cache

from bayes_scaling.decisions.scenarios import Scenario
from bayes_scaling.errors import TimingsWarning
from bayes_scaling.latency import LatencyFit, LatencySettings, prior_fit
from bayes_scaling.report.blocks import Page
from bayes_scaling.report.writing import make_page
from tests.helpers.fits import small_fit
from tests.helpers.latency_tables import DEVICE, queries

BUDGETS = (6e19, 1e21)


@cache
def small_page() -> Page:
    """About the small fit, at a budget of its runs and at one beyond."""
    return make_page(small_fit(), BUDGETS, 8192)


LIMITS = {"step_time_ms": 5.0, "batch_size": 4, "prefill": 2048, "memory": True, "probability": 0.5}
PLAN = (
    Scenario("free", 1e21, 8192),
    Scenario("quick", 1e21, 8192, limits={"ttft_ms": 200.0, "batch_size": 1, "prefill": 8192}),
)


@cache
def small_timings() -> LatencyFit:
    """A latency fit that has seen no timings: its posterior is the prior."""
    table = queries(("transformer", "xlstm")).assign(ttft_ms=1.0, step_time_ms=1.0, measured=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TimingsWarning)
        return prior_fit(table, LatencySettings(DEVICE), draws=300)


@cache
def served_page() -> Page:
    """The same with latency, under limits and with a plan."""
    return make_page(small_fit(), 1e21, 8192, limits=LIMITS, latency=small_timings(), plan=PLAN)
