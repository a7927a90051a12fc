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
    "load_runs": "runs",
    "Runs": "runs",
    "datasets": "data.catalog",
    "fetch": "data.fetching",
    "import_xlstm_study": "data.study",
    "import_wandb": "data.wandb_export",
    "import_training_logs": "data.training_logs",
    "simulate": "data.simulation",
    "LAWS": "laws",
    "Law": "laws",
    "get_law": "laws",
    "register_law": "laws",
    "ModelSpec": "models.spec",
    "fit": "fitting",
    "Fit": "posterior",
    "load_fit": "storage",
    "coefficients": "posterior",
    "predict": "prediction",
    "predict_table": "prediction",
    "prior_predictive": "prediction",
    "frontier": "frontier",
    "iso_loss": "inverse",
    "optimal_for_params": "inverse",
    "context_effect": "context",
    "compare": "compare",
    "decide": "decisions.deciding",
    "Constraints": "decisions.constraints",
    "lifetime": "decisions.lifetime",
    "plan": "decisions.plans",
    "Scenario": "decisions.plans",
    "load_plan": "decisions.plans",
    "design_runs": "decisions.design",
    "compare_map": "decisions.winners",
    "isoflop_fit": "classical.isoflop",
    "huber_fit": "classical.huber",
    "envelope_fit": "classical.envelope",
    "token_param_slopes": "classical.slopes",
    "save_figures": "figures",
    "write_report": "page.writing",
    "loo": "loo",
    "stack": "stacking",
    "stacking_weights": "stacking",
    "compare_models": "loo",
    "sensitivity": "sensitivity",
    "sbc": "sbc",
    "backtest": "backtest.rolling",
    "load_backtest": "backtest.rolling",
    "load_timings": "latency.timings",
    "Timings": "latency.timings",
    "fit_latency": "latency.fitting",
    "LatencyFit": "latency.posterior",
    "load_latency": "latency.storage",
    "planned_runs": "sweep.planning",
    "run_sweep": "sweep.running",
    "preregister": "sweep.forecast",
    "judge": "sweep.verdict",
    "cite": "cite",
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
