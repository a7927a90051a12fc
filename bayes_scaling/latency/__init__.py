"""Latency: measured inference times, their posterior, and what it says of queries."""

from bayes_scaling.latency.fitting import fit_latency, prior_fit
from bayes_scaling.latency.posterior import LatencyFit
from bayes_scaling.latency.settings import LatencySettings
from bayes_scaling.latency.storage import load_latency
from bayes_scaling.latency.timings import Timings, load_timings

__all__ = [
    "LatencyFit",
    "LatencySettings",
    "Timings",
    "fit_latency",
    "load_latency",
    "load_timings",
    "prior_fit",
]
