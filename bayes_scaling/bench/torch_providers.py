"""torch's own kernels for the same work, timed beside the Triton ones."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from bayes_scaling.bench.backend import Call

Tensors = dict[str, Any]


def torch_copy(torch: ModuleType, inputs: Tensors) -> Call:
    """torch's copy."""
    out = torch.empty_like(inputs["x"])
    return lambda: out.copy_(inputs["x"])


def torch_matmul(torch: ModuleType, inputs: Tensors) -> Call:
    """torch's product, by its library."""
    a = inputs["a"]
    b = inputs["b"]
    out = torch.empty((a.shape[0], b.shape[1]), dtype=a.dtype, device=a.device)
    return lambda: torch.matmul(a, b, out=out)


def torch_decode(torch: ModuleType, inputs: Tensors) -> Call:
    """torch's attention of one query."""
    q = inputs["q"][:, :, None]
    k = inputs["k"]
    v = inputs["v"]
    attend = torch.nn.functional.scaled_dot_product_attention
    return lambda: attend(q, k, v, enable_gqa=q.shape[1] != k.shape[1])


def torch_prefill(torch: ModuleType, inputs: Tensors) -> Call:
    """torch's causal attention."""
    q = inputs["q"]
    k = inputs["k"]
    v = inputs["v"]
    attend = torch.nn.functional.scaled_dot_product_attention
    return lambda: attend(q, k, v, is_causal=True, enable_gqa=q.shape[1] != k.shape[1])


TORCH_CALLS: dict[str, Callable[[ModuleType, Tensors], Call]] = {
    "copy": torch_copy,
    "matmul": torch_matmul,
    "decode_attention": torch_decode,
    "prefill_attention": torch_prefill,
}
