"""The log density of the latency model, term by term, for any array namespace."""

from __future__ import annotations

import math
from typing import Any

from bayes_scaling.models.latency_design import LatencyDesign, MemoryBlock, TimeBlock
from bayes_scaling.roofline.devices import Device
from bayes_scaling.roofline.formula import log_prefill_time, log_step_time
from bayes_scaling.roofline.memory import fit_logit
from bayes_scaling.roofline.parameters import STEP, values

Array = Any
_LOG_2PI = math.log(2 * math.pi)


def log_terms(xp: Any, position: Array, design: LatencyDesign) -> dict[str, Array]:
    """Named terms of the log density at positions (..., size); each is (...).

    ``prior`` and, for each block, ``architecture_phase``.
    """
    mean, sd = design.prior()
    deviations = (position - mean) / sd
    terms = {"prior": (-0.5 * deviations**2 - xp.log(sd) - 0.5 * _LOG_2PI).sum(-1)}
    for block, part in design.parts(position):
        rows = log_likelihood(xp, block, part, design)
        terms[f"{block.architecture}_{block.phase}"] = rows.sum(-1)
    return terms


def log_likelihood(xp: Any, block: TimeBlock | MemoryBlock, part: Array, design: LatencyDesign) -> Array:
    """Log likelihood of each row of a block (..., row)."""
    if isinstance(block, MemoryBlock):
        logit = fit_logit(xp, values(xp, block.parameters, part), block.used, design.device)
        return -xp.logaddexp(0.0, (1 - 2 * block.fits) * logit)
    shift, log_scale = scatter(xp, block, part)
    center = log_time(xp, block, part, design.device) + shift
    residual = (block.log_time - center) / xp.exp(log_scale)
    return student(xp, residual, design.noise.degrees) - log_scale


def log_time(xp: Any, block: TimeBlock, part: Array, device: Device) -> Array:
    """ln seconds of each row by the formula alone (..., row)."""
    c = values(xp, block.parameters, part)
    if block.phase == STEP:
        return log_step_time(xp, c, block.work, device, block.mixer, block.first)
    return log_prefill_time(xp, c, block.work, device, block.mixer)


def scatter(xp: Any, block: TimeBlock, part: Array) -> tuple[Array, Array]:
    """Shift of ln time and ln of the noise's scale of each row (..., row)."""
    start = len(block.parameters)
    scale = part[..., start, None]
    first_scale = part[..., start + 1, None]
    shifts = part[..., start + 2 :]
    return xp.dot(shifts, block.member.T), scale + block.first * (first_scale - scale)


def student(xp: Any, residual: Array, degrees: float) -> Array:
    """Log density of a standard Student-t."""
    constant = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2) - 0.5 * math.log(degrees * math.pi)
    return constant - (degrees + 1) / 2 * xp.log1p(residual**2 / degrees)
