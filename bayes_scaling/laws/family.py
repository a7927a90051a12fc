"""What a law of the family may be: which coefficients are free, which are fixed, which columns it reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from bayes_scaling.errors import SpecError
from bayes_scaling.laws.coefficients import COLUMNS
from bayes_scaling.laws.covariates import covariates_of
from bayes_scaling.laws.overfitting import NAMES as OVERFIT

FREE = ("A", "B", "alpha")  # in every law: what the runs pin down
FIXABLE = ("E", "beta", "gamma")  # E at 0; beta or gamma at any value


def check_family(
    name: str,
    names: Collection[str],
    fixed: Mapping[str, float],
    columns: Collection[str],
    known: Collection[str],
) -> None:
    """Refuse a law outside the family.

    Parameters
    ----------
    name : str
        The law's.
    names : collection of str
        Its free coefficients.
    fixed : mapping of str to float
    columns : collection of str
        Of the runs, that it needs.
    known : collection of str
        Names of all coefficients of the family.

    Raises
    ------
    SpecError
        What is wrong with it, and the remedy.
    """
    free = set(names)
    where = f"law {name!r}"
    if not name or not name.isprintable():
        raise SpecError(f"{where}: give it a name of some letters")
    if unknown := sorted({*free, *fixed} - set(known)):
        raise SpecError(
            f"{where}: no coefficient {unknown[0]!r} in this family, which has {', '.join(known)}"
        )
    if both := sorted(free & set(fixed)):
        raise SpecError(f"{where}: {both[0]} is free and fixed at once")
    if lost := [one for one in FREE if one not in free]:
        raise SpecError(f"{where}: {lost[0]} must be free")
    if lost := [one for one in FIXABLE if one not in free and one not in fixed]:
        raise SpecError(f"{where}: {lost[0]} is neither free nor fixed")
    if fixed.get("E", 0.0) != 0.0:
        raise SpecError(f"{where}: E is fixed at {fixed['E']:g}; fix it at 0, or give it a narrow prior")
    if {"beta", "gamma"} <= set(fixed) or min(fixed.get(one, 1.0) for one in ("beta", "gamma")) <= 0:
        raise SpecError(f"{where}: of beta and gamma at most one is fixed, at a positive value")
    if other := sorted(set(fixed) - set(FIXABLE)):
        raise SpecError(f"{where}: leave {other[0]} out rather than fix it")
    needed = {"repeat_tokens", "repeat_params"}
    if needed & free and not (needed <= free and "unique_tokens" in columns):
        raise SpecError(f"{where}: repetition takes {', '.join(sorted(needed))} and the column unique_tokens")
    if set(OVERFIT) & free and not {*needed, *OVERFIT} <= free:
        raise SpecError(f"{where}: overfitting takes {', '.join(OVERFIT)} and {', '.join(sorted(needed))}")
    for one in covariates_of(free):
        if one.column not in columns:
            raise SpecError(f"{where}: {one.coefficient} takes the column {one.column}: name it in columns")
    if unread := sorted(set(columns) - set(COLUMNS)):
        raise SpecError(f"{where}: no law reads a column {unread[0]!r}; there are {', '.join(COLUMNS)}")


def require_columns(name: str, needed: Collection[str], there: Collection[str]) -> None:
    """Refuse runs that lack a column that a law needs.

    Parameters
    ----------
    name : str
        The law's.
    needed, there : collection of str
        Columns.

    Raises
    ------
    SpecError
        Which column it is, what it holds, and what to do.
    """
    for column in needed:
        if column not in there:
            raise SpecError(
                f"law {name!r} needs the column {column!r} of the runs: {COLUMNS[column]}. Add it, or fit "
                "another law"
            )
