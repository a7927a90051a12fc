"""The kernels by name. Their Triton code is imported on first use."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from bayes_scaling.kernels.attention_specs import DECODE_ATTENTION, PREFILL_ATTENTION
from bayes_scaling.kernels.mlstm_specs import MLSTM_CHUNKWISE, MLSTM_STEP
from bayes_scaling.kernels.simple_specs import COPY, EMPTY, MATMUL, RMSNORM, SWIGLU
from bayes_scaling.kernels.spec import KernelError, KernelSpec

KERNELS = {
    spec.name: spec
    for spec in (
        COPY,
        EMPTY,
        MATMUL,
        RMSNORM,
        SWIGLU,
        DECODE_ATTENTION,
        PREFILL_ATTENTION,
        MLSTM_STEP,
        MLSTM_CHUNKWISE,
    )
}


def get_kernel(name: str) -> KernelSpec:
    """The specification of a kernel.

    Raises
    ------
    KernelError
        No kernel of that name.
    """
    try:
        return KERNELS[name]
    except KeyError:
        raise KernelError(f"kernel {name!r} is not known; the kernels are: {', '.join(KERNELS)}.") from None


def load_code(spec: KernelSpec) -> ModuleType:
    """The module of a kernel's Triton code.

    Raises
    ------
    KernelError
        Triton is not installed.
    """
    try:
        return import_module(f"bayes_scaling.kernels.{spec.name}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "triton":
            raise
        raise KernelError(
            f"{spec.name}: Triton is not installed; run: pip install 'bayes-scaling[kernels]'."
        ) from None
