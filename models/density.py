"""The log density of the joint loss model, term by term, for NumPy, JAX and PyTensor.

`plain_pymc` says what the model is. The same posterior is written in six spaces, from the user's to the
sampler's; each comes from the one below it:

    space     what it holds, for each group       units              from the next one by       log |Jacobian|
    --------  ----------------------------------  -----------------  -------------------------  --------------
    user      E, A, B, alpha, beta, gamma, sigma  nats per token,    coefficients.to_user       not needed (1)
                                                  raw N and D
    natural   ln E, ln R, logit share, ln slopes  logs of nats at    density.unpin              0
              in n and d, ln gamma, ln sigma      reference sizes
    pinned    ln(E + R), ln(R / E), logit share,  logs of nats, per  the part of a position     0
              ln -dL/dn, ln -dL/dd, the others    e-fold of N and D  that is no weight's
    position  pinned; for all groups ln(nu - 2)   logs; z: standard  Whitening.position         constant (3)
              and ln of each walk's scale; for    deviations given
              each architecture the weights' z    the law (2)
    whitened  one vector                          deviations at the  Whitening.rewhitened       constant (3)
                                                  mode
    turned    one vector, the sampler's           deviations of the
                                                  pilots' draws

    (1) No density is taken there; `coefficients.to_natural` is the way back, `density.pin` that of `unpin`.
    (2) `weights.drawn_weights` makes standard weights of z, with its Jacobian in the term ``drift``;
        `misfit_weights` gives them in 1 per root e-fold.
    (3) ln |det factor| and the sum of ln scales, see `Whitening`: left out, for the sampler does not see it.
        The turned space is a whitened one too, its `Whitening` made by `whitening.turned`.

Here n and d are ln N and ln D over the references, the geometric means of the runs; R is the reducible loss
there and share the part of it that the params term has. The map from natural to pinned coefficients has unit
Jacobian, so priors stand on the natural ones. A law without E pins ln R itself; what a law has beside these
(eta, repetition, the skew of the noise) stays as it is.

Written with elementwise functions and sums alone, on named blocks: PyTensor's numba code for such
a graph compiles several times faster than one with products and slices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_scaling.laws.covariates import COVARIATES, folded
from bayes_scaling.laws.law import MIXTURE, TINY, log_loss, log_sum, walk_gains
from bayes_scaling.laws.overfitting import NAMES as OVERFIT
from bayes_scaling.models.design import Design
from bayes_scaling.models.hierarchy import log_prior
from bayes_scaling.models.misfit import Straight
from bayes_scaling.models.weights import added, drawn_weights, marginal

Array = Any
OWN = ("repeat_tokens", "repeat_params", *OVERFIT, *(one.coefficient for one in COVARIATES))
SHARES = frozenset(one.name for one in MIXTURE.coefficients if one.upper == 1)  # on the logit scale
AT_ONCE = 100  # draws whose systems of weights NumPy holds at a time


def log_terms(xp: Any, position: Mapping[str, Array], design: Design, lgamma: Any) -> dict[str, Array]:
    """The terms of the log density by name; their sum is what is sampled.

    Parameters
    ----------
    xp : module
        Array namespace.
    position : mapping of str to array
        By prior name (column,); ``nu`` () and the walks' scales (); ``drift`` (block, weight).
    design : Design
    lgamma : callable
        The log of the gamma function in that namespace.

    Returns
    -------
    dict of str to array
        The log priors ``coefficients`` (coefficient,), ``nu`` (), those of the walks' scales () and
        ``drift`` (), the log likelihood ``loss`` ().
    """
    natural = unpin(xp, position)
    predicted, misfit = predict_slots(xp, natural, design)
    rows = slot_log_likelihood(xp, predicted, natural, design, lgamma)
    return log_priors(xp, natural, design) | misfit | {"loss": (design.weight * rows).sum((-2, -1))}


def predict_slots(xp: Any, natural: Mapping[str, Array], design: Design) -> tuple[Array, dict[str, Array]]:
    """ln L of the law and its misfit (..., column, slot), and the log prior of the misfit's weights."""
    misfit = design.misfit
    if misfit is None:
        return law_at_slots(xp, natural, design), {}
    standard, density = standard_weights(xp, natural, design)
    shifts = added(xp, standard, natural, misfit)
    walked = shifts.params_term, shifts.tokens_term
    return law_at_slots(xp, natural, design, walked) + shifts.loss, {"drift": density}


