"""Draws of all knots of the walks: those that the runs reach from the sampler, the others from their prior."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bayes_scaling.laws.drift import NUMBERS, SCALED, WALKS, all_knots, beyond_edge, widened
from bayes_scaling.models.design import Design
from bayes_scaling.models.misfit import log_scales


def walk_scales(natural: Mapping[str, np.ndarray]) -> np.ndarray:
    """Scales (..., walk) of all walks, 0 for those that are not learnt."""
    learnt = [np.exp(log) for log in log_scales(natural)]
    found = np.zeros((*np.shape(learnt[0]), len(WALKS)))
    found[..., list(SCALED)] = np.stack(learnt, axis=-1)
    return found


def posterior_knots(
    weights: np.ndarray, natural: Mapping[str, np.ndarray], design: Design, rng: np.random.Generator
) -> np.ndarray:
    """Weights (..., block, walk, knot) of all knots, from those of a misfit (..., block, weight)."""
    assert design.misfit is not None
    knots = design.misfit.knots
    reached = weights[..., : len(knots)]
    whole = all_knots(knots, reached, walk_scales(natural)[..., None, :], rng)
    return widened(whole, edges_of(design), rng)


def prior_knots(
    natural: Mapping[str, np.ndarray], design: Design, rng: np.random.Generator
) -> np.ndarray:
    """The same from the prior, given the walks' scales (...)."""
    assert design.misfit is not None
    scales = walk_scales(natural)[..., None, :, None]
    shape = (*scales.shape[:-3], len(design.misfit.blocks), len(WALKS), len(NUMBERS))
    return widened(scales * rng.standard_normal(shape), edges_of(design), rng)


def edges_of(design: Design) -> np.ndarray:
    """Which knots lie beyond the runs of each block: (block, walk, knot)."""
    assert design.misfit is not None
    found = []
    for block in design.misfit.blocks:
        columns = list(block)
        used = design.weight[columns] > 0
        found.append(beyond_edge(design.log_params[columns][used], design.log_tokens[columns][used]))
    return np.stack(found)
