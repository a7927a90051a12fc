"""Seconds of each kind of kernel, without its launch: one formula for models and for microbenchmarks.

Pure functions of arrays, for NumPy, JAX and PyTensor. Efficiencies are shares of the datasheet's constants.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bayes_scaling.roofline.devices import Device

Array = Any
Coefficients = Mapping[str, Array]
CHUNK_CORNER = 4.0  # sharpness between the streams of a chunkwise kernel and its walk along the chunks


def smooth_max(xp: Any, first: Array, second: Array, sharpness: Array) -> Array:
    """Between the larger of two times (sharpness to infinity) and their sum (sharpness 1)."""
    log_first = xp.log(first) * sharpness
    log_second = xp.log(second) * sharpness
    return xp.exp(xp.logaddexp(log_first, log_second) / sharpness)


def product_time(
    xp: Any, c: Coefficients, loaded: Array, flops: Array, device: Device, bandwidth: Array = 1.0
) -> Array:
    """Matrix products: the larger of their loads and their FLOPs, with a round corner.

    ``loaded`` are the bytes of the weights; ``bandwidth`` is a factor of the bandwidth.
    """
    loads = loaded / (device.bytes_per_second * c["bandwidth"] * bandwidth)
    return smooth_max(xp, loads, flops / (device.flops_per_second * c["matmul"]), c["corner"])


def key_time(
    xp: Any, c: Coefficients, read: Array, width: tuple[Array, Array], crowding: Array, device: Device
) -> Array:
    """A query over a cache: bytes of keys and values over the bandwidth.

    A kernel that splits the keys of a head over the device (`whole_heads` 0) reads the bytes as they are. One
    that does not (1) works in rounds, on heads as wide as their padding.

    Parameters
    ----------
    read : array
        Bytes.
    width : tuple of array
        Head dimension over 128, and the same padded to a power of two.
    crowding : array
        Rounds in which each unit of the device takes a head, times units over heads: 1 or more.
    """
    own, padded = width
    in_rounds = xp.log(crowding) + c["key_width"] * xp.log(padded) - xp.log(own)
    return read * xp.exp(c["whole_heads"] * in_rounds) / (device.bytes_per_second * c["key_bandwidth"])


def state_time(c: Coefficients, moved: Array, device: Device) -> Array:
    """A recurrent step: its states are read and written."""
    return moved / (device.bytes_per_second * c["state_bandwidth"])


def score_time(xp: Any, c: Coefficients, flops: Array, width: Array, padded: Array, device: Device) -> Array:
    """Causal scores and values: half of the square, at a rate that depends on the width of a head.

    Part of the work pays for the padding of a head to a power of two. Widths are over 128.
    """
    relative = xp.exp(c["score_width"] * 0.5 * (xp.log(width) + xp.log(padded)) - xp.log(width))
    return flops * relative / (device.flops_per_second * c["score_matmul"])


def chunk_time(xp: Any, c: Coefficients, moved: Array, serial_tokens: Array, device: Device) -> Array:
    """A chunkwise prefill: the larger of its streams and of the walk along the chunks, one by one."""
    streams = moved / (device.bytes_per_second * c["state_bandwidth"])
    return smooth_max(xp, streams, serial_tokens * c["serial_time"], CHUNK_CORNER)
