"""Latency: measured inference times, their posterior, and what it says of queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_scaling.lazy import lazy_names

if TYPE_CHECKING:
    from bayes_scaling.latency.fit import LatencyFit, load_latency
    from bayes_scaling.latency.fitting import fit_latency, prior_fit
    from bayes_scaling.latency.kernel_tables import KernelTable, load_kernel_tables
    from bayes_scaling.latency.load import load_times, replicas
    from bayes_scaling.latency.model_config import config_shape
    from bayes_scaling.latency.prediction import predict
    from bayes_scaling.latency.served import ServedTimings, load_served
    from bayes_scaling.latency.serving import (
        cost_per_million_tokens,
        faster,
        fits_probability,
        largest_batch,
        latency,
        probability_below,
    )
    from bayes_scaling.latency.settings import LatencySettings
    from bayes_scaling.latency.table import predict_table
    from bayes_scaling.latency.timings import Timings, load_timings

_HOMES = {
    "KernelTable": "kernel_tables",
    "LatencyFit": "fit",
    "LatencySettings": "settings",
    "ServedTimings": "served",
    "Timings": "timings",
    "config_shape": "model_config",
    "cost_per_million_tokens": "serving",
    "faster": "serving",
    "fit_latency": "fitting",
    "fits_probability": "serving",
    "largest_batch": "serving",
    "latency": "serving",
    "load_kernel_tables": "kernel_tables",
    "load_latency": "fit",
    "load_served": "served",
    "load_times": "load",
    "load_timings": "timings",
    "predict": "prediction",
    "predict_table": "table",
    "prior_fit": "fitting",
    "probability_below": "serving",
    "replicas": "load",
}

__all__ = [
    "KernelTable",
    "LatencyFit",
    "LatencySettings",
    "ServedTimings",
    "Timings",
    "config_shape",
    "cost_per_million_tokens",
    "faster",
    "fit_latency",
    "fits_probability",
    "largest_batch",
    "latency",
    "load_kernel_tables",
    "load_latency",
    "load_served",
    "load_times",
    "load_timings",
    "predict",
    "predict_table",
    "prior_fit",
    "probability_below",
    "replicas",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
