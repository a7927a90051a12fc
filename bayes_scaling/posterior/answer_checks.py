"""Checks of the answers themselves: a loss that cannot be fails a fit, however well it was sampled."""

from __future__ import annotations

import math

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.posterior.criteria import FAIL, REVIEW, Check, judge
from bayes_scaling.posterior.plausible_loss import SHARE, below_every_run, below_the_floor
from bayes_scaling.posterior.posterior import Posterior

MOST = 3  # sizes named
REMEDY = (
    "the rows may not be finished runs of one recipe (checkpoints of one training, other recipes for the "
    "largest runs). Keep the last row of each training or give --offset run, or --discrepancy none"
)


FAR_OUT = "the drift, not the law, decides a decade beyond the runs. Believe a back-test, or ask nearer"


def answers(fit: Posterior) -> tuple[Check, ...]:
    """Whether predicted losses are possible ones."""
    return (*_predicted_loss(fit), _size_loss(fit))


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
