"""Draws of times of queries, and the probability that they fit: draws in, draws out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy
import xarray as xr

from bayes_scaling.errors import LatencyError
from bayes_scaling.latency.design import used_memory, workload
from bayes_scaling.latency.posterior import LatencyPosterior
from bayes_scaling.latency.queries import query_frame
from bayes_scaling.models.latency_design import SIZE_SCALE
from bayes_scaling.models.size_spread import size_conditional
from bayes_scaling.roofline.formula import log_prefill_time, log_step_time
from bayes_scaling.roofline.memory import MEMORY, fit_logit, memory_parameters
from bayes_scaling.roofline.parameters import PREFILL, STEP, Parameter, parameters
from bayes_scaling.roofline.workload import mixer_of
from bayes_scaling.streams import Stream

KINDS = ("mean", "response")
KNOWN_SIZE = 0.005  # relative difference of params below which a model is one of the fitted sizes
QUANTITIES = ("ttft_ms", "step_time_ms")


def predict(fit: LatencyPosterior, queries: Any, kind: str = "response", seed: int = 0) -> xr.Dataset:
    """Draws of the time to first token and of the step time of queries.

    Parameters
    ----------
    fit : LatencyFit
    queries : Timings, path, DataFrame or mapping of columns
        architecture, params or shape, batch_size, prefill; one row a query.
    kind : {"response", "mean"}
        A measured time, or the mean of repeated ones in logs. Both hold what is not known of a model size
        that was not timed.
    seed : int

    Returns
    -------
    Dataset
        ttft_ms and step_time_ms in milliseconds, dims chain, draw, query; fits, the probability of each
        draw that the prompt and the first token fit the device's memory; coordinates of the queries. NaN
        where the fit has no timings of that phase.

    Raises
    ------
    LatencyError
        An unknown kind, or an architecture that was not timed.
    TimingsError
        Queries that are not valid.

    Examples
    --------
    >>> fit.predict({"architecture": ["llama"], "params": [7e9], "batch_size": [8], "prefill": [4096]})
    ... # doctest: +SKIP
    """
    if kind not in KINDS:
        raise LatencyError(f"unknown kind {kind!r}: choose one of {', '.join(KINDS)}")
    frame = query_frame(fit, queries)
    chains = fit.posterior.sizes["chain"]
    draws = fit.posterior.sizes["draw"]
    found = {name: np.full((chains, draws, len(frame)), np.nan) for name in (*QUANTITIES, "fits")}
    for label in frame["label"].unique():
        rows = np.flatnonzero((frame["label"] == label).to_numpy())
        _fill(found, fit, str(label), frame.iloc[rows], rows, kind, seed)
    coords = {
        name: ("query", frame[name].to_numpy())
        for name in ("architecture", "params", "batch_size", "prefill")
    }
    sample = {dim: fit.posterior[dim].to_numpy() for dim in ("chain", "draw")}
    dims = ("chain", "draw", "query")
    return xr.Dataset(
        {name: (dims, values) for name, values in found.items()},
        {**sample, "query": np.arange(len(frame)), **coords},
    )


def _fill(
    found: dict[str, np.ndarray],
    fit: LatencyPosterior,
    label: str,
    rows: pd.DataFrame,
    where: np.ndarray,
    kind: str,
    seed: int,
) -> None:
    """Write the draws of one architecture's queries in place."""
    with_prompt = (rows["prefill"] > 0).to_numpy()
    step = _draws(fit, label, STEP, rows, np.zeros(len(rows)), kind, seed)
    if step is not None:
        found["step_time_ms"][..., where] = step
        bare = rows[~with_prompt]
        if len(bare):
            first = _draws(fit, label, STEP, bare, np.ones(len(bare)), kind, seed)
            found["ttft_ms"][..., where[~with_prompt]] = first
    prompted = rows[with_prompt]
    prefill = (
        _draws(fit, label, PREFILL, prompted, np.zeros(len(prompted)), kind, seed) if len(prompted) else None
    )
    if prefill is not None:
        found["ttft_ms"][..., where[with_prompt]] = prefill
    fits = _fits(fit, label, rows)
    if fits is not None:
        found["fits"][..., where] = fits


def _draws(
    fit: LatencyPosterior, label: str, phase: str, rows: pd.DataFrame, first: np.ndarray, kind: str, seed: int
) -> np.ndarray | None:
    """Milliseconds (chain, draw, row), or None where the phase was not timed."""
    position = fit.positions(label, phase)
    if not position:
        return None
    mixer = mixer_of(label)
    device = fit.settings.device
    work = workload(label, phase, rows, fit.settings)
    c = _coefficients(parameters(phase, mixer, fit.settings.deployed.parallel), position)
    if phase == STEP:
        log_time = log_step_time(np, c, work, device, mixer, first)
    else:
        log_time = log_prefill_time(np, c, work, device, mixer)
    key = f"{label}/{phase}".encode()
    rng = np.random.default_rng([seed, Stream.LATENCY_SCATTER, *key, int(first.any())])
    log_time = log_time + _shift(
        fit, position, rows["params"].to_numpy(dtype=float), [seed, *label.encode(), *phase.encode()]
    )
    if kind == "response":
        scale = np.where(first > 0, position["first_scale"][..., None], position["scale"][..., None])
        log_time = log_time + np.exp(scale) * rng.standard_t(fit.settings.noise.degrees, size=log_time.shape)
    return np.asarray(1e3 * np.exp(log_time))


def _coefficients(chosen: tuple[Parameter, ...], position: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Coefficients (chain, draw, 1)."""
    return {p.name: p.value(np, position[p.name])[..., None] for p in chosen}


def _shift(
    fit: LatencyPosterior, position: dict[str, np.ndarray], params: np.ndarray, key: list[int]
) -> np.ndarray:
    """The shift of each row's model size (chain, draw, row): as fitted, or drawn for one not timed.

    What is drawn grows with the distance from the fitted sizes.
    """
    fitted = {float(name[6:-1]): draws for name, draws in position.items() if name.startswith("shift[")}
    known = np.array(list(fitted))
    shifts = np.stack(list(fitted.values()), axis=-1)
    scale = np.exp(position[SIZE_SCALE])
    luck = np.random.default_rng(key).standard_normal(scale.shape)  # sizes far out are off together
    found = np.empty((*scale.shape, len(params)))
    for size in np.unique(params):
        near = np.flatnonzero(np.abs(np.log(size / known)) < KNOWN_SIZE)
        if near.size:
            value = shifts[..., near[0]]
        else:
            weight, sd = size_conditional(np.array([size]), known, fit.settings.noise.size_growth)
            value = shifts @ weight[0] + scale * sd[0] * luck
        found[..., params == size] = value[..., None]
    return found


def _fits(fit: LatencyPosterior, label: str, rows: pd.DataFrame) -> np.ndarray | None:
    """Probability of each draw that each row fits (chain, draw, row)."""
    position = fit.positions(label, MEMORY)
    if not position:
        return None
    used = used_memory(label, rows, fit.settings)
    c = _coefficients(memory_parameters(), position)
    return np.asarray(scipy.special.expit(fit_logit(np, c, used, fit.settings.device)))
