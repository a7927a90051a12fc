"""The log density of the joint loss model, term by term, for NumPy, JAX and PyTensor.

A position holds for each coefficient one value per column (group), ln(nu - 2) and, with a drift, the
log of its scale and the coordinates of its weights (`coordinates`). The coefficients are pinned by the
data at the reference sizes, and the map from the natural ones

    ln E, ln R, logit share, ln slope_params, ln slope_tokens[, ln gamma], ln sigma

to the pinned ones

    ln(E + R), ln(R / E), logit share, ln dL/dn, ln dL/dd[, ln gamma], ln sigma

has unit Jacobian, so priors stand on the natural coefficients. R is the reducible loss at the
reference and share the part of it that the params term has.

Written with elementwise functions and sums alone, on named blocks: PyTensor's numba code for such
a graph compiles several times faster than one with products and slices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_scaling.laws import log_loss
from bayes_scaling.models.coordinates import added, turned_weights
from bayes_scaling.models.design import Design
from bayes_scaling.models.hierarchy import log_prior
from bayes_scaling.models.misfit import marginal

Array = Any


def log_terms(xp: Any, position: Mapping[str, Array], design: Design, lgamma: Any) -> dict[str, Array]:
    """The terms of the log density by name; their sum is what is sampled.

    Parameters
    ----------
    xp : module
        Array namespace.
    position : mapping of str to array
        By prior name (column,); ``nu`` () and ``drift_scale`` (); ``drift`` (block, weight).
    design : Design
    lgamma : callable
        The log of the gamma function in that namespace.

    Returns
    -------
    dict of str to array
        The log priors ``coefficients`` (coefficient,), ``nu`` (), ``drift_scale`` () and ``drift`` (), the
        log likelihood ``loss`` ().
    """
    natural = unpin(xp, position)
    predicted, misfit = predict_slots(xp, natural, design)
    rows = slot_log_likelihood(xp, predicted, natural, design, lgamma)
    return log_priors(xp, natural, design) | misfit | {"loss": (design.weight * rows).sum((-2, -1))}


def predict_slots(xp: Any, natural: Mapping[str, Array], design: Design) -> tuple[Array, dict[str, Array]]:
    """ln L of the law and its misfit (..., column, slot), and the log prior of the misfit's weights."""
    law = law_at_slots(xp, natural, design)
    if design.misfit is None:
        return law, {}
    misfit, at = design.misfit, design.coordinates
    assert at is not None
    turned, density = turned_weights(xp, design.log_loss - law, natural, misfit, at)
    return law + added(xp, turned, natural, misfit, at), {"drift": density}


def log_priors(xp: Any, natural: Mapping[str, Array], design: Design) -> dict[str, Array]:
    """Log priors of the coefficients (..., coefficient) and of each scalar (...)."""
    values = xp.stack([natural[name] for name in design.hierarchy.names], axis=-2)
    scalars = {
        name: normal(natural[name], mean, prior.scale)
        for (name, prior), mean in zip(design.scalars.items(), design.centers, strict=True)
    }
    return {"coefficients": log_prior(xp, values, design.hierarchy)} | scalars


def log_approximate(xp: Any, position: Mapping[str, Array], design: Design, lgamma: Any) -> Array:
    """The log density whose mode and curvature shape the coordinates: the weights integrated out.

    Without a misfit it is the log density itself; with one, the noise is taken as normal with settled
    precisions.
    """
    if design.misfit is None:
        return sum(term.sum() for term in log_terms(xp, position, design, lgamma).values())
    natural = unpin(xp, position)
    residual = design.log_loss - law_at_slots(xp, natural, design)
    prior = sum(term.sum() for term in log_priors(xp, natural, design).values())
    return prior + marginal(xp, residual, natural, design.misfit, design.weight.sum(-1))


