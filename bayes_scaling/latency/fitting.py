"""`fit_latency`: from timings to a posterior of latency."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling.errors import ConvergenceWarning
from bayes_scaling.latency.conditions import check_dtype
from bayes_scaling.latency.design import build_design
from bayes_scaling.latency.device_names import check_device
from bayes_scaling.latency.fit import LatencyFit
from bayes_scaling.latency.kernel_priors import bench_priors
from bayes_scaling.latency.reachable import check_reachable
from bayes_scaling.latency.settings import LatencySettings
from bayes_scaling.latency.timings import Timings, load_timings
from bayes_scaling.models import latency_numpyro, latency_pymc
from bayes_scaling.models.compiled_code import kept_compiled
from bayes_scaling.models.draws import Engine, RawDraws, Sampling
from bayes_scaling.models.latency_design import LatencyDesign
from bayes_scaling.models.latency_mode import find_whitening
from bayes_scaling.models.progress import sampling_progress
from bayes_scaling.models.rounds import Progress, Sampled, Verdict, sample_in_rounds
from bayes_scaling.models.spec import Backend, Sampler
from bayes_scaling.models.whitening import Whitening
from bayes_scaling.posterior.criteria import convergence_of, sampler_of
from bayes_scaling.posterior.fitting import sampling_of
from bayes_scaling.posterior.statuses import FAIL
from bayes_scaling.posterior.summary import stack_cells
from bayes_scaling.roofline.devices import Device, get_device
from bayes_scaling.streams import Stream

DEFAULT_DEVICE = "H100-SXM"
TARGET = 0.97  # of acceptance: few coordinates, some of them far from normal
PRIOR_DRAWS = 1000
_PACKAGES = ("bayes-scaling", "numpy", "pymc", "nutpie", "numpyro", "jax")


def fit_latency(
    timings: Any,
    device: Device | str | None = None,
    *,
    settings: LatencySettings | None = None,
    bench: Any = None,
    backend: Backend = "numpyro",
    sampler: Sampler = "nutpie",
    draws: int = 800,
    tune: int = 500,
    chains: int = 4,
    seed: int = 0,
    progress: bool | None = None,
    max_draws: int | None = None,
) -> LatencyFit:
    """Fit the latency model to timings of one device and sample the posterior.

    Parameters
    ----------
    timings : Timings, path or DataFrame
        See `load_timings`.
    device : Device or str, optional
        Whose datasheet the efficiencies are relative to. Default "H100-SXM". Where the timings are of
        another device, efficiencies are scales that absorb the difference.
    settings : LatencySettings, optional
        Further assumptions; its device gives way to ``device``.
    bench : path or DataFrame, optional
        Microbenchmarks of the device: their posterior is the prior here; see `bench_priors`.
    backend : {"numpyro", "pymc"}
    sampler : {"nutpie", "pymc"}
        For the PyMC back end.
    draws, tune, chains, seed : int
        As for `bayes_scaling.fit`: more draws are made in rounds until the convergence gate holds.
    progress : bool, optional
        Default: where standard error is a terminal.
    max_draws : int, optional
        Draws of each chain after which rounds end. Default: ten times ``draws``.

    Returns
    -------
    LatencyFit

    Raises
    ------
    TimingsError, DeviceError, LatencyError
        Timings, a device or benchmarks that cannot be used.
    SpecError
        An unknown back end or sampler, or sizes that are not positive.

    Warns
    -----
    ConvergenceWarning
        The posterior did not pass the convergence gate.

    Examples
    --------
    >>> bs.latency.fit_latency("timings.csv", "H100-SXM", progress=False).architectures
    ('transformer', 'xlstm')
    """
    sampling = sampling_of(backend, sampler, draws, tune, chains, seed, progress, max_draws)
    table = load_timings(timings)
    chosen = settings_of(device, settings, bench)
    check_conditions(table, chosen)
    result = _fit(table, chosen, backend, sampler, sampling)
    _warn_unless_converged(result)
    return result


def check_conditions(timings: Timings, settings: LatencySettings) -> None:
    """Refuse timings of another device or dtype than is assumed, and times that the device cannot reach.

    Raises
    ------
    LatencyError, TimingsError
        Naming what was measured, what is assumed, and the remedy.
    """
    if "device" in timings.frame:
        check_device(timings.frame["device"], settings.device, timings.source)
    check_dtype(timings.frame, settings.deployed.precision, timings.source)
    check_reachable(timings, settings)


def settings_of(
    device: Device | str | None, settings: LatencySettings | None = None, bench: Any = None
) -> LatencySettings:
    """The assumptions of a fit, with the priors of benchmarks where they are given."""
    if device is not None or settings is None:
        value = get_device(device or DEFAULT_DEVICE) if not isinstance(device, Device) else device
        settings = LatencySettings(value) if settings is None else replace(settings, device=value)
    if bench is None:
        return settings
    found = bench_priors(bench, settings.device)
    return replace(settings, kernels=found.kernels, prior_source=found.source)


def _fit(
    timings: Timings, settings: LatencySettings, backend: str, sampler: str, sampling: Sampling
) -> LatencyFit:
    design = build_design(timings, settings)
    with kept_compiled(), sampling_progress(sampling.progress) as progress:
        found = _sampled_parts(design, backend, sampler, sampling, progress)
    stats = _joined_stats([part.raw.stats for part in found])
    position = np.concatenate([part.whitening.vector(part.raw.whitened) for part in found], axis=-1)
    return LatencyFit(_tree(position, stats, design, backend, sampling.seed), timings, settings)


def _sampled_parts(
    design: LatencyDesign, backend: str, sampler: str, sampling: Sampling, progress: Progress
) -> list[Sampled]:
    """Draws of each block, as many of all as the one needs that needs the most."""
    engines = [_engine(part, backend, sampler) for part in design.alone()]
    found = [_sample(engine, part, sampling, progress) for engine, part in engines]
    while len(lengths := {sampled.raw.whitened.shape[1] for sampled in found}) > 1:
        longer = replace(sampling, draws=max(lengths), max_draws=sampling.cap)
        found = [
            sampled
            if sampled.raw.whitened.shape[1] == max(lengths)
            else _sample(engine, part, longer, progress)
            for sampled, (engine, part) in zip(found, engines, strict=True)
        ]
    return found


def _engine(design: LatencyDesign, backend: str, sampler: str) -> tuple[Engine, LatencyDesign]:
    if backend == "numpyro":
        return latency_numpyro.numpyro_engine(design), design
    own = sampler == "pymc"
    return (latency_pymc.pymc_engine if own else latency_pymc.nutpie_engine)(design), design


def _sample(engine: Engine, design: LatencyDesign, sampling: Sampling, progress: Progress) -> Sampled:
    whitening = find_whitening(design)
    return sample_in_rounds(engine, whitening, design.size, sampling, TARGET, _gate, progress)


def _gate(raw: RawDraws, whitening: Whitening) -> Verdict:
    """The convergence gate on the coordinates of one block."""
    position = whitening.vector(raw.whitened)
    array = xr.DataArray(position, dims=("chain", "draw", "coordinate"), name="position")
    stats = xr.Dataset({name: (("chain", "draw"), value) for name, value in raw.stats.items()})
    rows = (*convergence_of(*stack_cells(array)), *sampler_of(stats))
    found = {row.name: row.value for row in rows}
    smallest = min(found["ess_bulk"], found["ess_tail"])
    note = f"R-hat {found['r_hat']:.3f}, smallest ESS {smallest:.0f}"
    return Verdict(all(row.status != FAIL for row in rows), note)


def _joined_stats(parts: list[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The sampler's statistics by block, (chain, draw, block)."""
    return {name: np.stack([stats[name] for stats in parts], axis=-1) for name in parts[0]}


