"""One meaning of a positive number."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from bayes_scaling.errors import BudgetError
from bayes_scaling.numbers.plain import is_finite_number, is_positive_number
from bayes_scaling.numbers.positive import are_positive, positive_values


@pytest.mark.parametrize("value", [1, 2.5, 1e-300, np.float64(3.0), 10**400])
def test_positive_numbers(value) -> None:
    assert is_positive_number(value)


@pytest.mark.parametrize("value", [0, -1.0, True, math.inf, math.nan, "1", None, [1.0]])
def test_what_is_none(value) -> None:
    assert not is_positive_number(value)


def test_a_finite_number_may_be_zero_or_negative() -> None:
    assert is_finite_number(0)
    assert is_finite_number(-2.5)
    assert not is_finite_number(False)
    assert not is_finite_number(-math.inf)


def test_positive_elements() -> None:
    values = np.array([1.0, 0.0, -1.0, np.inf, np.nan])
    assert are_positive(values).tolist() == [True, False, False, False, False]


def test_values_come_ascending_and_once() -> None:
    assert positive_values("loss", [3, 2.0, 3], BudgetError).tolist() == [2.0, 3.0]
    assert positive_values("loss", 2, BudgetError).tolist() == [2.0]


@pytest.mark.parametrize(
    ("values", "example", "message"),
    [
        ([2.0, -1.0], None, "loss -1.0: give a positive number"),
        ([], None, "loss none: give a positive number"),
        ("many", None, "loss 'many': give a positive number"),
        ([math.inf], "2.5", "loss inf: give a positive number, such as 2.5"),
    ],
)
def test_the_message_names_the_value_and_the_remedy(values, example, message: str) -> None:
    with pytest.raises(BudgetError, match=f"^{re.escape(message)}$"):
        positive_values("loss", values, BudgetError, example)
