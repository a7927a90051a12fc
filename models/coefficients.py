"""From positions to the law's coefficients in user units, and to groups that were not observed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bayes_scaling.laws.covariates import REFERENCE, shift_at
from bayes_scaling.laws.law import TINY
from bayes_scaling.models.density import OWN, SHARES, degrees, law_arguments
from bayes_scaling.models.design import Design
from bayes_scaling.models.hierarchy import Groups, component_log_density, kernels

Draws = Mapping[str, np.ndarray]
LARGEST = 1e300


def to_user(natural: Draws, design: Design) -> dict[str, np.ndarray]:
    """The law's coefficients (E in nats, A and B of raw sizes) and the scatter's, each (..., group)."""
    law = design.spec.law_value
    theta = law_arguments(np, natural, law.fixed)
    user = {
        "E": np.exp(theta["log_E"]),
        "A": _exp(theta["log_A"] + theta["alpha"] * _log_reference(theta, design)),
        "B": _exp(theta["log_B"] + theta["beta"] * np.log(design.reference_tokens)),
        "alpha": theta["alpha"],
        "beta": theta["beta"],
    }
    user |= {name: theta[name] for name in ("gamma", "eta", *OWN) if name in theta}
    noise = {name: np.exp(natural[name]) for name in design.spec.noise_names}
    return {name: user[name] for name in law.names} | noise


def _log_reference(theta: Draws, design: Design) -> np.ndarray:
    """ln of the params, as their term sees them, at the references of sizes and covariates: (..., group)."""
    return np.log(design.reference_params) + shift_at(np, {**theta, **design.places}, REFERENCE)


def _exp(logarithm: np.ndarray) -> np.ndarray:
    """The number, at most `LARGEST`: steep exponents of a wide prior put A beyond all floats."""
    return np.asarray(np.exp(np.minimum(logarithm, np.log(LARGEST))))


def to_natural(user: Draws, design: Design) -> dict[str, np.ndarray]:
    """The inverse of `to_user`."""
    law = design.spec.law_value
    full = law.complete(user)
    log_a = np.log(full["A"]) - full["alpha"] * _log_reference(full, design)
    log_b = np.log(full["B"]) - full["beta"] * np.log(design.reference_tokens)
    natural = {
        "E": np.log(np.maximum(full["E"], TINY)),
        "R": full["gamma"] * np.logaddexp(log_a, log_b),
        "share": log_a - log_b,
        "slope_params": np.log(full["gamma"] * full["alpha"]),
        "slope_tokens": np.log(full["gamma"] * full["beta"]),
        "gamma": np.log(full["gamma"]),
    }
    if "eta" in full:
        natural["eta"] = full["eta"]
    logs = [name for name in (*OWN, *design.spec.noise_names) if name in user]
    natural |= {name: np.log(np.maximum(user[name], TINY)) for name in logs}  # 0 in draws of other laws
    natural |= {name: natural[name] - np.log1p(-user[name]) for name in SHARES.intersection(user)}
    return {name: natural[name] for name in design.hierarchy.names}


def nu(position: Draws) -> np.ndarray:
    """Degrees of freedom of the residuals."""
    return np.asarray(degrees(np, position["nu"]))


def draw_components(natural: Draws, design: Design, rng: np.random.Generator) -> np.ndarray:
    """Index of the hierarchy's scales given the coefficients, exactly: (..., coefficient)."""
    log_density = component_log_density(_stacked(natural, design), design.hierarchy)
    return np.argmax(log_density + rng.gumbel(size=log_density.shape), axis=-1)


def tau(component: np.ndarray, design: Design) -> np.ndarray:
    """Scales between architectures and with context length: (..., coefficient, 2)."""
    return design.hierarchy.tau[np.arange(component.shape[-1]), component]


def component_of(tau_architecture: np.ndarray, tau_context: np.ndarray, design: Design) -> np.ndarray:
    """Index of the nearest scales (..., coefficient); the inverse of `tau`."""
    between, along = design.hierarchy.points
    known = design.hierarchy.tau.reshape(-1, between, along, 2)
    rows = np.abs(np.log(known[:, :, 0, 0] / tau_architecture[..., None])).argmin(-1)
    columns = np.abs(np.log(known[:, 0, :, 1] / tau_context[..., None])).argmin(-1)
    return np.asarray(rows * along + columns)


def draw_unseen(
    natural: Draws, component: np.ndarray, design: Design, new: Groups, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Coefficients of groups without runs, given those with: each (..., new group).

    Under no pooling they are the prior's; under complete pooling the one column's.
    """
    pooling = design.spec.pooling
    if pooling == "complete":
        return {name: np.repeat(natural[name], len(new), axis=-1) for name in design.hierarchy.names}
    values = _stacked(natural, design)
    noise = rng.standard_normal((*values.shape[:-1], len(new)))
    if pooling == "none":
        scale = np.sqrt(design.hierarchy.variance[:, 0, 0])
        drawn = design.hierarchy.mean[:, None] + scale[:, None] * noise
    else:
        drawn = _condition(values, component, design, new, noise)
    return {name: drawn[..., i, :] for i, name in enumerate(design.hierarchy.names)}


def _condition(
    values: np.ndarray, component: np.ndarray, design: Design, new: Groups, noise: np.ndarray
) -> np.ndarray:
    """Conditional normal draws, the matrices made once for each coefficient and component."""
    h = design.hierarchy
    seen = len(design.groups)
    variance = np.array([design.spec.prior(name).scale ** 2 for name in h.names])
    parts = h.tau[..., None, None] ** 2 * np.stack(kernels(design.groups.joined(new)))
    covariance = variance[:, None, None, None] + parts.sum(2)
    cross = covariance[..., seen:, :seen]
    gain = cross @ np.linalg.inv(covariance[..., :seen, :seen])
    spread = covariance[..., seen:, seen:] - gain @ cross.swapaxes(-1, -2)
    factor = np.linalg.cholesky(spread + 1e-12 * np.eye(len(new)))
    index = np.arange(len(h.names))
    deviation = (values - h.mean[:, None])[..., None]
    moved = gain[index, component] @ deviation + factor[index, component] @ noise[..., None]
    return h.mean[:, None] + moved[..., 0]


def draw_prior(
    design: Design, draws: int, rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Coefficients (draw, column) and scalars (draw,) of the prior; the components (draw, coefficient)."""
    h = design.hierarchy
    component = rng.choice(len(h.weight), size=(draws, len(h.names)), p=h.weight)
    variance = h.variance[np.arange(len(h.names)), component]
    shift = np.sqrt(h.mean_variance) * rng.standard_normal((draws, len(h.names)))
    turned = np.sqrt(variance) * rng.standard_normal(variance.shape) + h.common * shift[..., None]
    values = h.mean[:, None] + turned @ np.linalg.inv(h.rotation)
    natural = {name: values[:, i] for i, name in enumerate(h.names)}
    for (name, prior), mean in zip(design.scalars.items(), design.centers, strict=True):
        natural[name] = mean + prior.scale * rng.standard_normal(draws)
    return natural, component


def _stacked(natural: Draws, design: Design) -> np.ndarray:
    return np.stack([natural[name] for name in design.hierarchy.names], axis=-2)
