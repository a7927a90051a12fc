"""Memory of a query and the probability that it fits: a logistic edge in ln memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

from bayes_scaling.accounting import Shape, get_architecture
from bayes_scaling.roofline.devices import Device
from bayes_scaling.roofline.parameters import Parameter, positive
from bayes_scaling.roofline.workload import ATTENTION, DEPLOYED, Deployment, mixer_of

Array = Any
MEMORY = "memory"

_SHARED = (
    positive("context", 6e8, 0.5, "B", "the driver's context and libraries, outside of what is reserved"),
    positive("fixed", 2e8, 0.8, "B", "buffers that any query reserves"),
    positive("activations", 6.0, 0.5, "1", "copies of one block's activations alive at once"),
    positive("logits", 3.0, 0.3, "1", "copies of the logits alive at once, in bytes over 2"),
    positive("cache", 1.0, 0.2, "1", "bytes of cache or states over what the accounting counts"),
    positive("usable", 0.95, 0.1, "1", "share of the device's memory that can be used"),
    Parameter("edge", "positive", log(15.0), 0.5, "1", "steepness of the edge in ln memory"),
)


@dataclass(frozen=True)
class Footprint:
    """Bytes of queries by kind, arrays (row,).

    Attributes
    ----------
    weights, cache, activations, logits : ndarray
    """

    weights: np.ndarray
    cache: np.ndarray
    activations: np.ndarray
    logits: np.ndarray


def memory_parameters() -> tuple[Parameter, ...]:
    """Coefficients of the memory model."""
    return _SHARED


def footprint(
    architecture: str,
    shape: Shape,
    batch: Array,
    prompt: Array,
    generated: Array = 1,
    deployed: Deployment = DEPLOYED,
) -> Footprint:
    """Bytes of a batch of prompts and ``generated`` tokens after each.

    Recurrent prefills keep the states between chunks; logits are kept of the positions that have some.
    """
    counts = get_architecture(architecture)
    precision = deployed.precision
    attends = mixer_of(architecture) == ATTENTION
    batch = np.asarray(batch, dtype=float)
    prompt = np.asarray(prompt, dtype=float)
    passed = batch * np.maximum(prompt, 1)
    cache = counts.cache_bytes(shape, batch, prompt + generated, precision)
    if not attends:
        chunks = passed / shape.chunk_size
        cache = cache + chunks * shape.num_heads * shape.head_dim_qk * shape.head_dim_v * precision.state
    values = {
        "weights": counts.weight_bytes(shape, precision),
        "cache": cache,
        "activations": passed * (shape.embedding_dim + shape.ffn_dim) * precision.activation,
        "logits": (passed if counts.name in deployed.all_logits else batch) * shape.vocab_size * 2.0,
    }
    arrays = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in values.values()))
    return Footprint(*(np.array(value) for value in arrays))


def log_reserved(xp: Any, c: Mapping[str, Array], used: Footprint) -> Array:
    """ln of the bytes that a query reserves."""
    total = c["fixed"] + used.weights + c["cache"] * used.cache
    return xp.log(total + c["activations"] * used.activations + c["logits"] * used.logits)


def fit_logit(xp: Any, c: Mapping[str, Array], used: Footprint, device: Device) -> Array:
    """Log odds that a query fits the device, the driver's context beside it."""
    needed = xp.log(c["context"] + xp.exp(log_reserved(xp, c, used)))
    return c["edge"] * (log(device.memory_bytes) + xp.log(c["usable"]) - needed)
