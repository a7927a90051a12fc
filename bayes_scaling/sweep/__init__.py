"""A scaling sweep of our own: corpus, models, training, results, predictions and how they did.

Planning and running need no JAX in the calling process; each training process imports it for itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_scaling.lazy import lazy_names

if TYPE_CHECKING:
    from bayes_scaling.sweep.planning import planned_runs
    from bayes_scaling.sweep.preregistration import preregister_sweep
    from bayes_scaling.sweep.running import run_sweep
    from bayes_scaling.sweep.verdict import judge_sweep

_HOMES = {
    "judge_sweep": "verdict",
    "planned_runs": "planning",
    "preregister_sweep": "preregistration",
    "run_sweep": "running",
}

__all__ = [
    "judge_sweep",
    "planned_runs",
    "preregister_sweep",
    "run_sweep",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
