"""Raw draws as ArviZ groups: one shape whichever back end sampled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import scipy
import xarray as xr

from bayes_scaling.laws.drift import LEARNT, NUMBERS, WALK_NAMES
from bayes_scaling.models.coefficients import draw_components, draw_prior, nu, tau
from bayes_scaling.models.density import (
    log_priors,
    misfit_weights,
    predict_slots,
    slot_log_likelihood,
    slot_scales,
    two_sided,
    unpin,
)
from bayes_scaling.models.design import Design
from bayes_scaling.models.draws import RawDraws
from bayes_scaling.models.grid import fill_grid, on_grid
from bayes_scaling.models.misfit import OFFSET, Misfit
from bayes_scaling.models.rounds import Sampled
from bayes_scaling.models.walks import posterior_knots, walk_scales
from bayes_scaling.models.whitening import Whitening
from bayes_scaling.runs.table import Runs
from bayes_scaling.streams import Stream

PRIOR_DRAWS = 1000
FORMAT_VERSION = 2
_PACKAGES = ("bayes-scaling", "numpy", "pymc", "nutpie", "numpyro", "jax", "arviz")


def posterior_dataset(
    raw: RawDraws, whitening: Whitening, design: Design, runs: Runs, seed: int
) -> xr.Dataset:
    """The posterior in users' units, groups without runs and the hierarchy's scales drawn for it."""
    natural = unpin(np, whitening.position(raw.whitened, design))
    rng = np.random.default_rng([seed, Stream.HIERARCHY])
    return _coefficient_draws(natural, draw_components(natural, design, rng), design, runs, rng)


def observed_groups_of(design: Design, runs: Runs) -> xr.DataArray:
    """Which cells (architecture, context_length) have runs."""
    return _constants(design, runs)["observed_group"]


def assemble(
    posterior: xr.Dataset,
    sampled: Sampled,
    design: Design,
    runs: Runs,
    backend: str,
    seed: int,
) -> xr.DataTree:
    """The DataTree of a fit: see `bayes_scaling.Fit.idata`; ``posterior`` is `posterior_dataset`'s."""
    raw = sampled.raw
    natural = unpin(np, sampled.whitening.position(raw.whitened, design))
    rng = np.random.default_rng([seed, Stream.SCATTER])
    mean, _ = predict_slots(np, natural, design)
    groups = {
        "posterior": posterior,
        "posterior_predictive": _runs_dataset(_response(mean, natural, design, rng).astype(np.float32)),
        "log_likelihood": _runs_dataset(_log_likelihood(mean, natural, design)),
        "log_prior": _log_prior(natural, design),
        "sample_stats": _stats(raw),
        "prior": _prior(design, runs, rng),
        "observed_data": xr.Dataset({"loss": ("run", runs.frame["loss"].to_numpy(dtype=float))}),
        "constant_data": _constants(design, runs),
    }
    if design.misfit is not None:
        groups |= _misfit_groups(natural, design, design.misfit, runs, rng)
    for name in ("observed_data", "constant_data"):
        groups[name] = groups[name].assign_coords(run=np.arange(len(runs)))
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = _attributes(design, runs, backend, seed, sampled.account)
    return tree


def _coefficient_draws(
    natural: Mapping[str, np.ndarray],
    component: np.ndarray,
    design: Design,
    runs: Runs,
    rng: np.random.Generator,
) -> xr.Dataset:
    user = fill_grid(natural, component, design, runs.architectures, runs.context_lengths, rng)
    draws = on_grid(user, runs.architectures, runs.context_lengths)
    draws["nu"] = (("chain", "draw"), nu(natural))
    if design.spec.discrepancy == "drift":
        draws = draws.assign_coords(walk=np.array(WALK_NAMES, dtype=str)[list(LEARNT)])
        draws["drift_scale"] = (("chain", "draw", "walk"), walk_scales(natural))
    if design.spec.pooling != "partial":
        return draws
    scales = tau(component, design)
    draws = draws.assign_coords(coefficient=np.array(design.hierarchy.names, dtype=str))
    dims = ("chain", "draw", "coefficient")
    draws["tau_architecture"] = (dims, scales[..., 0])
    draws["tau_context"] = (dims, scales[..., 1])
    return draws


def _prior(design: Design, runs: Runs, rng: np.random.Generator) -> xr.Dataset:
    natural, component = draw_prior(design, PRIOR_DRAWS, rng)
    chained = {name: value[None] for name, value in natural.items()}
    return _coefficient_draws(chained, component[None], design, runs, rng)


