"""GPU kernels and their timings.

Specifications and references need NumPy only; the Triton code needs the extra:
``pip install "bayes-scaling[kernels]"``.
"""

from bayes_scaling.kernels.registry import KERNELS, get_kernel, load_code
from bayes_scaling.kernels.spec import Config, KernelError, KernelSpec, parse_shape, shape_text

__all__ = [
    "KERNELS",
    "Config",
    "KernelError",
    "KernelSpec",
    "get_kernel",
    "load_code",
    "parse_shape",
    "shape_text",
]
