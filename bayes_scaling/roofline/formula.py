"""Seconds of a decoding step and of a prefill: sums of kernels, each with its own launch and roofline.

One formula for NumPy, JAX and PyTensor. A kernel takes its launch and then the larger of its loads and its
FLOPs (Williams, Waterman and Patterson 2009); kernels add, as they run one after the other.
"""

from __future__ import annotations

from typing import Any

from bayes_scaling.roofline.devices import Device
from bayes_scaling.roofline.kernel_times import (
    Coefficients,
    chunk_time,
    key_time,
    product_time,
    score_time,
    smooth_max,
    state_time,
)
from bayes_scaling.roofline.workload import ATTENTION, Workload

Array = Any
SETTLING_FLOPS = 1.2e13  # a prompt of that work leaves half of `prompt_time` behind: some 40 ms of prefill


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
    after_prompt = work.work_before / (work.work_before + SETTLING_FLOPS)
    total = c["host_time"] * c["first_host"] ** first + launch_time(c, work)
    total = total + (1 - first) * c["prompt_time"] * after_prompt
    alone = c["single_bandwidth"] ** work.single
    total = total + product_time(xp, c, work.weight_bytes, work.matmul_flops, device, alone)
    total = total + work.activation_bytes / (device.bytes_per_second * c["activations"])
    total = total + work.logit_bytes / (device.bytes_per_second * c["logits"])
    total = total + _reduce_time(c, work)
    if mixer == ATTENTION:
        width = work.head_width, work.padded_width
        keys = key_time(xp, c, work.key_bytes, width, work.crowding, device)
        return xp.log(total + (1 - first) * keys)
    return xp.log(total + state_time(c, work.mixer_bytes, device))


def log_prefill_time(xp: Any, c: Coefficients, work: Workload, device: Device, mixer: str) -> Array:
    """ln of the seconds from a prompt to its first token; arguments as for `log_step_time`.

    Launches run beside the device's work: the two join by a smooth maximum, near their sum where a kernel
    waits for the one before.
    """
    launches = c["host_time"] + launch_time(c, work)
    total = product_time(xp, c, work.weight_bytes, work.matmul_flops, device)
    moved = work.activation_bytes + 2 * work.logit_bytes
    total = total + moved / (device.bytes_per_second * c["activations"])
    total = total + _reduce_time(c, work)
    if mixer == ATTENTION:
        total = total + _prefill_attention(xp, c, work, device)
    else:
        total = total + chunk_time(xp, c, work.mixer_bytes, work.serial_tokens, device)
    return xp.log(smooth_max(xp, launches, total, c["overlap"]))


def launch_time(c: Coefficients, work: Workload) -> Array:
    """Launches of all kernels, by class; a single sequence has a factor of its own."""
    launches = work.products * c["product_launch"] + work.mixers * c["mixer_launch"]
    return (launches + work.small * c["small_launch"]) * c["single_launch"] ** work.single


def _reduce_time(c: Coefficients, work: Workload) -> Array:
    """Sums over the devices that share a model; nothing where it runs on one."""
    if "reduce_launch" not in c:
        return 0.0
    return work.reduces * c["reduce_launch"] + work.reduced_bytes / c["link_bandwidth"]


def _prefill_attention(xp: Any, c: Coefficients, work: Workload, device: Device) -> Array:
    """Scores and values, and passes over the outputs that set in once the context is long for the head."""
    scores = score_time(xp, c, work.pairs, work.head_width, work.padded_width, device)
    reach = (xp.log(work.relative_context) - c["long_start"]) / c["long_spread"]
    passes = c["long_passes"] / (1 + xp.exp(-reach))
    return scores + 2 * work.elements * passes / device.bytes_per_second
