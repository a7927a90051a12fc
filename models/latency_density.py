"""The log density of the latency model, term by term, for any array namespace."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayes_scaling.models.latency_design import LatencyDesign, MemoryBlock, TimeBlock
from bayes_scaling.roofline.devices import Device
from bayes_scaling.roofline.formula import log_prefill_time, log_step_time
from bayes_scaling.roofline.memory import fit_logit, log_reserved
from bayes_scaling.roofline.parameters import STEP, values

Array = Any
_LOG_2PI = math.log(2 * math.pi)


def log_terms(xp: Any, position: Array, design: LatencyDesign) -> dict[str, Array]:
    """Named terms of the log density at positions (..., size); each is (...).

    ``prior`` and, for each block, ``architecture_phase`` and, of times, ``architecture_phase_sizes``.
    """
    standard = xp.dot(position[..., design.plain] - design.plain_mean, np.linalg.inv(design.plain_root).T)
    terms = {"prior": _log_normal(standard, design.plain_root)}
    for block, part in design.parts(position):
        rows = log_likelihood(xp, block, part, design)
        terms[f"{block.architecture}_{block.phase}"] = rows.sum(-1)
        if isinstance(block, TimeBlock):
            terms[f"{block.architecture}_{block.phase}_sizes"] = _log_shifts(xp, block, part, design)
    return terms


def _log_normal(standard: Array, root: np.ndarray) -> Array:
    """Log density of normal coordinates whose standardised values and covariance's root are given."""
    constant = np.log(np.diag(root)).sum() + 0.5 * len(root) * _LOG_2PI
    return -0.5 * (standard**2).sum(-1) - constant


def _log_shifts(xp: Any, block: TimeBlock, part: Array, design: LatencyDesign) -> Array:
    """Log density of the shifts of the sizes, given their scale."""
    root = block.shift_root(design.noise)
    count = len(block.plain_names)
    log_scale = part[..., count - 1]
    standard = xp.dot(part[..., count:], np.linalg.inv(root).T) * xp.exp(-log_scale)[..., None]
    return _log_normal(standard, root) - len(root) * log_scale


def log_likelihood(xp: Any, block: TimeBlock | MemoryBlock, part: Array, design: LatencyDesign) -> Array:
    """Log likelihood of each row of a block (..., row)."""
    if isinstance(block, MemoryBlock):
        return _log_memory(xp, block, part, design)
    shift, log_scale = scatter(xp, block, part)
    center = log_time(xp, block, part, design.device) + shift
    residual = (block.log_time - center) / xp.exp(log_scale)
    return student(xp, residual, design.noise.degrees) - log_scale


def _log_memory(xp: Any, block: MemoryBlock, part: Array, design: LatencyDesign) -> Array:
    """Whether each query fitted, and the bytes that it reserved where they are known."""
    c = values(xp, block.parameters, part)
    sign = 2 * block.fits - 1  # 0 where it is not known: then a constant, ln 1/2
    fitted = -xp.logaddexp(0.0, -sign * fit_logit(xp, c, block.used, design.device))
    log_scale = part[..., len(block.parameters), None]
    residual = (block.log_reserved - log_reserved(xp, c, block.used)) / xp.exp(log_scale)
    seen = student(xp, residual, design.noise.degrees) - log_scale
    return fitted + block.reserved * seen


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
    shifts = part[..., len(block.plain_names) :]
    return xp.dot(shifts, block.member.T), scale + block.first * (first_scale - scale)


def student(xp: Any, residual: Array, degrees: float) -> Array:
    """Log density of a standard Student-t."""
    constant = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2) - 0.5 * math.log(degrees * math.pi)
    return constant - (degrees + 1) / 2 * xp.log1p(residual**2 / degrees)
