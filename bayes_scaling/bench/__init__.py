"""Timings of the kernels on a device: what the priors of the latency models are made of.

A kernel is timed after it passed its gate. On a GPU the Triton kernels run beside torch's own, on a CPU their
twins in JAX and NumPy do the same work.
"""

from bayes_scaling.bench.rows import COLUMNS, BenchError, BenchRow, load_bench, write_bench
from bayes_scaling.bench.running import bench, get_backend

__all__ = ["COLUMNS", "BenchError", "BenchRow", "bench", "get_backend", "load_bench", "write_bench"]
