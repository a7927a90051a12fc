"""What a number is, and what a positive one."""

from __future__ import annotations

import math
from typing import Any


def is_finite_number(value: Any) -> bool:
    """Whether a value is an integer or a float, neither a truth value nor infinite nor NaN.

    Parameters
    ----------
    value : Any
        What a user gave.

    Returns
    -------
    bool
    """
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return plain and -math.inf < value < math.inf


def is_positive_number(value: Any) -> bool:
    """Whether a value is a finite number above 0.

    Parameters
    ----------
    value : Any
        What a user gave.

    Returns
    -------
    bool
    """
    return is_finite_number(value) and bool(value > 0)
