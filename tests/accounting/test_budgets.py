"""Budgets that no run can have are refused."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.accounting.budgets import check_budget
from bayes_scaling.errors import BudgetError


@pytest.mark.parametrize("bad", [0.0, -1e20, np.nan, np.inf, 1e41, []])
def test_budgets_outside_reason_are_refused(bad) -> None:
    with pytest.raises(BudgetError, match="1e40"):
        check_budget(bad)
    check_budget([1e18, 1e26])