def standard_weights(xp: Any, natural: Mapping[str, Array], design: Design) -> tuple[list[Array], Array]:
    """See `weights.drawn_weights`; many draws of NumPy arrays (..., column) some at a time."""
    assert design.misfit is not None
    shape = np.shape(natural["sigma"])[:-1] if xp is np else ()
    if not shape:
        return drawn_weights(xp, straight_law(xp, natural, design), natural, design.misfit)
    count = int(np.prod(shape))
    flat = {k: np.reshape(v, (count, *np.shape(v)[len(shape) :])) for k, v in natural.items()}
    parts = []
    for rows in np.array_split(np.arange(count), -(-count // AT_ONCE)):
        some = {name: value[rows] for name, value in flat.items()}
        parts.append(drawn_weights(np, straight_law(np, some, design), some, design.misfit))
    blocks = [np.concatenate(block) for block in zip(*(part[0] for part in parts), strict=True)]
    density = np.concatenate([part[1] for part in parts])
    return [block.reshape(*shape, -1) for block in blocks], density.reshape(shape)


def misfit_weights(natural: Mapping[str, np.ndarray], design: Design) -> np.ndarray:
    """Weights (..., block, weight): a knot's with its walk's scale in it, an offset's standard."""
    assert design.misfit is not None
    standard, _ = standard_weights(np, natural, design)
    scales = design.misfit.scales(np, natural)
    return np.asarray(np.stack(standard, axis=-2) * scales[..., None, :])


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
    straight = straight_law(xp, natural, design)
    prior = sum(term.sum() for term in log_priors(xp, natural, design).values())
    return prior + marginal(xp, straight, natural, design.misfit, design.weight.sum(-1))


def straight_law(xp: Any, natural: Mapping[str, Array], design: Design) -> Straight:
    """The law as a straight line in what is added to its terms, near the walks found before."""
    assert design.misfit is not None
    params_walk, tokens_walk = design.misfit.walked[0], design.misfit.walked[1]
    theta = slot_arguments(xp, natural, design) | {"params_walk": params_walk, "tokens_walk": tokens_walk}
    law = log_loss(xp, design.log_params, design.log_tokens, theta)
    params_gain, tokens_gain = walk_gains(xp, design.log_params, design.log_tokens, theta)
    residual = design.log_loss - law + params_gain * params_walk + tokens_gain * tokens_walk
    return Straight(residual, params_gain, tokens_gain)


def unpin(xp: Any, pinned: Mapping[str, Array]) -> dict[str, Array]:
    """Natural coefficients from data-pinned ones, on log (logit) scales."""
    log_reducible = pinned["R"]
    share = pinned["share"]
    level = {}
    if "E" in pinned:
        log_reducible = pinned["E"] - softplus(xp, -pinned["R"])
        level = {"E": log_reducible - pinned["R"], "R": log_reducible}
    return (
        dict(pinned)
        | level
        | {
            "slope_params": pinned["slope_params"] - log_reducible + softplus(xp, -share),
            "slope_tokens": pinned["slope_tokens"] - log_reducible + softplus(xp, share),
        }
    )


def pin(xp: Any, natural: Mapping[str, Array]) -> dict[str, Array]:
    """Data-pinned coefficients from natural ones; the inverse of `unpin`."""
    log_reducible = natural["R"]
    share = natural["share"]
    level = {}
    if "E" in natural:
        log_e = natural["E"]
        level = {"E": log_sum(xp, log_e, log_reducible), "R": log_reducible - log_e}
    return (
        dict(natural)
        | level
        | {
            "slope_params": natural["slope_params"] + log_reducible - softplus(xp, -share),
            "slope_tokens": natural["slope_tokens"] + log_reducible - softplus(xp, share),
        }
    )


def softplus(xp: Any, x: Array) -> Array:
    """ln(1 + e^x)."""
    return log_sum(xp, x, 0.0)


def law_arguments(xp: Any, natural: Mapping[str, Array], fixed: Mapping[str, float]) -> dict[str, Array]:
    """Arguments of `laws.law.log_loss` relative to the reference sizes, each (..., column).

    Those of covariates are among them: `bayes_scaling.laws.covariates.folded` takes them in.
    """
    if "beta" in fixed:
        gamma = xp.exp(natural["slope_tokens"]) / fixed["beta"]
    else:
        gamma = fixed["gamma"] if "gamma" in fixed else xp.exp(natural["gamma"])
    theta = {
        "log_E": natural.get("E", float(np.log(TINY))),
        "log_A": natural["R"] / gamma - softplus(xp, -natural["share"]),
        "log_B": natural["R"] / gamma - softplus(xp, natural["share"]),
        "alpha": xp.exp(natural["slope_params"]) / gamma,
        "beta": xp.exp(natural["slope_tokens"]) / gamma,
        "gamma": gamma,
    }
    if "eta" in natural:
        theta["eta"] = natural["eta"]
    return theta | {name: _own(xp, name, natural[name]) for name in OWN if name in natural}


def _own(xp: Any, name: str, value: Array) -> Array:
    """A coefficient that not every law has, from its log or logit."""
    return xp.exp(-softplus(xp, -value) if name in SHARES else value)


def law_at_slots(
    xp: Any, natural: Mapping[str, Array], design: Design, walked: tuple[Array, Array] | None = None
) -> Array:
    """ln L of the law, its terms walked if need be, in each slot: (..., column, slot)."""
    theta = slot_arguments(xp, natural, design)
    if walked is not None:
        theta |= {"params_walk": walked[0], "tokens_walk": walked[1]}
    return log_loss(xp, design.log_params, design.log_tokens, theta)


def slot_arguments(xp: Any, natural: Mapping[str, Array], design: Design) -> dict[str, Array]:
    """`law_arguments` of each slot, with the places that effective sizes need; covariates folded in."""
    arguments = law_arguments(xp, natural, design.spec.law_value.fixed)
    each = {name: each_slot(value) for name, value in arguments.items()}
    return folded(xp, each | dict(design.places))


def slot_log_likelihood(
    xp: Any, predicted: Array, natural: Mapping[str, Array], design: Design, lgamma: Any
) -> Array:
    """Log density of ln L in each slot round what is predicted there, unweighted: (..., column, slot)."""
    below, above = slot_scales(xp, natural, design)
    nu = degrees(xp, natural["nu"])[..., None, None]
    if above is None:
        return student_t(xp, design.log_loss, predicted, below, nu, lgamma)
    return skewed_t(xp, design.log_loss, predicted, below, above, nu, lgamma)


def slot_scales(xp: Any, natural: Mapping[str, Array], design: Design) -> tuple[Array, Array | None]:
    """Residual scales of ln L below and above the law; None above where they are one."""
    below = total_scale(xp, each_slot(xp.exp(natural["sigma"])), design.relative_sd)
    if "skew" not in natural:
        return below, None
    up = each_slot(xp.exp(natural["sigma"] + natural["skew"]))
    return below, total_scale(xp, up, design.relative_sd)


def two_sided(noise: np.ndarray, below: Array, above: Array | None, rng: np.random.Generator) -> np.ndarray:
    """Residuals from Student-t noise of scale 1: the side by its share, then its scale."""
    if above is None:
        return np.asarray(below * noise)
    up = rng.uniform(size=noise.shape) < above / (below + above)
    return np.asarray(np.where(up, above, -below) * np.abs(noise))


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


def skewed_t(
    xp: Any, value: Array, location: Array, below: Array, above: Array, nu: Array, lgamma: Any
) -> Array:
    """Log density of a Student-t of two scales, one on either side of its location, and no step between."""
    scale = xp.where(value > location, above, below)
    one_sided = student_t(xp, value, location, scale, nu, lgamma)
    return one_sided + xp.log(2 * scale / (below + above))