def unpin(xp: Any, pinned: Mapping[str, Array]) -> dict[str, Array]:
    """Natural coefficients from data-pinned ones, on log (logit) scales."""
    level, ratio, share = pinned["E"], pinned["R"], pinned["share"]
    log_reducible = level - softplus(xp, -ratio)
    return dict(pinned) | {
        "E": log_reducible - ratio,
        "R": log_reducible,
        "slope_params": pinned["slope_params"] - log_reducible + softplus(xp, -share),
        "slope_tokens": pinned["slope_tokens"] - log_reducible + softplus(xp, share),
    }


def pin(xp: Any, natural: Mapping[str, Array]) -> dict[str, Array]:
    """Data-pinned coefficients from natural ones; the inverse of `unpin`."""
    log_e, log_reducible, share = natural["E"], natural["R"], natural["share"]
    return dict(natural) | {
        "E": xp.logaddexp(log_e, log_reducible),
        "R": log_reducible - log_e,
        "slope_params": natural["slope_params"] + log_reducible - softplus(xp, -share),
        "slope_tokens": natural["slope_tokens"] + log_reducible - softplus(xp, share),
    }


def softplus(xp: Any, x: Array) -> Array:
    """ln(1 + e^x)."""
    return xp.logaddexp(x, 0.0)


def law_arguments(xp: Any, natural: Mapping[str, Array], fixed: Mapping[str, float]) -> dict[str, Array]:
    """Arguments of `laws.log_loss` relative to the reference sizes, each (..., column)."""
    gamma = fixed["gamma"] if "gamma" in fixed else xp.exp(natural["gamma"])
    return {
        "log_E": natural["E"],
        "log_A": natural["R"] / gamma - softplus(xp, -natural["share"]),
        "log_B": natural["R"] / gamma - softplus(xp, natural["share"]),
        "alpha": xp.exp(natural["slope_params"]) / gamma,
        "beta": xp.exp(natural["slope_tokens"]) / gamma,
        "gamma": gamma,
    }


def law_at_slots(xp: Any, natural: Mapping[str, Array], design: Design) -> Array:
    """ln L of the law in each slot: (..., column, slot)."""
    arguments = law_arguments(xp, natural, design.spec.law_value.fixed)
    theta = {name: each_slot(value) for name, value in arguments.items()}
    return log_loss(xp, design.log_params, design.log_tokens, theta)


def slot_log_likelihood(
    xp: Any, predicted: Array, natural: Mapping[str, Array], design: Design, lgamma: Any
) -> Array:
    """Log density of ln L in each slot round what is predicted there, unweighted: (..., column, slot)."""
    scale = total_scale(xp, each_slot(xp.exp(natural["sigma"])), design.relative_sd)
    nu = degrees(xp, natural["nu"])[..., None, None]
    return student_t(xp, design.log_loss, predicted, scale, nu, lgamma)


def each_slot(value: Array | float) -> Array | float:
    """A column's value for all of its slots."""
    return value if isinstance(value, float) else value[..., None]


def total_scale(xp: Any, sigma: Array, relative_sd: Array | None) -> Array:
    """Residual scale of ln L with the known measurement error added in."""
    return sigma if relative_sd is None else xp.sqrt(sigma**2 + relative_sd**2)


def degrees(xp: Any, log_nu: Array) -> Array:
    """Degrees of freedom, above 2."""
    return 2.0 + xp.exp(log_nu)


def normal(value: Array, mean: float, scale: float) -> Array:
    """Log density of a normal."""
    return -0.5 * ((value - mean) / scale) ** 2 - np.log(scale) - 0.5 * np.log(2 * np.pi)


def student_t(xp: Any, value: Array, location: Array, scale: Array, nu: Array, lgamma: Any) -> Array:
    """Log density of a Student-t."""
    constant = lgamma(0.5 * (nu + 1)) - lgamma(0.5 * nu) - 0.5 * xp.log(np.pi * nu)
    squared = ((value - location) / scale) ** 2
    return constant - xp.log(scale) - 0.5 * (nu + 1) * xp.log1p(squared / nu)
