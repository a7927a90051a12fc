"""Which figure a result is drawn as, where it has several."""

from __future__ import annotations

from collections.abc import Mapping

from bayes_scaling.errors import BayesScalingError


def chosen(figures: Mapping[str, str], kind: str | None, result: str) -> str:
    """The module and function that draw a figure of that name; the first where none is named.

    Raises
    ------
    BayesScalingError
        There is none of that name, or none at all.
    """
    if not figures:
        raise BayesScalingError(f"there is no figure of a {result}; draw its decisions or its table")
    if kind is None:
        return next(iter(figures.values()))
    if kind not in figures:
        known = ", ".join(figures)
        raise BayesScalingError(f"no figure {kind!r} of a {result}; choose one of {known}")
    return figures[kind]
