"""Findings: what is odd about valid runs, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from bayes_scaling.runs.columns import normalise
from bayes_scaling.runs.finding import LINE, Finding, listed, of_rows, rows_of
from bayes_scaling.runs.plausibility import FLOPS_FACTOR, far_from_six_nd, implausible
from bayes_scaling.runs.six_nd import in_words
from bayes_scaling.runs.trainings import DESIGN, checkpoints
from bayes_scaling.runs.unused import unused
from bayes_scaling.runs.varying import what_varies

__all__ = ["Finding", "find"]

FEWEST_IN_GROUP = 6  # one more than the coefficients of the smallest law
NARROW_RANGE = 4.0
SAME_RATIO = 1.05
COPY_SPREAD = 1e-4  # relative; repeated trainings differ by more, about 1e-3
REPLICATE_SPREAD = 0.03
ROUNDED_TO = (0.1, 0.01)  # nats: coarser than the scatter of good runs
FEWEST_TO_TELL = 20  # runs, before even numbers are taken for rounded ones
HIGHEST_LOSS = 8.0  # nats; guessing among 3,000 tokens
FEWEST_PARAMS = 1e4
FEWEST_TOKENS = 1e5
SHORTEST_CONTEXT = 16


def find(
    frame: pd.DataFrame,
    designs_only: bool = False,
    mapping: Mapping[str, str] | None = None,
    lines: Sequence[int] | None = None,
) -> tuple[Finding, ...]:
    """Everything odd about a canonical table.

    Parameters
    ----------
    frame : DataFrame
        Canonical columns.
    designs_only : bool
        The runs are not to be fitted, so how many there are and how far they reach is of no interest.
    mapping : mapping of str to str, optional
        Canonical name to the column's name in the file, which may tell a unit.
    lines : sequence of int, optional
        The line of the file that holds each row: messages name lines then, and rows otherwise.
    """
    if lines is not None:
        frame = frame.set_axis(pd.Index(lines, name=LINE), axis=0)
    searches: tuple[Callable[[pd.DataFrame], Iterable[Finding]], ...] = (_units, _flops, _names, unused)
    if "loss" in frame:
        searches += (_loss_scale, _rounded, _repeats, checkpoints)
    if not designs_only:
        searches += (_few_runs, _one_ratio, _narrow)
    found = [finding for search in searches for finding in search(frame)]
    return (*found, *implausible(frame, mapping or {}))


def _units(frame: pd.DataFrame) -> Iterable[Finding]:
    """Counts so small that they must be in another unit."""
    limits = {"params": FEWEST_PARAMS, "tokens": FEWEST_TOKENS, "context_length": SHORTEST_CONTEXT}
    for name, limit in limits.items():
        median = float(frame[name].median())
        if median < limit:
            message = f"the median of {name} is {median:.4g}; the unit may be thousands, millions or billions"
            yield Finding("units", "warning", message, f"give {name} as a plain count")


def _flops(frame: pd.DataFrame) -> Iterable[Finding]:
    far = far_from_six_nd(frame)
    if far.any():
        usual = in_words(frame, "params", "tokens")
        message = f"flops is more than {FLOPS_FACTOR:g} times above or below {usual} in {of_rows(far)}"
        advice = "check the units of params, tokens and flops, and whether flops counts forward and backward"
        yield Finding("flops far from 6ND", "warning", message, advice, rows_of(far))


def _names(frame: pd.DataFrame) -> Iterable[Finding]:
    """Architectures spelt in two ways."""
    spelt: dict[str, set[str]] = {}
    for name in frame["architecture"].unique():
        spelt.setdefault(normalise(name), set()).add(name)
    alike = [", ".join(sorted(names)) for names in spelt.values() if len(names) > 1]
    if alike:
        message = f"architectures that differ only in case or punctuation: {listed(alike)}"
        yield Finding("similar names", "warning", message, "spell one architecture in one way")


def _loss_scale(frame: pd.DataFrame) -> Iterable[Finding]:
    median = float(frame["loss"].median())
    if median > HIGHEST_LOSS:
        message = f"the median loss is {median:.4g}, more than any trained model's in nats per token"
        advice = "give loss in nats per token: take ln of a perplexity, multiply bits by ln 2 = 0.693"
        yield Finding("loss scale", "warning", message, advice)


def _rounded(frame: pd.DataFrame) -> Iterable[Finding]:
    loss = frame["loss"].to_numpy(dtype=float)
    known = "loss_sd" in frame and frame["loss_sd"].notna().all()
    if known or len(loss) < FEWEST_TO_TELL:
        return
    for step in ROUNDED_TO:
        if np.allclose(loss / step, np.round(loss / step), atol=1e-6):
            message = f"every loss is a multiple of {step:g}: rounded, which adds scatter of its own"
            yield Finding("rounded", "note", message, f"give a column loss_sd of {step / np.sqrt(12):.2g}")
            return


def _repeats(frame: pd.DataFrame) -> Iterable[Finding]:
    """Several runs of one design, sorted by how far their losses lie apart."""
    groups = frame.groupby([name for name in DESIGN if name in frame], sort=False)["loss"]
    spread = groups.transform("max") / groups.transform("min") - 1
    again = groups.transform("size") > 1
    copies = again & (spread <= COPY_SPREAD)
    seeded = again & _other_seeds(frame)
    apart = again & (spread > REPLICATE_SPREAD) & ~seeded
    replicates = again & ~copies & ~apart
    what = "same architecture, context, params and tokens"
    if copies.any():
        exact = int((again & (spread == 0)).sum())
        message = f"{of_rows(copies)} repeat each other: {what}, equal loss ({exact} exactly)"
        yield Finding(
            "duplicates", "warning", message, "drop copies; each is counted as evidence", rows_of(copies)
        )
    if replicates.any():
        widest = max(REPLICATE_SPREAD, float(spread[replicates].max()))
        message = f"{of_rows(replicates)} share a design: {what}, losses within {widest:.0%}"
        yield Finding(
            "replicates", "note", message, "fine if these are separate trainings", rows_of(replicates)
        )
    if apart.any():
        message = f"{of_rows(apart)} have the {what} but losses more than {REPLICATE_SPREAD:.0%} apart"
        yield Finding("conflicting runs", "warning", message, what_varies(frame[apart]), rows_of(apart))


def _other_seeds(frame: pd.DataFrame) -> pd.Series:
    """Whether a run and those of its design all have seeds of their own, in a column ``seed``."""
    if "seed" not in frame:
        return frame["loss"].isna()  # none is
    seeds = frame.groupby([name for name in DESIGN if name in frame], sort=False)["seed"]
    return seeds.transform("nunique") == seeds.transform("size")


def _few_runs(frame: pd.DataFrame) -> Iterable[Finding]:
    if len(frame) == 1:
        yield Finding("one run", "warning", "the table has one run", "a fit needs several runs")
        return
    sizes = frame.groupby(["architecture", "context_length"]).size()
    sizes = sizes[sizes < FEWEST_IN_GROUP]
    few = [f"{a} at {c} ({n})" for (a, c), n in zip(sizes.index, sizes, strict=True)]
    if few:
        message = f"groups with fewer than {FEWEST_IN_GROUP} runs: {listed(few)}"
        advice = "their coefficients come from the other groups and the priors; add runs to learn them"
        yield Finding("few runs", "warning", message, advice)


def _one_ratio(frame: pd.DataFrame) -> Iterable[Finding]:
    ratio = frame["tokens"] / frame["params"]
    alike = _groups_within(frame, ratio, SAME_RATIO)
    if alike:
        message = f"one ratio of tokens to params only: {listed(alike)}"
        advice = "the params and tokens terms cannot be told apart; add runs at other ratios"
        yield Finding("one ratio", "warning", message, advice)


def _narrow(frame: pd.DataFrame) -> Iterable[Finding]:
    for name in ("params", "tokens"):
        narrow = _groups_within(frame, frame[name], NARROW_RANGE)
        if narrow:
            message = f"{name} ranges over less than a factor of {NARROW_RANGE:g}: {listed(narrow)}"
            advice = f"the exponent of {name} is hardly known; add runs at other {name}"
            yield Finding("narrow range", "warning", message, advice)


def _groups_within(frame: pd.DataFrame, values: pd.Series, factor: float) -> list[str]:
    """Groups of several runs whose values span less than the factor."""
    groups = np.log(values).groupby([frame["architecture"], frame["context_length"]])
    inside = (groups.max() - groups.min() < np.log(factor)) & (groups.size() > 1)
    return [f"{a} at {c}" for a, c in inside[inside].index]
