"""One page for all tests of pages."""

from __future__ import annotations

from functools import cache

from bayes_scaling.page.blocks import Page
from bayes_scaling.page.writing import make_page
from tests.fits import small_fit

BUDGETS = (6e19, 1e21)


@cache
def small_page() -> Page:
    """About the small fit, at a budget of its runs and at one beyond."""
    return make_page(small_fit(), BUDGETS, 8192)
