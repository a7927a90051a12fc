"""Checks of the answers themselves: a loss that cannot be fails a fit, however well it was sampled."""

from __future__ import annotations

import math

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.posterior.criteria import Check, judge
from bayes_scaling.posterior.law_alone import is_sampled
from bayes_scaling.posterior.moved_optimum import APART, moved_optimum
from bayes_scaling.posterior.plausible_loss import SHARE, below_every_run, below_the_floor
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.posterior.statuses import FAIL, REVIEW

MOST = 3  # sizes named
REMEDY = (
    "the rows may not be finished runs of one recipe (checkpoints of one training, other recipes for the "
    "largest runs). Keep the last row of each training or give --offset run, or --discrepancy none"
)


FAR_OUT = "the drift, not the law, decides a decade beyond the runs. Believe a back-test, or ask nearer"


def answers(fit: Posterior) -> tuple[Check, ...]:
    """Whether predicted losses are possible ones, and whether the drift decides the optimum."""
    return (*_predicted_loss(fit), _size_loss(fit), *_drift_moves_optimum(fit))


def _predicted_loss(fit: Posterior) -> tuple[Check, ...]:
    """Losses of optima below the draw's own E; nothing for laws without a floor."""
    name = "predicted_loss"
    try:
        found = below_the_floor(fit)
    except BayesScalingError as error:
        return (Check(name, REVIEW, math.nan, "<=", SHARE, f"cannot be told: {error}"),)
    if not found:
        return ()
    inside, beyond = found
    worst = inside if inside.share > SHARE else beyond
    status = FAIL if inside.share > SHARE else REVIEW
    seen = f"{worst.share:.0%} of the draws predict a loss below their own E for {worst.where}"
    seen += f" (medians {worst.loss:.3f} and {worst.floor:.3f} nats)"
    advice = f"{seen}, and no law goes below its E: {FAR_OUT}"
    if status == FAIL:
        advice = f"{seen}, among the runs themselves, and no law goes below its E: {REMEDY}"
    return (judge(name, worst.share, "<=", SHARE, status, seen, advice),)


def _size_loss(fit: Posterior) -> Check:
    """Sizes of which every run lies above its prediction."""
    found = below_every_run(fit)
    fine = "no size has all of its runs above their predictions"
    seen = f"every run of {'; '.join(found[:MOST])} lies above its own prediction"
    more = f", {len(found)} sizes in all" if len(found) > MOST else ""
    advice = f"{seen}{more}: the fit is too low there, and {REMEDY}"
    return judge("size_loss", len(found), "<=", 0, FAIL, fine, advice)


def _drift_moves_optimum(fit: Posterior) -> tuple[Check, ...]:
    """Optimal params with and without the discrepancy; nothing where there is none."""
    name = "drift_moves_optimum"
    try:
        found = moved_optimum(fit)
    except BayesScalingError as error:
        return (Check(name, REVIEW, math.nan, "<=", APART, f"cannot be told: {error}"),)
    if found is None:
        return ()
    ours = _interval(found.ours)
    alone = _interval(found.alone)
    quick = "" if is_sampled(fit) else ", at a quick look"
    seen = f"optimal params for {found.where}: {ours}, by the law alone {alone}{quick}"
    advice = f"{seen}: the runs bend in a way that the law does not, and the two disagree by more than their "
    advice += (
        "intervals allow. Look at the estimators side by side (frontier --beside) before choosing a size"
    )
    return (judge(name, found.gap, "<=", APART, REVIEW, f"most moved: {seen}", advice),)


def _interval(optimum: tuple[float, ...]) -> str:
    """The optimum and its interval, of (low, middle, high)."""
    low, middle, high = optimum
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"