def _misfit_groups(
    natural: Mapping[str, np.ndarray], design: Design, misfit: Misfit, runs: Runs, rng: np.random.Generator
) -> dict[str, xr.Dataset]:
    """The groups drift and offsets, as far as the spec has them."""
    weights = misfit_weights(natural, design)
    groups = {}
    if design.spec.discrepancy == "drift":
        groups["drift"] = _drift_dataset(posterior_knots(weights, natural, design, rng), runs)
    if misfit.levels:
        groups["offsets"] = _offsets_dataset(weights, misfit, runs)
    return groups


def _drift_dataset(weights: np.ndarray, runs: Runs) -> xr.Dataset:
    """Weights of all knots by architecture; the same walks for all under complete pooling."""
    names = np.array(runs.architectures, dtype=str)
    weights = np.broadcast_to(weights, (*weights.shape[:2], len(names), *weights.shape[3:]))
    dims = ("chain", "draw", "architecture", "walk", "knot")
    coords = {
        "chain": np.arange(weights.shape[0]),
        "draw": np.arange(weights.shape[1]),
        "architecture": names,
        "walk": np.array(WALK_NAMES, dtype=str),
        "knot": NUMBERS,
    }
    return xr.Dataset({"weight": (dims, weights.astype(np.float32))}, coords=coords)


def _offsets_dataset(weights: np.ndarray, misfit: Misfit, runs: Runs) -> xr.Dataset:
    """Shift of ln L by architecture and level, named ``column=value``."""
    names = np.array(runs.architectures, dtype=str)
    shift = OFFSET * weights[..., len(misfit.knots) :]
    shift = np.broadcast_to(shift, (*shift.shape[:2], len(names), shift.shape[-1]))
    coords = {
        "chain": np.arange(shift.shape[0]),
        "draw": np.arange(shift.shape[1]),
        "architecture": names,
        "level": np.array([f"{name}={value}" for name, value in misfit.levels], dtype=str),
    }
    return xr.Dataset({"shift": (("chain", "draw", "architecture", "level"), shift)}, coords=coords)


def _log_likelihood(mean: np.ndarray, natural: Mapping[str, np.ndarray], design: Design) -> np.ndarray:
    rows = design.weight * slot_log_likelihood(np, mean, natural, design, scipy.special.gammaln)
    return design.slots.gather(rows)


def _log_prior(natural: Mapping[str, np.ndarray], design: Design) -> xr.Dataset:
    terms = log_priors(np, natural, design)
    coefficients = terms.pop("coefficients")
    named = {name: coefficients[..., i] for i, name in enumerate(design.hierarchy.names)}
    return xr.Dataset({k: (("chain", "draw"), v) for k, v in (named | terms).items()})


def _response(
    mean: np.ndarray, natural: Mapping[str, np.ndarray], design: Design, rng: np.random.Generator
) -> np.ndarray:
    noise = rng.standard_t(nu(natural)[..., None, None], size=mean.shape)
    return design.slots.gather(np.exp(mean + two_sided(noise, *slot_scales(np, natural, design), rng)))


def _stats(raw: RawDraws) -> xr.Dataset:
    return xr.Dataset({name: (("chain", "draw"), value) for name, value in raw.stats.items()})


def _runs_dataset(loss: np.ndarray) -> xr.Dataset:
    coords = {dim: np.arange(n) for dim, n in zip(("chain", "draw", "run"), loss.shape, strict=True)}
    return xr.Dataset({"loss": (("chain", "draw", "run"), loss)}, coords=coords)


def _constants(design: Design, runs: Runs) -> xr.Dataset:
    frame = runs.frame
    groups = design.groups
    seen = set(zip(groups.architecture, groups.context_length, strict=True))
    observed = [[(a, t) in seen for t in runs.context_lengths] for a in runs.architectures]
    data = {name: ("run", frame[name].to_numpy(dtype=float)) for name in ("params", "tokens", "flops")}
    data["run_architecture"] = ("run", frame["architecture"].astype(str).to_numpy(dtype=str))
    data["run_context_length"] = ("run", frame["context_length"].to_numpy(dtype=np.int64))
    coords = {
        "architecture": np.array(runs.architectures, dtype=str),
        "context_length": np.array(runs.context_lengths, dtype=np.int64),
    }
    return xr.Dataset(
        data | {"observed_group": (("architecture", "context_length"), np.array(observed))}, coords=coords
    )


def _attributes(
    design: Design, runs: Runs, backend: str, seed: int, account: Mapping[str, float]
) -> dict[str, Any]:
    values = {
        "kind": "bayes_scaling.Fit",
        "format_version": FORMAT_VERSION,
        "spec": design.spec.to_dict(),
        "data_hash": runs.data_hash,
        "backend": backend,
        "seed": seed,
        "sampling": dict(account),
        "versions": {name: _version(name) for name in _PACKAGES},
    }
    return {name: json.dumps(value) for name, value in values.items()}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed as a package"
