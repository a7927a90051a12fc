"""A latency fit for tests: times and memory grow with params, uncertain by a log-normal factor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm


@dataclass(frozen=True)
class FakeServing:
    """Median step time ``ms_per_1e9`` times params in 1e9; the device holds ``most_params`` at the median."""

    ms_per_1e9: float = 4.0
    most_params: float = 2e10
    spread: float = 0.2

    def probability_below(
        self, *, quantity: str, limit: float, architecture: str, params: Any, batch_size: Any, prefill: Any
    ) -> np.ndarray:
        slower = {"xlstm": 1.0, "transformer": 2.0}[architecture]
        median = slower * self.ms_per_1e9 * np.asarray(params) / 1e9 * (1 + prefill * 1e-4)
        if quantity == "ttft_ms":
            median = 10 * median
        return np.asarray(norm.cdf(np.log(limit / median) / self.spread))

    def fits_probability(
        self, *, architecture: str, params: Any, batch_size: Any, prefill: Any
    ) -> np.ndarray:
        return np.asarray(norm.cdf(np.log(self.most_params / np.asarray(params)) / self.spread))
