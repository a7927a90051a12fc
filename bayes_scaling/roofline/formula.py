"""Seconds of a decoding step and of a prefill: sums of kernels, each with its own roofline.

One formula for NumPy, JAX and PyTensor. The corner of the roofline (Williams, Waterman and Patterson 2009)
lies inside one kind of kernel; the kinds add, as kernels run one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bayes_scaling.roofline.devices import Device
from bayes_scaling.roofline.workload import ATTENTION, Workload

Array = Any
Coefficients = Mapping[str, Array]
SETTLING_FLOPS = 1.2e13  # a prompt of that work leaves half of `prompt_time` behind: some 40 ms of prefill


def smooth_max(xp: Any, first: Array, second: Array, sharpness: Array) -> Array:
    """Between the larger of two times (sharpness to infinity) and their sum (sharpness 1)."""
    log_first = xp.log(first) * sharpness
    log_second = xp.log(second) * sharpness
    return xp.exp(xp.logaddexp(log_first, log_second) / sharpness)


def log_step_time(
    xp: Any, c: Coefficients, work: Workload, device: Device, mixer: str, first: Array
) -> Array:
    """ln of the seconds of a decoding step.

    Parameters
    ----------
    xp : module
        numpy, jax.numpy or pytensor.tensor.
    c : mapping of str to array
        Coefficients of the phase ``step``, see `bayes_scaling.roofline.parameters`; each broadcasts
        against (row,).
    work : Workload
        Of `decode_workload`.
    device : Device
        Its datasheet constants; efficiencies are relative to them.
    mixer : {"attention", "recurrent"}
    first : array
        1 where the time is one to a first token without a prompt: nothing is in the cache yet.
    """
    launches = c["host_time"] * c["first_host"] ** first
    launches = launches + work.blocks * c["block_time"] * c["single_block"] ** work.single
    after_prompt = work.work_before / (work.work_before + SETTLING_FLOPS)
    launches = launches + (1 - first) * c["prompt_time"] * after_prompt
    bandwidth = device.bytes_per_second * c["bandwidth"] * c["single_bandwidth"] ** work.single
    loads = work.weight_bytes / bandwidth
    matmuls = work.matmul_flops / (device.flops_per_second * c["matmul"])
    total = launches + smooth_max(xp, loads, matmuls, c["corner"])
    total = total + work.logit_bytes / (device.bytes_per_second * c["logits"])
    if mixer == ATTENTION:
        return xp.log(total + (1 - first) * _decode_attention(xp, c, work, device))
    return xp.log(total + _decode_recurrent(c, work, device))


def log_prefill_time(xp: Any, c: Coefficients, work: Workload, device: Device, mixer: str) -> Array:
    """ln of the seconds from a prompt to its first token; arguments as for `log_step_time`.

    Launches of the host run beside the device's work: the two join by a smooth maximum near their sum.
    """
    launches = c["host_time"] + work.blocks * c["block_time"] * c["single_block"] ** work.single
    loads = work.weight_bytes / (device.bytes_per_second * c["bandwidth"])
    matmuls = work.matmul_flops / (device.flops_per_second * c["matmul"])
    total = smooth_max(xp, loads, matmuls, c["corner"])
    total = total + work.activation_bytes / (device.bytes_per_second * c["activations"])
    total = total + work.blocks * work.tokens * c["serial_time"]
    mixing = _prefill_attention if mixer == ATTENTION else _prefill_recurrent
    return xp.log(smooth_max(xp, launches, total + mixing(xp, c, work, device), c["overlap"]))


def _decode_attention(xp: Any, c: Coefficients, work: Workload, device: Device) -> Array:
    """Limited by parallelism: one unit reads the keys of one head, in rounds."""
    share = device.bytes_per_second / device.units
    return work.waves * work.key_bytes * work.head_width ** c["key_width"] / (share * c["key_bandwidth"])


def _decode_recurrent(c: Coefficients, work: Workload, device: Device) -> Array:
    """The states are read and written."""
    return work.mixer_bytes / (device.bytes_per_second * c["state_bandwidth"])


def _prefill_attention(xp: Any, c: Coefficients, work: Workload, device: Device) -> Array:
    """Scores and values, and passes over the keys that set in once the context is long for the head."""
    width = work.head_width ** c["score_width"]
    scores = work.pairs * width / (device.flops_per_second * c["score_matmul"])
    reach = (xp.log(work.relative_context) - c["long_start"]) / c["long_spread"]
    passes = c["long_passes"] / (1 + xp.exp(-reach))
    return scores + 2 * work.elements * passes / device.bytes_per_second


def _prefill_recurrent(xp: Any, c: Coefficients, work: Workload, device: Device) -> Array:
    """Streams and states of the chunks, and the logits of all positions, written and read."""
    streams = work.mixer_bytes / (device.bytes_per_second * c["state_bandwidth"])
    return streams + 2 * work.logit_bytes / (device.bytes_per_second * c["activations"])
