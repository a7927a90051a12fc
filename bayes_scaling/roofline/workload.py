"""What a query asks of a device: bytes, FLOPs and launches, counted by the accounting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_scaling.accounting import AccountingError, Shape, get_architecture, mlstm_cell, transformer, xlstm
from bayes_scaling.accounting.work import BF16, Precision, logits_flops
from bayes_scaling.roofline.devices import Device
from bayes_scaling.roofline.launches import Fusion, block_launches, numbers_moved

Array = Any
ATTENTION, RECURRENT = "attention", "recurrent"
_MIXERS = {"transformer": (ATTENTION, transformer), "xlstm": (RECURRENT, xlstm)}
LOGIT_BYTES = 4  # logits are kept in float32
HEAD_WIDTH = 128.0  # rates of attention are those of heads this wide


@dataclass(frozen=True)
class Deployment:
    """How a model is served, beside its device.

    Attributes
    ----------
    precision : Precision
        Bytes of a weight, an activation, a kept key or value, and a number of a recurrent state.
    fusion : {"eager", "fused"}
        Whether each elementwise operation is a kernel of its own.
    all_logits : tuple of str
        Architectures whose prefill computes the logits of all positions; the others' only of the last.
    parallel : int
        Devices that share each matrix (tensor parallel); see `parallel_device` of the devices.
    """

    precision: Precision = BF16
    fusion: Fusion = "eager"
    all_logits: tuple[str, ...] = ()
    parallel: int = 1


DEPLOYED = Deployment()


@dataclass(frozen=True)
class Workload:
    """Counts of queries, arrays of one shape (row,).

    Attributes
    ----------
    single : ndarray
        1 where the batch is one sequence: other kernels run there.
    products, mixers, small : ndarray
        Launches of matrix products, of sequence mixers, and of norms, sums, gates and copies.
    work_before : ndarray
        FLOPs of the prompt, done before the first decoding step.
    weight_bytes : ndarray
        All matrices once; the embedding is only looked up.
    matmul_flops : ndarray
    activation_bytes : ndarray
        What the small kernels read and write.
    logit_bytes : ndarray
    key_bytes : ndarray
        Keys and values of all heads that a step reads; attention only.
    crowding : ndarray
        Rounds in which all heads of the batch get a unit of the device, times units over heads.
    pairs : ndarray
        FLOPs of causal scores and values; attention only.
    mixer_bytes : ndarray
        States and streams of recurrent mixers.
    serial_tokens : ndarray
        Blocks x tokens of a prompt: the walk of a recurrent mixer.
    elements : ndarray
        Numbers of the attention's outputs; attention only.
    head_width : ndarray
        Head dimension over 128.
    padded_width : ndarray
        The same of the next power of two, as kernels take it.
    relative_context : ndarray
        Tokens over head dimension.
    reduces, reduced_bytes : ndarray
        Sums over the devices that share a model, two a block, and what each device sends for them.
    """

    single: np.ndarray
    products: np.ndarray
    mixers: np.ndarray
    small: np.ndarray
    work_before: np.ndarray
    weight_bytes: np.ndarray
    matmul_flops: np.ndarray
    activation_bytes: np.ndarray
    logit_bytes: np.ndarray
    key_bytes: np.ndarray
    crowding: np.ndarray
    pairs: np.ndarray
    mixer_bytes: np.ndarray
    serial_tokens: np.ndarray
    elements: np.ndarray
    head_width: np.ndarray
    padded_width: np.ndarray
    relative_context: np.ndarray
    reduces: np.ndarray
    reduced_bytes: np.ndarray


def mixer_of(architecture: str) -> str:
    """The kind of sequence mixer of an architecture.

    Raises
    ------
    AccountingError
        An unknown architecture, or one whose inference has no formula here.
    """
    name = get_architecture(architecture).name
    if name not in _MIXERS:
        raise AccountingError(
            f"architecture {architecture!r} has no latency formula: give one of {', '.join(_MIXERS)}"
        )
    return _MIXERS[name][0]


def decode_workload(
    architecture: str,
    shape: Shape,
    batch: Array,
    context: Array,
    device: Device,
    before: Array = 0,
    deployed: Deployment = DEPLOYED,
) -> Workload:
    """Counts of one decoding step.

    Parameters
    ----------
    architecture : str
    shape : Shape
        Scalars or arrays (row,).
    batch, context : array
        Sequences, and keys that the step reads.
    device : Device
    before : array
        Tokens of the prompt.
    deployed : Deployment

    Returns
    -------
    Workload
    """
    name = get_architecture(architecture).name
    kind, counts = _MIXERS[name]
    values = _shared(name, shape, (batch, np.ones_like(batch, dtype=float), batch), deployed)
    values["work_before"] = batch * before * counts.backbone_flops(shape)
    values["relative_context"] = context / shape.head_dim_v
    if kind == ATTENTION:
        heads = np.asarray(batch * shape.num_kv_heads, dtype=float)
        values["key_bytes"] = counts.cache_bytes(shape, batch, context, deployed.precision)
        values["crowding"] = np.ceil(heads / device.units) * device.units / heads
    else:
        values["mixer_bytes"] = batch * shape.num_blocks * mlstm_cell.step_bytes(shape, deployed.precision)
    return _workload(values)


def prefill_workload(
    architecture: str,
    shape: Shape,
    batch: Array,
    prompt: Array,
    device: Device,
    deployed: Deployment = DEPLOYED,
) -> Workload:
    """Counts of a prompt up to its first token; arguments as for `decode_workload`."""
    name = get_architecture(architecture).name
    kind, _ = _MIXERS[name]
    prompt = np.asarray(prompt, dtype=float)
    positions = batch * prompt if name in deployed.all_logits else batch
    values = _shared(name, shape, (batch, prompt, positions), deployed)
    values["relative_context"] = prompt / shape.head_dim_v
    outputs = shape.num_blocks * batch * prompt * shape.num_heads * shape.head_dim_v
    if kind == ATTENTION:
        widths = shape.head_dim_qk + shape.head_dim_v
        values["pairs"] = shape.num_blocks * batch * prompt**2 * shape.num_heads * widths
        values["elements"] = outputs
    else:
        streams = mlstm_cell.chunkwise_bytes(shape, prompt, deployed.precision)
        values["mixer_bytes"] = shape.num_blocks * batch * streams
        values["serial_tokens"] = shape.num_blocks * prompt
    return _workload(values)


def padded(head_dim: Array) -> np.ndarray:
    """Head dimensions as kernels take them: the next power of two."""
    return np.asarray(2.0 ** np.ceil(np.log2(np.asarray(head_dim, dtype=float)) - 1e-9))


def _shared(
    name: str, shape: Shape, sizes: tuple[Array, Array, Array], deployed: Deployment
) -> dict[str, Array]:
    """Counts that both phases share; ``sizes`` are sequences, tokens of each, and positions with logits."""
    batch = np.asarray(sizes[0], dtype=float)
    tokens = np.asarray(sizes[1], dtype=float)
    logits = np.asarray(sizes[2], dtype=float)
    _, counts = _MIXERS[name]
    launches = block_launches(name, deployed.fusion)
    blocks = 1.0 * shape.num_blocks
    passed = batch * tokens
    weights = blocks * counts.block_weights(shape) + shape.embedding_dim * (shape.vocab_size + 1)
    moved = blocks * passed * numbers_moved(name, shape, deployed.fusion)
    reduces = 2 * blocks * (deployed.parallel > 1)
    sent = 2 * (1 - 1 / deployed.parallel) * passed * shape.embedding_dim * deployed.precision.activation
    return {
        "single": (batch == 1).astype(float),
        "products": blocks * launches.products + 1,  # and the head
        "mixers": blocks * launches.mixers,
        "small": blocks * launches.small + 3,  # the embedding, the last norm, the choice of a token
        "weight_bytes": weights * deployed.precision.weight,
        "matmul_flops": passed * counts.backbone_flops(shape) + logits * logits_flops(shape),
        "activation_bytes": moved * deployed.precision.activation,
        "logit_bytes": logits * shape.vocab_size * LOGIT_BYTES,
        "reduces": reduces,
        "reduced_bytes": reduces * sent,
        "head_width": shape.head_dim_v / HEAD_WIDTH,
        "padded_width": padded(shape.head_dim_v) / HEAD_WIDTH,
    }


_ABSENT = {"crowding": 1.0}  # what a count is where a phase or a mixer has no such thing; else 0


def _workload(values: dict[str, Array]) -> Workload:
    names = tuple(Workload.__dataclass_fields__)
    found = (np.asarray(values.get(name, _ABSENT.get(name, 0.0)), dtype=float) for name in names)
    arrays = np.broadcast_arrays(*found)
    return Workload(**{name: np.array(value) for name, value in zip(names, arrays, strict=True)})
