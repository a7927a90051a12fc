"""Precisions of the noise beside a drift: expectation and maximisation at the mode."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bayes_scaling.models.density import law_at_slots, normal, unpin
from bayes_scaling.models.design import Design
from bayes_scaling.models.misfit import fitted
from bayes_scaling.models.whitening import Objective, Whitening, compile_objective, find_whitening

ROUNDS = 4
ABOVE_TWO = np.exp(np.linspace(np.log(0.3), np.log(60.0), 60))  # degrees of freedom tried, above 2


def settle(design: Design, objective: Objective | None = None) -> tuple[Design, Whitening]:
    """The design with settled precisions, and its whitening.

    Each round finds the mode, then gives every run the precision that a Student-t would at its residual
    from the law and the drift. Without a drift there is nothing to settle.
    """
    objective = objective or compile_objective(design)
    whitening = find_whitening(design, objective)
    if design.misfit is None:
        return design, whitening
    for _ in range(ROUNDS):
        design = _reweighted(design, whitening)
        whitening = find_whitening(design, objective, start_at=whitening.mode)
    return design, whitening


def _reweighted(design: Design, whitening: Whitening) -> Design:
    assert design.misfit is not None
    natural = unpin(np, whitening.position(np.zeros(design.size), design))
    residual = design.log_loss - law_at_slots(np, natural, design)
    mean, variance = fitted(residual, natural["sigma"], design.misfit)
    sigma = np.exp(natural["sigma"])[:, None]
    left, used = (residual - mean) / sigma, design.weight > 0
    degrees = _degrees(left[used], design.weight[used], design)
    robust = (degrees + 1) / (degrees + left**2 + variance / sigma**2)
    known = 0.0 if design.relative_sd is None else design.relative_sd
    precision = design.weight * robust / (1 + (known / sigma) ** 2)
    return replace(design, misfit=design.misfit.with_precision(np, precision, degrees))


def _degrees(z: np.ndarray, weight: np.ndarray, design: Design) -> float:
    """Degrees of freedom at their mode given standardised residuals."""
    from scipy import stats

    fit = [(weight * stats.t.logpdf(z, 2 + above)).sum() for above in ABOVE_TWO]
    prior = [normal(np.log(above), design.nu_center, design.nu_prior.scale) for above in ABOVE_TWO]
    return float(2 + ABOVE_TWO[int(np.argmax(np.add(fit, prior)))])


def draw_degrees(
    left: np.ndarray, weight: np.ndarray, design: Design, rng: np.random.Generator
) -> np.ndarray:
    """ln(nu - 2) given standardised residuals (..., run), from its conditional on a grid."""
    from scipy.special import gammaln

    logs = np.log(ABOVE_TWO)[::3]
    density = []
    for value in logs:
        nu = 2 + np.exp(value)
        constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(np.pi * nu)
        fit = (weight * (constant - 0.5 * (nu + 1) * np.log1p(left**2 / nu))).sum(-1)
        density.append(fit + normal(value, design.nu_center, design.nu_prior.scale))
    chosen = np.argmax(np.stack(density, -1) + rng.gumbel(size=(*density[0].shape, len(logs))), axis=-1)
    width = logs[1] - logs[0]
    return np.asarray(logs[chosen] + width * (rng.uniform(size=chosen.shape) - 0.5))
