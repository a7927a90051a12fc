"""GPU kernels and their timings; they need the extra: ``pip install "bayes-scaling[kernels]"``."""