def prior_positions(design: LatencyDesign, draws: int, seed: int) -> np.ndarray:
    """Draws of the prior (1, draw, size)."""
    rng = np.random.default_rng([seed, Stream.LATENCY_PRIOR])
    return design.draw_prior(draws, rng)[None]


def prior_fit(
    timings: Any, settings: LatencySettings, draws: int = 4000, seed: int = 0, bench: Any = None
) -> LatencyFit:
    """What the prior alone says: a fit whose posterior is its prior, for stages and prior checks.

    ``bench`` are microbenchmarks of the device, as for `fit_latency`.
    """
    table = load_timings(timings)
    settings = settings_of(None, settings, bench)
    design = build_design(table, settings)
    position = prior_positions(design, draws, seed)
    stats = {"diverging": np.zeros((1, draws, len(design.blocks)), dtype=bool)}
    return LatencyFit(_tree(position, stats, design, "prior", seed), table, settings)


def _tree(
    position: np.ndarray, stats: Mapping[str, np.ndarray], design: LatencyDesign, backend: str, seed: int
) -> xr.DataTree:
    prior = prior_positions(design, PRIOR_DRAWS, seed)
    blocks = np.array([f"{b.architecture}/{b.phase}" for b in design.blocks], dtype=str)
    dims = ("chain", "draw", "block")
    groups = {
        "posterior": _coefficients(position, design),
        "unconstrained_posterior": _positions(position, design),
        "prior": _coefficients(prior, design),
        "unconstrained_prior": _positions(prior, design),
        "sample_stats": xr.Dataset({k: (dims, v) for k, v in stats.items()}, coords={"block": blocks}),
    }
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = {"backend": json.dumps(backend), "seed": seed, "versions": json.dumps(_versions())}
    return tree


def _coefficients(position: np.ndarray, design: LatencyDesign) -> xr.Dataset:
    """Coefficients in their units; NaN where an architecture has no such coefficient."""
    names = sorted({block.architecture for block in design.blocks})
    found: dict[str, np.ndarray] = {}
    for block, part in design.parts(position):
        for i, parameter in enumerate(block.parameters):
            empty = np.full((*position.shape[:2], len(names)), np.nan)
            values = found.setdefault(f"{block.phase}_{parameter.name}", empty)
            values[..., names.index(block.architecture)] = parameter.value(np, part[..., i])
    coords = {dim: np.arange(n) for dim, n in zip(("chain", "draw"), position.shape[:2], strict=True)}
    dims = ("chain", "draw", "architecture")
    return xr.Dataset(
        {name: (dims, values) for name, values in found.items()},
        coords={**coords, "architecture": np.array(names, dtype=str)},
    )


def _positions(position: np.ndarray, design: LatencyDesign) -> xr.Dataset:
    coords = {"coordinate": np.array(design.coordinates, dtype=str)}
    return xr.Dataset({"position": (("chain", "draw", "coordinate"), position)}, coords=coords)


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed as a package"
    return found


def _warn_unless_converged(result: LatencyFit) -> None:
    failed = [row for row in result.checks() if row.status == FAIL]
    if failed:
        text = "; ".join(f"{row.name} is {row.value:.4g}: {row.advice}" for row in failed)
        warnings.warn(f"the posterior failed the convergence gate. {text}", ConvergenceWarning, stacklevel=3)
