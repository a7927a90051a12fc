"""Bayesian scaling laws: joint posteriors, compute-optimal frontiers, comparisons.

The public names are imported on first use, so that ``import bayes_scaling`` stays quick. Type checkers and
editors read them under ``TYPE_CHECKING``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bayes_scaling.lazy import lazy_names

_HERE = Path(__file__).parent
if not (_HERE / "models").is_dir() and (_HERE.parent / "models").is_dir():
    __path__.append(str(_HERE.parent))  # a clone: models, kernels and data stand beside the package

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bayes_scaling import accounting, classical, data, errors, latency, laws, models, plots, sweep
    from bayes_scaling.calibration.backtest import backtest, load_backtest
    from bayes_scaling.calibration.judging import judge
    from bayes_scaling.calibration.preregistration import preregister
    from bayes_scaling.calibration.sbc import sbc
    from bayes_scaling.data.run_tables import load_runs
    from bayes_scaling.decisions.decide import decide
    from bayes_scaling.decisions.lifetime.lifetime import lifetime
    from bayes_scaling.decisions.limits import Limits
    from bayes_scaling.decisions.next_runs.next_runs import design_runs
    from bayes_scaling.decisions.scenarios import Scenario, load_plan, plan
    from bayes_scaling.decisions.winner_map import compare_map
    from bayes_scaling.errors import BayesScalingError
    from bayes_scaling.models.spec import ModelSpec
    from bayes_scaling.plots.study import save_figures
    from bayes_scaling.posterior.citing import cite
    from bayes_scaling.posterior.coefficients import coefficients
    from bayes_scaling.posterior.fit import Fit, load_fit
    from bayes_scaling.posterior.fitting import fit
    from bayes_scaling.posterior.loo import compare_models, loo
    from bayes_scaling.posterior.prediction import predict, predict_table, prior_predictive
    from bayes_scaling.posterior.sensitivity import sensitivity
    from bayes_scaling.posterior.stacking import stack, stacking_weights
    from bayes_scaling.questions.compare import compare
    from bayes_scaling.questions.compare_runs import compare_runs
    from bayes_scaling.questions.context_effect import context_effect
    from bayes_scaling.questions.epochs import best_epochs
    from bayes_scaling.questions.frontier import frontier
    from bayes_scaling.questions.targets import iso_loss, optimal_for_params
    from bayes_scaling.report.writing import write_report
    from bayes_scaling.runs.table import Runs

_HOMES = {
    "load_runs": "data.run_tables",
    "Runs": "runs.table",
    "ModelSpec": "models.spec",
    "fit": "posterior.fitting",
    "Fit": "posterior.fit",
    "load_fit": "posterior.fit",
    "coefficients": "posterior.coefficients",
    "predict": "posterior.prediction",
    "predict_table": "posterior.prediction",
    "prior_predictive": "posterior.prediction",
    "frontier": "questions.frontier",
    "iso_loss": "questions.targets",
    "optimal_for_params": "questions.targets",
    "context_effect": "questions.context_effect",
    "best_epochs": "questions.epochs",
    "compare": "questions.compare",
    "compare_runs": "questions.compare_runs",
    "decide": "decisions.decide",
    "Limits": "decisions.limits",
    "lifetime": "decisions.lifetime.lifetime",
    "plan": "decisions.scenarios",
    "Scenario": "decisions.scenarios",
    "load_plan": "decisions.scenarios",
    "design_runs": "decisions.next_runs.next_runs",
    "compare_map": "decisions.winner_map",
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
    "preregister": "calibration.preregistration",
    "judge": "calibration.judging",
    "cite": "posterior.citing",
    "BayesScalingError": "errors",
}
_ROOMS = ("accounting", "classical", "data", "errors", "latency", "laws", "models", "plots", "sweep")

__all__ = [
    "BayesScalingError",
    "Fit",
    "Limits",
    "ModelSpec",
    "Runs",
    "Scenario",
    "__version__",
    "accounting",
    "backtest",
    "best_epochs",
    "cite",
    "classical",
    "coefficients",
    "compare",
    "compare_map",
    "compare_models",
    "compare_runs",
    "context_effect",
    "data",
    "decide",
    "design_runs",
    "errors",
    "fit",
    "frontier",
    "iso_loss",
    "judge",
    "latency",
    "laws",
    "lifetime",
    "load_backtest",
    "load_fit",
    "load_plan",
    "load_runs",
    "loo",
    "models",
    "optimal_for_params",
    "plan",
    "plots",
    "predict",
    "predict_table",
    "preregister",
    "prior_predictive",
    "save_figures",
    "sbc",
    "sensitivity",
    "stack",
    "stacking_weights",
    "sweep",
    "write_report",
]

if not TYPE_CHECKING:  # a checker would take every name for known
    __getattr__, __dir__ = lazy_names(__name__, _HOMES, _ROOMS)
