"""Precisions that shape the coordinates of a misfit's weights: expectation and maximisation at the mode."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy

from bayes_scaling.models.density import normal, straight_law, unpin
from bayes_scaling.models.design import Design
from bayes_scaling.models.hierarchy import center
from bayes_scaling.models.misfit import settled_at
from bayes_scaling.models.mode import Objective, compile_objective, find_whitening
from bayes_scaling.models.weights import fitted
from bayes_scaling.models.whitening import Whitening

ROUNDS = 4
ABOVE_TWO = np.exp(np.linspace(np.log(0.3), np.log(60.0), 60))  # degrees of freedom tried, above 2


def settle(design: Design, objective: Objective | None = None) -> tuple[Design, Whitening]:
    """The design with settled coordinates of its misfit's weights, and its whitening.

    Each round finds the mode, then gives every run the precision that a Student-t would at its residual
    from the law and the walks, and takes the law as straight near the walks found. Without a misfit there is
    nothing to settle.
    """
    objective = objective or compile_objective(design)
    whitening = find_whitening(design, objective)
    if design.misfit is None:
        return design, _of_all(whitening, design)
    for _ in range(ROUNDS):
        design = _reweighted(design, whitening)
        whitening = find_whitening(design, objective, near=whitening.center)
    return design, _of_all(_with_degrees(whitening, design), design)


def _with_degrees(whitening: Whitening, design: Design) -> Whitening:
    """At nu's settled value: of nu normal noise says nothing."""
    assert design.misfit is not None
    mode = whitening.center.copy()
    mode[design.law_size - len(design.scalars) + list(design.scalars).index("nu")] = np.log(
        design.misfit.degrees - 2
    )
    return replace(whitening, center=mode)


def _of_all(whitening: Whitening, design: Design) -> Whitening:
    """With a scale for each coordinate of the weights: one, as they are nearly standard normal."""
    return replace(whitening, scales=np.ones(design.size - design.law_size))


def _reweighted(design: Design, whitening: Whitening) -> Design:
    assert design.misfit is not None
    natural = unpin(np, whitening.law(np.zeros(design.law_size), design))
    straight = straight_law(np, natural, design)
    found = fitted(straight, natural, design.misfit)
    sigma = np.exp(natural["sigma"])[:, None]
    left = (straight.residual - found.mean) / sigma
    used = design.weight > 0
    degrees = _degrees(left[used], design.weight[used], design)
    robust = (degrees + 1) / (degrees + left**2 + found.variance / sigma**2)
    known = 0.0 if design.relative_sd is None else design.relative_sd
    precision = design.weight * robust / (1 + (known / sigma) ** 2)
    gains = np.stack(straight.terms)
    return replace(design, misfit=settled_at(design.misfit, precision, found.walked, gains, degrees))


def _degrees(z: np.ndarray, weight: np.ndarray, design: Design) -> float:
    """Degrees of freedom at their mode given standardised residuals."""
    fit = [(weight * scipy.stats.t.logpdf(z, 2 + above)).sum() for above in ABOVE_TWO]
    nu = design.scalars["nu"]
    prior = [normal(np.log(above), center(nu), nu.scale) for above in ABOVE_TWO]
    return float(2 + ABOVE_TWO[int(np.argmax(np.add(fit, prior)))])
