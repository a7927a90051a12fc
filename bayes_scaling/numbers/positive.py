"""Positive numbers, one or many, or an error that names them."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_scaling.errors import BayesScalingError


def are_positive(values: np.ndarray) -> np.ndarray:
    """Which values are finite and above 0.

    Parameters
    ----------
    values : ndarray
        Numbers of any shape.

    Returns
    -------
    ndarray
        Truth values of the same shape.
    """
    return np.asarray(np.isfinite(values) & (values > 0))


def positive_numbers(
    name: str, values: Any, error: type[BayesScalingError], example: str | None = None
) -> np.ndarray:
    """Positive numbers, in the order given.

    Parameters
    ----------
    name : str
        What they are called in the message.
    values : Any
        One number or several.
    error : type
        What to raise.
    example : str, optional
        A good value, for the message.

    Returns
    -------
    ndarray
        One axis.

    Raises
    ------
    BayesScalingError
        The error given: text, no value at all, or the first value that is not a positive number.
    """
    remedy = "give a positive number" + (f", such as {example}" if example else "")
    try:
        found = np.atleast_1d(np.asarray(values, dtype=float)).ravel()
    except (TypeError, ValueError):
        raise error(f"{name} {values!r}: {remedy}") from None
    bad = found[~are_positive(found)]
    if bad.size or not found.size:
        raise error(f"{name} {bad[0] if bad.size else 'none'}: {remedy}")
    return found


def positive_values(
    name: str, values: Any, error: type[BayesScalingError], example: str | None = None
) -> np.ndarray:
    """`positive_numbers`, ascending and each once."""
    return np.unique(positive_numbers(name, values, error, example))
