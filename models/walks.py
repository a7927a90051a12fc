"""Draws of all knots of the walks: from the sampler where runs reach them, else from their prior."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bayes_scaling.laws.drift import all_knots
from bayes_scaling.models.design import Design
from bayes_scaling.models.misfit import log_scales


def walk_scales(natural: Mapping[str, np.ndarray]) -> np.ndarray:
    """Scales (..., learnt) of the learnt walks."""
    return np.stack([np.exp(log) for log in log_scales(natural)], axis=-1)


def posterior_knots(
    weights: np.ndarray, natural: Mapping[str, np.ndarray], design: Design, rng: np.random.Generator
) -> np.ndarray:
    """Weights (..., block, walk, knot) of all knots, from those of a misfit (..., block, weight)."""
    assert design.misfit is not None
    knots = design.misfit.knots
    return all_knots(knots, weights[..., : len(knots)], walk_scales(natural)[..., None, :], rng)


def prior_knots(natural: Mapping[str, np.ndarray], design: Design, rng: np.random.Generator) -> np.ndarray:
    """The same from the prior, given the walks' scales (...)."""
    assert design.misfit is not None
    scales = walk_scales(natural)[..., None, :]
    none = np.zeros((*scales.shape[:-2], len(design.misfit.blocks), 0))
    return all_knots(np.zeros((0, 2), dtype=int), none, scales, rng)
