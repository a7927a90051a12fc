"""What a query asks of a device: bytes, FLOPs, launches and waves, counted by the accounting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_scaling.accounting import AccountingError, Shape, get_architecture, mlstm_cell, transformer, xlstm
from bayes_scaling.accounting.work import BF16, Precision, logits_flops
from bayes_scaling.roofline.devices import Device

Array = Any
ATTENTION, RECURRENT = "attention", "recurrent"
_MIXERS = {"transformer": (ATTENTION, transformer), "xlstm": (RECURRENT, xlstm)}
LOGIT_BYTES = 4  # logits are kept in float32


@dataclass(frozen=True)
class Workload:
    """Counts of queries, arrays of one shape (row,).

    Attributes
    ----------
    single : ndarray
        1 where the batch is one sequence: other kernels run there.
    blocks : ndarray
    tokens : ndarray
        Tokens a sequence brings: the prompt in a prefill, 1 in a decoding step.
    work_before : ndarray
        FLOPs of the prompt, done before the first decoding step.
    weight_bytes : ndarray
        All matrices once; the embedding is only looked up.
    matmul_flops : ndarray
    activation_bytes : ndarray
    logit_bytes : ndarray
    waves : ndarray
        Blocks x rounds in which all heads of the batch get a unit of the device.
    key_bytes : ndarray
        Keys and values of one head; attention only.
    pairs : ndarray
        FLOPs of causal scores and values; attention only.
    mixer_bytes : ndarray
        States and streams of recurrent mixers.
    elements : ndarray
        Numbers of the attention's outputs; attention only.
    head_width : ndarray
        Padded head dimension over 128.
    relative_context : ndarray
        Tokens over head dimension.
    """

    single: np.ndarray
    blocks: np.ndarray
    tokens: np.ndarray
    work_before: np.ndarray
    weight_bytes: np.ndarray
    matmul_flops: np.ndarray
    activation_bytes: np.ndarray
    logit_bytes: np.ndarray
    waves: np.ndarray
    key_bytes: np.ndarray
    pairs: np.ndarray
    mixer_bytes: np.ndarray
    elements: np.ndarray
    head_width: np.ndarray
    relative_context: np.ndarray


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
    precision: Precision = BF16,
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
    precision : Precision

    Returns
    -------
    Workload
    """
    kind, counts = _MIXERS[get_architecture(architecture).name]
    tokens = np.ones_like(np.asarray(batch, dtype=float))
    streams = batch * shape.num_blocks * mlstm_cell.step_bytes(shape, precision) if kind == RECURRENT else 0.0
    values = _counts(kind, counts, shape, (batch, tokens, batch), device, precision, context)
    width = padded(shape.head_dim_v) / 128
    done = batch * before * counts.backbone_flops(shape)
    return _workload({**values, "mixer_bytes": streams, "head_width": width, "work_before": done})


def prefill_workload(
    architecture: str, shape: Shape, batch: Array, prompt: Array, device: Device, precision: Precision = BF16
) -> Workload:
    """Counts of a prompt up to its first token; arguments as for `decode_workload`.

    Recurrent models as timed compute the logits of all positions, Transformers those of the last.
    """
    kind, counts = _MIXERS[get_architecture(architecture).name]
    prompt = np.asarray(prompt, dtype=float)
    streams: Array = 0.0
    heads_out = batch
    if kind == RECURRENT:
        streams = shape.num_blocks * batch * mlstm_cell.chunkwise_bytes(shape, prompt, precision)
        heads_out = batch * prompt
    values = _counts(kind, counts, shape, (batch, prompt, heads_out), device, precision, prompt)
    width = _half_padded(shape) / 128
    return _workload({**values, "mixer_bytes": streams, "head_width": width, "work_before": 0.0})


def padded(head_dim: Array) -> np.ndarray:
    """Head dimensions as kernels take them: the next power of two."""
    return np.asarray(2.0 ** np.ceil(np.log2(np.asarray(head_dim, dtype=float)) - 1e-9))


def _half_padded(shape: Shape) -> np.ndarray:
    """Geometric mean of the head dimension and its padding: part of a prefill pays for the padding."""
    return np.sqrt(padded(shape.head_dim_v) * shape.head_dim_v)


def _counts(
    kind: str,
    counts: Any,
    shape: Shape,
    sizes: tuple[Array, Array, Array],
    device: Device,
    precision: Precision,
    context: Array,
) -> dict[str, Array]:
    """Counts that both phases share; ``sizes`` are sequences, tokens of each, and positions with logits."""
    batch, tokens, logits = (np.asarray(each, dtype=float) for each in sizes)
    body = counts.backbone_flops(shape)
    head = logits_flops(shape)
    weights = shape.num_blocks * counts.block_weights(shape) + shape.embedding_dim * (shape.vocab_size + 1)
    blocks = 1.0 * shape.num_blocks
    passed = batch * tokens
    attends = 1.0 if kind == ATTENTION else 0.0
    return {
        "single": (batch == 1).astype(float),
        "blocks": blocks,
        "tokens": tokens,
        "weight_bytes": weights * precision.weight,
        "matmul_flops": passed * body + logits * head,
        "activation_bytes": blocks * passed * counts.block_activations(shape) * precision.activation,
        "logit_bytes": logits * shape.vocab_size * LOGIT_BYTES,
        "waves": blocks * np.ceil(batch * shape.num_kv_heads / device.units),
        "key_bytes": attends * context * 2 * 128 * precision.activation,
        "pairs": attends * blocks * passed * shape.num_heads * context * 2 * 128,
        "elements": attends * blocks * passed * shape.num_heads * _half_padded(shape),
        "relative_context": context / shape.head_dim_v,
    }


def _workload(values: dict[str, Array]) -> Workload:
    arrays = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in values.values()))
    return Workload(**{name: np.array(value) for name, value in zip(values, arrays, strict=True)})
