"""From a table of timings to the arrays of the latency model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.errors import TimingsError
from bayes_scaling.latency.row_shapes import row_shapes
from bayes_scaling.latency.settings import LatencySettings
from bayes_scaling.latency.timings import Timings
from bayes_scaling.models.latency_design import Block, LatencyDesign, MemoryBlock, TimeBlock
from bayes_scaling.roofline.memory import MEMORY, Footprint, footprint, memory_parameters
from bayes_scaling.roofline.parameters import PREFILL, STEP, parameters
from bayes_scaling.roofline.workload import Workload, decode_workload, mixer_of, prefill_workload

FEWEST_ROWS = 2


def build_design(timings: Timings, settings: LatencySettings) -> LatencyDesign:
    """Blocks of all architectures and phases that were measured.

    Raises
    ------
    TimingsError
        An architecture with fewer than two times.
    """
    blocks: list[Block] = []
    for architecture in timings.architectures:
        frame = timings.frame[timings.frame["architecture"] == architecture].reset_index(drop=True)
        blocks += _blocks(architecture, frame, settings, timings.source)
    found = tuple(blocks)
    return LatencyDesign(found, settings.device, settings.noise, prior_covariance(found, settings))


def prior_covariance(blocks: tuple[Block, ...], settings: LatencySettings) -> np.ndarray:
    """Prior covariance of all coordinates that are no shifts.

    What the kernels of the device say is shared by all models on it, so it correlates their coefficients.
    """
    sd = np.concatenate([block.prior(settings.noise)[1] for block in blocks])
    covariance = np.diag(sd**2)
    if settings.kernels is None:
        return covariance
    names = [(b.architecture, b.phase, name) for b in blocks for name in b.plain_names]
    places = [(i, settings.kernel_of(*name)) for i, name in enumerate(names)]
    linked = [(i, k) for i, k in places if k is not None]
    shared = np.array(settings.kernels.covariance)
    for i, k in linked:
        for j, other in linked:
            if i != j:
                covariance[i, j] = shared[k, other]
    return covariance


def _blocks(architecture: str, frame: pd.DataFrame, settings: LatencySettings, source: str) -> list[Block]:
    steps = step_rows(frame)
    prompts = frame[(frame["prefill"] > 0) & frame["ttft_ms"].notna()]
    prompts = prompts.assign(time_ms=prompts["ttft_ms"], first=0.0)
    blocks: list[Block] = []
    for phase, rows in ((STEP, steps), (PREFILL, prompts)):
        if len(rows) >= FEWEST_ROWS:
            blocks.append(_time_block(architecture, phase, rows, settings))
    if not blocks:
        raise TimingsError(
            f"{source}: {architecture} has fewer than {FEWEST_ROWS} times. "
            "Remedy: measure more, or leave it out."
        )
    known = frame[frame["measured"].notna() | frame["reserved_bytes"].notna()]
    if len(known):
        blocks.append(_memory_block(architecture, known, settings))
    return blocks


def step_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Decoding steps, and first tokens without a prompt (``first``), which are steps too."""
    steps = frame[frame["step_time_ms"].notna()]
    first = frame[(frame["prefill"] == 0) & frame["ttft_ms"].notna()]
    parts = [
        steps.assign(time_ms=steps["step_time_ms"], first=0.0),
        first.assign(time_ms=first["ttft_ms"], first=1.0),
    ]
    return pd.concat(parts, ignore_index=True)


def _time_block(architecture: str, phase: str, rows: pd.DataFrame, settings: LatencySettings) -> TimeBlock:
    mixer = mixer_of(architecture)
    chosen = tuple(
        settings.prior_of(architecture, phase, p)
        for p in parameters(phase, mixer, settings.deployed.parallel)
    )
    params = rows["params"].to_numpy(dtype=float)
    sizes = np.unique(params)
    first = rows["first"].to_numpy(dtype=float)
    return TimeBlock(
        architecture,
        phase,
        mixer,
        chosen,
        workload(architecture, phase, rows, settings),
        np.log(rows["time_ms"].to_numpy(dtype=float) * 1e-3),
        first,
        tuple(int(size) for size in sizes),
        (params[:, None] == sizes).astype(float),
    )


def workload(architecture: str, phase: str, rows: pd.DataFrame, settings: LatencySettings) -> Workload:
    """Counts of the rows of one architecture in one phase."""
    shape, batch, prompt = _query(rows)
    if phase == PREFILL:
        return prefill_workload(architecture, shape, batch, prompt, settings.device, settings.deployed)
    context = cached_tokens(prompt, settings)
    given = architecture, shape, batch, context, settings.device
    return decode_workload(*given, before=prompt, deployed=settings.deployed)


def cached_tokens(prompt: np.ndarray, settings: LatencySettings) -> np.ndarray:
    """Keys that a step reads: the cache holds whole blocks for the prompt and for the answer."""
    block = settings.cache_block
    answer = np.ceil(settings.generated / block)
    return np.asarray(block * (np.maximum(np.ceil(prompt / block), 1) + answer))


def used_memory(
    architecture: str, rows: pd.DataFrame, settings: LatencySettings, generated: int = 1
) -> Footprint:
    """Bytes by kind of the rows of one architecture."""
    return footprint(architecture, *_query(rows), generated, settings.deployed)


def _memory_block(architecture: str, rows: pd.DataFrame, settings: LatencySettings) -> MemoryBlock:
    chosen = tuple(settings.prior_of(architecture, MEMORY, p) for p in memory_parameters())
    fits = rows["measured"].to_numpy(dtype=float)
    reserved = rows["reserved_bytes"].to_numpy(dtype=float)
    seen = np.isfinite(reserved)
    return MemoryBlock(
        architecture,
        chosen,
        used_memory(architecture, rows, settings),
        np.where(np.isnan(fits), 0.5, fits),
        np.log(np.where(seen, reserved, 1.0)),
        seen.astype(float),
    )


def _query(rows: pd.DataFrame) -> tuple[Any, np.ndarray, np.ndarray]:
    return (
        row_shapes(rows),
        rows["batch_size"].to_numpy(dtype=float),
        rows["prefill"].to_numpy(dtype=float),
    )
