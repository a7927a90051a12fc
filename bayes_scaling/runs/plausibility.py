"""Plausibility of a whole table: sizes, ratios and losses that no training has, with the likely unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import pandas as pd

from bayes_scaling.runs.column_units import named_units
from bayes_scaling.runs.expected_loss import expected_loss
from bayes_scaling.runs.finding import Finding, of_rows, rows_of
from bayes_scaling.runs.mixed_units import mixed_units
from bayes_scaling.runs.tenfold import tenfold_slips

HIGHEST_LOSS = 12.5  # nats: ln of 268,000, guessing among the largest vocabularies
SMALLEST = {"params": 1e3, "tokens": 1e3, "context_length": 16.0}
LARGEST = {"params": 1e14, "tokens": 1e16}
RATIOS = (1.0, 5000.0)  # tokens per param: the median of a table of trainings lies well inside
ROW_RATIOS = (0.005, 1e6)
FEWEST_ROWS = 8
ALONE = 0.3  # of ln loss: the least distance told where architectures are compared with each other
WITHIN = 0.12  # of ln loss: the same inside one architecture
SEVERE = 0.25  # of ln loss
FAR = 8.0  # robust standard deviations
MENDED = 0.05
LEVEL_WIDTH = 0.1  # of ln FLOPs, from one run to the next of a budget
LEVEL_SPAN = 0.4  # of ln FLOPs, of a whole budget
AT_LEVEL = 0.9
FEWEST_AT_LEVEL = 3
OFF_LEVEL = 5.0
GENERIC = (1.8, 480.0, 0.348, 2085.0, 0.366)  # E, A, alpha, B, beta: English text, usual vocabularies
FAR_ABOVE = 1.8  # times the generic law: perplexities among small values, or bits of long tokens
FLOPS_FACTOR = 3.0  # from 6ND
UNITS = "the unit may be thousands, millions or billions"


def implausible(frame: pd.DataFrame, mapping: Mapping[str, str]) -> Iterable[Finding]:
    """Everything that makes the numbers of a table doubtful.

    Parameters
    ----------
    frame : DataFrame
        Canonical columns.
    mapping : mapping of str to str
        Canonical name to the column's name in the file, which may tell a unit.
    """
    yield from named_units(frame, mapping)
    yield from _sizes(frame)
    yield from _ratios(frame)
    yield from _budgets(frame)
    yield from _levels(frame)
    if "loss" in frame:
        yield from _losses(frame)
        yield from _generic(frame)
        yield from _far_rows(frame)
        yield from mixed_units(frame)
        yield from tenfold_slips(frame, (mask for mask, least in _parts(frame) if least == WITHIN))


def _sizes(frame: pd.DataFrame) -> Iterable[Finding]:
    """Single rows whose size no model, corpus or context has."""
    for name, least in SMALLEST.items():
        most = LARGEST.get(name, np.inf)
        odd = (frame[name] < least) | (frame[name] > most)
        if not odd.any() or (odd & (frame[name] < least)).mean() > 0.5:  # the median tells of these
            continue
        value = float(frame[name][odd].iloc[0])
        message = f"{name} is {value:.4g} and the like in {of_rows(odd)}; {UNITS}"
        advice = f"give {name} as a plain count in every row"
        yield Finding("units of rows", "warning", message, advice, rows_of(odd))


def _ratios(frame: pd.DataFrame) -> Iterable[Finding]:
    """Tokens per param, of the table and of its rows."""
    ratio = frame["tokens"] / frame["params"]
    median = float(ratio.median())
    low, high = RATIOS
    if not low <= median <= high:
        where = "below" if median < low else "above"
        small = "tokens" if median < low else "params"
        large = "params" if median < low else "tokens"
        message = f"the median of tokens per param is {median:.3g}, {where} the usual {low:g} to {high:g}"
        advice = (
            f"are the {small} in thousands, millions or billions, or the {large} too large? give plain counts"
        )
        yield Finding("tokens per param", "warning", message, advice)
        return
    least, most = ROW_RATIOS
    odd = (ratio < least) | (ratio > most)
    if odd.any():
        message = (
            f"tokens per param are {float(ratio[odd].iloc[0]):.3g} and the like in {of_rows(odd)}; {UNITS}"
        )
        advice = "compare params and tokens of these rows with the others"
        yield Finding("tokens per param", "warning", message, advice, rows_of(odd))


def far_from_six_nd(frame: pd.DataFrame) -> pd.Series:
    """Rows whose FLOPs are more than `FLOPS_FACTOR` above or below 6ND."""
    six_nd = np.log(6.0) + np.log(frame["params"]) + np.log(frame["tokens"])
    if "parallel_streams" in frame:
        six_nd = six_nd + np.log(frame["parallel_streams"])
    return (np.log(frame["flops"]) - six_nd).abs() > np.log(FLOPS_FACTOR)


def _budgets(frame: pd.DataFrame) -> Iterable[Finding]:
    """A column of budgets that the FLOPs do not keep to."""
    if "budget" not in frame:
        return
    budget = pd.to_numeric(frame["budget"], errors="coerce")
    unread = budget.isna() & frame["budget"].notna()
    if unread.any():
        value = frame["budget"][unread].iloc[0]
        message = (
            f"budget is no number ({value!r:.40}) in {of_rows(unread)}; questions by budget leave them out"
        )
        yield Finding(
            "budget", "warning", message, "write the budget as a number, such as 1e20", rows_of(unread)
        )
    with np.errstate(all="ignore"):
        off = np.abs(np.log(frame["flops"] / budget))
    known = far_from_six_nd(frame)  # another finding tells of these rows
    far = (off > np.log(FLOPS_FACTOR)) & np.isfinite(off) & ~known
    if far.any():
        message = (
            f"flops are more than {FLOPS_FACTOR:g} times above or below the column budget in {of_rows(far)}"
        )
        advice = "check the units of params, tokens, flops and budget in these rows"
        yield Finding("far from budget", "warning", message, advice, rows_of(far))


def _levels(frame: pd.DataFrame) -> Iterable[Finding]:
    """Rows off the budgets to which nearly all others keep."""
    logs = pd.Series(np.log(6 * frame["params"] * frame["tokens"]), index=frame.index)
    order = np.argsort(logs.to_numpy(), kind="stable")
    steps = np.diff(logs.to_numpy()[order], prepend=-np.inf) > LEVEL_WIDTH
    level = pd.Series(np.cumsum(steps)[np.argsort(order, kind="stable")], index=logs.index)
    groups = logs.groupby(level)
    budget = groups.transform("median")
    wide = groups.transform("max") - groups.transform("min") > LEVEL_SPAN
    kept = (groups.transform("size") >= FEWEST_AT_LEVEL) & ~wide
    if len(frame) < FEWEST_ROWS or kept.mean() < AT_LEVEL:
        return
    known = np.unique(budget[kept].to_numpy())
    after = np.searchsorted(known, logs.to_numpy())
    above = np.abs(known[np.minimum(after, len(known) - 1)] - logs)
    below = np.abs(known[np.maximum(after - 1, 0)] - logs)
    off = ~kept & (np.minimum(above, below) > np.log(OFF_LEVEL))
    if off.any():
        message = f"6 * params * tokens lies at none of the budgets of the other runs in {of_rows(off)}"
        yield Finding(
            "off budgets", "warning", message, "check params and tokens of these rows", rows_of(off)
        )


def _losses(frame: pd.DataFrame) -> Iterable[Finding]:
    """Losses above that of guessing."""
    loss = frame["loss"]
    odd = loss > HIGHEST_LOSS
    if odd.any() and odd.mean() < 0.5:  # the median tells of more
        message = (
            f"loss is {float(loss[odd].iloc[0]):.4g} and the like in {of_rows(odd)}, "
            f"above ln of any vocabulary ({HIGHEST_LOSS:g})"
        )
        advice = "is it a perplexity? take its ln; drop runs that diverged"
        yield Finding("loss above guessing", "warning", message, advice, rows_of(odd))


def _generic(frame: pd.DataFrame) -> Iterable[Finding]:
    """All losses far above what models of these sizes reach on text."""
    floor, a, alpha, b, beta = GENERIC
    usual = floor + a * frame["params"] ** -alpha + b * frame["tokens"] ** -beta
    ratio = float((frame["loss"] / usual).median())
    if ratio > FAR_ABOVE and float(frame["loss"].median()) <= HIGHEST_LOSS:
        message = f"the losses are {ratio:.3g} times those usual for such params and tokens"
        advice = (
            "are they perplexities (take ln) or bits (multiply by 0.693), or params and tokens too large?"
        )
        yield Finding("losses far above", "warning", message, advice)


def _far_rows(frame: pd.DataFrame) -> Iterable[Finding]:
    """Rows whose loss lies far from a robust fit of the others."""
    residual = pd.Series(0.0, index=frame.index)
    limit = pd.Series(np.inf, index=frame.index)
    for mask, least in _parts(frame):
        part = frame[mask]
        off = np.log(part["loss"].to_numpy() / expected_loss(part))
        spread = 1.4826 * float(np.median(np.abs(off)))
        residual[mask] = off
        limit[mask] = max(least, FAR * spread)
    far = residual.abs() > limit
    if not far.any():
        return
    first = int(np.flatnonzero(far.to_numpy())[0])
    row = frame.iloc[first]
    expected = float(row["loss"] * np.exp(-residual.iloc[first]))
    message = (
        f"the loss lies far from what the other runs let one expect in {of_rows(far)}; "
        f"the first has {float(row['loss']):.4g} for {expected:.4g}"
    )
    severe = bool((np.abs(residual[far]) > SEVERE).any())  # a run undertuned by less is worth a note
    severity: Literal["note", "warning"] = "warning" if severe else "note"
    yield Finding("far from the others", severity, message, _mend(row, expected), rows_of(far))


def _parts(frame: pd.DataFrame) -> list[tuple[np.ndarray, float]]:
    """Architectures of enough runs each alone, the others together, with the distance worth telling."""
    keys = [name for name in ("architecture", "group") if name in frame]
    number = frame.groupby(keys, sort=False).ngroup().to_numpy()
    big = np.bincount(number)[number] >= FEWEST_ROWS
    parts = [(number == one, WITHIN) for one in np.unique(number[big])]
    rest = ~big
    if rest.sum() >= FEWEST_ROWS:
        parts.append((rest, ALONE))
    return parts


def _mend(row: pd.Series, expected: float) -> str:
    """What would bring a row to the loss expected of it."""
    loss = float(row["loss"])
    if loss > 1 and abs(np.log(np.log(loss) / expected)) < MENDED:
        return "its ln would fit: a perplexity? take ln"
    if abs(np.log(loss * np.log(2) / expected)) < MENDED:
        return "times 0.693 it would fit: bits? multiply by ln 2"
    return "drop runs that diverged; check the units of params, tokens and loss in these rows"
