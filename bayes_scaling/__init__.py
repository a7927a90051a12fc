"""Bayesian scaling laws: joint posteriors, compute-optimal frontiers, comparisons.

The public names are imported on first use, so that ``import bayes_scaling`` stays quick.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

_HERE = Path(__file__).parent
if not (_HERE / "models").is_dir() and (_HERE.parent / "models").is_dir():
    __path__.append(str(_HERE.parent))  # a clone: models, kernels and data stand beside the package

__version__ = "0.1.0"

_PUBLIC = {
    "load_runs": "data.run_tables",
    "Runs": "runs.table",
    "datasets": "data.catalog",
    "fetch": "data.fetching",
    "import_xlstm_study": "data.study",
    "import_wandb": "data.wandb_export",
    "import_training_logs": "data.training_logs",
    "simulate": "data.simulation",
    "LAWS": "laws.law",
    "Law": "laws.law",
    "get_law": "laws.law",
    "register_law": "laws.law",
    "ModelSpec": "models.spec",
    "fit": "posterior.fitting",
    "Fit": "posterior.posterior",
    "load_fit": "posterior.storage",
    "coefficients": "posterior.posterior",
    "predict": "posterior.prediction",
    "predict_table": "posterior.prediction",
    "prior_predictive": "posterior.prediction",
    "frontier": "questions.frontier",
    "iso_loss": "questions.targets",
    "optimal_for_params": "questions.targets",
    "context_effect": "questions.context_effect",
    "compare": "questions.compare",
    "decide": "decisions.decide",
    "Constraints": "decisions.constraints",
    "lifetime": "decisions.lifetime.lifetime",
    "plan": "decisions.scenarios",
    "Scenario": "decisions.scenarios",
    "load_plan": "decisions.scenarios",
    "design_runs": "decisions.next_runs.next_runs",
    "compare_map": "decisions.winner_map",
    "isoflop_fit": "classical.isoflop",
    "huber_fit": "classical.huber",
    "envelope_fit": "classical.envelope",
    "token_param_slopes": "classical.slopes",
    "save_figures": "plots.study",
    "write_report": "report.writing",
    "loo": "posterior.loo",
    "stack": "posterior.stacking",
    "stacking_weights": "posterior.stacking",
    "compare_models": "posterior.loo",
    "sensitivity": "posterior.sensitivity",
    "sbc": "calibration.sbc",
    "backtest": "calibration.backtest",
    "load_backtest": "calibration.backtest",
    "load_timings": "latency.timings",
    "Timings": "latency.timings",
    "fit_latency": "latency.fitting",
    "LatencyFit": "latency.posterior",
    "load_latency": "latency.storage",
    "planned_runs": "sweep.planning",
    "run_sweep": "sweep.running",
    "preregister": "sweep.preregistration",
    "judge": "sweep.verdict",
    "cite": "posterior.citing",
    "BayesScalingError": "errors",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


class _Package(ModuleType):
    """Keeps ``bs.frontier`` the function: importing the submodule of that name would rebind it."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _PUBLIC and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'bayes_scaling' has no attribute {name!r}")
    value = getattr(import_module(f"bayes_scaling.{_PUBLIC[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
